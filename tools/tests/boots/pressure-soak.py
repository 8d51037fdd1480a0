#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: soak time=5400
"""All stress programs at once, for an hour, on the debug build: 4 CPUs, two swap areas of equal priority, three times memory together,
which are switched off and on all the while; the oracle every minute.

usage: pressure-soak.py [--seconds N] [--memory SIZE] [--block virtio|ata] [--seed N] [--log FILE]

Each program runs again and again, with another seed each time, until the time is over. Wanted: every program every time ok, no message of
the kernel, nobody killed for want of memory, and at the end, swap off again, zones and slabs as they were after a first short round.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
RUN = os.environ.get("RUN", f"{ROOT}/tools/run")
# What each loop runs. All of it together is less than memory and one area hold, so that the other may go.
PROGRAMS = [
    "thrash --size {0}M --processes 2 --random --passes 1", "thrash --size {1}M --passes 1", "cowtree --size 1M --depth 3 --rounds 2",
    "forkstorm --seconds 20 --processes 20 --busy", "mapmany --vmas 500 --tasks 2 --random", "reversed --pages 500 --forks 3", "shmdb --size {1}M --seconds 20",
    "lockhog --size 8M --seconds 20", "truncrace --seconds 20", "fill --size {2}M --passes 1", "lowmemhog --busy", "procstorm --seconds 20 --workers 2",
    "student syscallstorm --seconds 20 --workers 2 --patience 120", "remapper --seconds 20",
]
# Lines that belong to what runs; anything else that the kernel says is trouble.
EXPECTED = re.compile(r"swap: |Adding |swapoff|syscallstorm|procstorm|nonlinear areas are for CAP_IPC_LOCK|^$") # the storm's workers rename themselves

GUEST = r"""
seconds=$1; first=$2
student() { su student -c "$*"; } # root's random calls would change the modes of /bin/busybox and the like
now() { cut -d. -f1 /proc/uptime; }
loop() { # NUMBER COMMAND...: until the time is over, or it fails
	n=$1; shift; seed=$((first + n * 1000)); mkdir -p /tmp/work.$n; cd /tmp/work.$n
	while [ $(now) -lt $end ]; do
		seed=$((seed + 1))
		"$@" --seed $seed >/tmp/soak.$n 2>&1; status=$?
		tail -c 1000 /tmp/soak.$n | grep -a result= | tail -n 1 >>/tmp/soak.done
		[ $status = 0 -o $status = 3 ] || { echo "@bad $* --seed $seed: status $status"; tail -c 1000 /tmp/soak.$n | tail -n 5; }
		[ $status = 0 ] || break
	done
	cd /; rm -rf /tmp/work.$n
}
oracles() { while [ $(now) -lt $end ]; do
	next=$(($(now) + 60)); echo 1 >/proc/rmap_oracle && echo oracle >>/tmp/soak.oracle
	echo "@minute $(now) $(grep -c . /tmp/soak.done) runs, $(grep SwapFree /proc/meminfo)"; while [ $(now) -lt $next -a $(now) -lt $end ]; do sleep 1; done; done; }
all() {
	end=$(($(now) + $1)); : >/tmp/soak.done; n=0
	while read -r command; do n=$((n + 1)); loop $n $command & done </soak/programs
	swapcycle --seconds $1 >/tmp/soak.cycle & cycle=$!
	oracles &
	wait $cycle; bad=$?; wait; cat /tmp/soak.cycle; [ $bad = 0 ] || echo "@bad swapcycle: status $bad"
}
off() { sync; for area in $(tail -n +2 /proc/swaps | cut -f1 -d' '); do swapoff $area || echo "@bad swapoff $area"; echo $area; done >/tmp/areas
	[ -s /tmp/areas ] || { echo "@bad no swap area was on"; cat /proc/swaps; }; }
on() { for area in $(cat /tmp/areas); do swapon $area; done; }
all 20; off; ls -lR /tmp >/tmp/files; cp /proc/lowmem /tmp/low; leakcheck --mark-all /tmp/mark; on
kills=$(grep oom_kill /proc/vmstat)
dmesg -c >/dev/null
echo "@start"
all $seconds
off
# What the student's random calls have left on purpose or by a changed mode is no leak of the kernel's.
rm -rf /tmp/storm.*; cut -d' ' -f1 /tmp/soak.done | sort | uniq -c >/tmp/runs; rm /tmp/soak.done
leakcheck --compare-all /tmp/mark && echo "@whole" || { diff /tmp/low /proc/lowmem; ls -lR /tmp | diff /tmp/files -; }
[ "$kills" = "$(grep oom_kill /proc/vmstat)" ] || echo "@bad $(grep oom_kill /proc/vmstat), before: $kills"
cat /tmp/runs
echo "@oracles $(grep -c . /tmp/soak.oracle)"
dmesg
"""


def command(opts, tmp):
    mb = opts.memory
    with open(f"{tmp}/programs", "w", encoding="ascii") as f:
        f.write("".join(p.format(mb // 2, mb // 3, mb // 5) + "\n" for p in PROGRAMS))
    with open(f"{tmp}/soak.sh", "w", encoding="ascii") as f:
        f.write(GUEST)
    swap = f"{mb * 3 // 2}M"
    return [RUN, "--debug", "-m", f"{mb}M", "-s", "4", "-a", f"lowmem={mb * 9 // 16}M", "--swap", swap, "--swap", swap, "--block", opts.block, "--add", f"{tmp}:/soak",
            "--timeout", str(opts.seconds * 1.3 + 400), "--log", opts.log, "--", "sh", "/soak/soak.sh", str(opts.seconds), str(opts.seed)]


def messages(lines):
    """What the kernel said after the first round, but for what was to be expected."""
    said = lines[next((n + 1 for n, s in enumerate(lines) if s.startswith("@oracles")), len(lines)):]
    return [s for s in said if s and not EXPECTED.search(s)]


def judge(lines, status):
    """=> what is wrong, line by line"""
    wrong = [s for n, s in enumerate(lines) if any(t.startswith(("@bad", "not ok")) for t in lines[max(0, n - 5):n + 1])]
    wrong += [f"the kernel says: {s}" for s in messages(lines)]
    if "@whole" not in lines:
        wrong.append("it did not come to its end with everything given back")
    return (wrong + ([f"status {status}"] if status else []))[:60]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=int, default=3600)
    p.add_argument("--memory", type=int, default=256, help="megabytes")
    p.add_argument("--block", default="virtio")
    p.add_argument("--seed", type=int, default=int(time.time()) % 100000 * 100)
    p.add_argument("--log", default=None)
    opts = p.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        opts.log = opts.log or f"{tmp}.log"
        lines = []
        with subprocess.Popen(command(opts, tmp), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace") as run:
            for line in run.stdout:
                lines.append(line.rstrip())
                print("# " + lines[-1], flush=True)
    wrong = judge(lines, run.returncode)
    print(f"{'not ' if wrong else ''}ok 1 - all stress programs at once for {opts.seconds} seconds, seed {opts.seed}, {opts.block}")
    for line in wrong:
        print("# wrong: " + line)
    print("1..1")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
