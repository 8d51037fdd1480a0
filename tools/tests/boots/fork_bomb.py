#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=all time=300
"""A fork bomb of an ordinary user at 32 GB, with the limits as they are: root's shell answers within ten seconds all the while and after root has
ended it, nothing is killed for want of memory, and low memory comes back."""
import os
import subprocess
import sys

from tap import done, ok

SCRIPT = r"""
now() { read -r t _ < /proc/uptime; t=$((${t%.*} * 1000 + 1${t#*.} * 10 - 1000)); }
low() { while read -r name kb _; do [ $name = LowFree: ] && low=$kb; done < /proc/meminfo; }
tasks() { read -r _ _ _ n _ < /proc/loadavg; n=${n#*/}; }
low; before=$low; tasks; had=$n; most=0; worst=0; commands=0
bomb() { bombs=$((bombs + 1)); su student -c 'b() { b | b & }; b' > /dev/null 2>&1 & }
bombs=0; bomb
now; start=$t; end=$((start + 30000))
while now; [ $t -lt $end ]; do
	a=$t; ls -l /dev > /dev/null; now; took=$((t - a))
	[ $took -gt $worst ] && worst=$took
	commands=$((commands + 1)); tasks; [ $n -gt $most ] && most=$n
	[ $n -lt 200 ] && bomb # at the limit its shells cannot fork and leave: on a quiet host it burns out in seconds
	usleep 100000
done
mean=$(((t - start) / commands - 100))
now; a=$t
while now; [ $t -lt $((a + 60000)) ]; do
	start-stop-daemon -K -q -s KILL -u student > /dev/null 2>&1
	tasks; [ $n -le $((had + 10)) ] && break
	usleep 100000
done
now; over=$((t - a)); left=$((n - had))
now; a=$t; ls -l /dev > /dev/null; now; after=$((t - a))
sleep 2; low
echo "forkbomb bombs=$bombs commands=$commands mean_ms=$mean worst_ms=$worst tasks=$most over_ms=$over left=$left after_ms=$after low_before=$before low_after=$low"
grep oom_kill /proc/vmstat
"""
LIMIT = 10000  # ms; measured: mm/reclaim/README.md


def main():
    r = subprocess.run([os.environ["RUN"], "-m", "32G", "-s", "2", "--timeout", "280", "--", "sh", "-c", SCRIPT], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, errors="replace", check=False)
    line = next((one for one in r.stdout.splitlines() if one.startswith("forkbomb ")), "")
    got = {k: int(v) for k, v in (word.split("=") for word in line.split()[1:])}
    why = f"{line}\n{r.stdout}{r.stderr}"
    value = lambda name, otherwise=-1: got.get(name, otherwise)  # noqa: E731
    ok(value("tasks") > 2000, f"it was a bomb: {value('tasks')} tasks", why)
    ok(0 <= value("worst_ms") < LIMIT, f"each of {value('commands')} commands of root's took less than 10 s: {value('worst_ms')} ms at most, "
                                       f"{value('mean_ms')} ms in the mean")
    ok(value("left", 11) <= 10 and 0 <= value("over_ms") < 60000, f"root ends it, killing process by process: over after {value('over_ms')} ms")
    ok(0 <= value("after_ms") < LIMIT, f"then the shell answers: {value('after_ms')} ms")
    ok(value("low_before", 1 << 30) - value("low_after") < 16384, f"low memory is back: {value('low_before')} kB free before, {value('low_after')} kB after")
    ok("oom_kill 0\n" in r.stdout, "nothing was killed for want of memory")
    print(f"# {line}")
    return done()


if __name__ == "__main__":
    sys.exit(main())
