#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=400
"""The bundled stress programs, briefly; soak.py has the long forms. A kernel message of trouble fails a run as well."""
import os
import re
import subprocess
import sys
import tempfile

from tap import done, ok

TROUBLE = re.compile(r"panic:|\b[Ww]arning\b|\bWARN|\bBUG\b|lockdep:|[Uu][Bb][Ss][Aa][Nn]|oracle:")
# name, options of tools/run, command, seconds, and what its last line must say
SHORT = [
    ("fill, 1 GB in 8 processes at 32 GB: all of it in high memory", ["-m", "32G", "-s", "2"], "fill --size 1G --passes 1", 120,
     {"result": "ok", "errors": "0", "low_mb": range(0, 9), "high_mb": range(1020, 1200)}),
    ("fill where there is no high memory", ["-m", "256M", "-s", "4"], "fill --size 100M", 60, {"result": "ok", "verified_mb": range(190, 201)}),
    ("forkstorm: 200 processes on 4 CPUs leave nothing behind", ["-m", "1G", "-s", "4"], "forkstorm --seconds 8", 90, {"result": "ok"}),
    ("thrash: twice memory, on a fresh swap disk", ["-m", "96M", "-s", "2", "--swap", "300M"], "thrash --passes 1", 120, {"result": "ok", "errors": "0"}),
    ("the others, where memory is short, on the debug build", ["--debug", "-m", "96M", "-s", "2", "--swap", "150M", "--block", "ata"],
     "cowtree --size 2M --depth 3 && mapmany --vmas 1000 --tasks 2 --random && reversed --pages 1000 --forks 3 && shmdb --size 30M --seconds 3 && "
     "lockhog --seconds 2 --size 4M --pressure && truncrace --seconds 2 && echo 1 > /proc/rmap_oracle && lowmemhog", 150, {"result": "ok"}),
    ("remapper: windows rearranged, counted by the oracle", ["--debug", "-m", "128M", "-s", "4"],
     "(sleep 2; echo 1 > /proc/rmap_oracle) & remapper --seconds 4 --pages 2048 && wait", 60, {"result": "ok", "errors": "0"}),
    ("remapper as an ordinary user", ["-m", "128M", "-s", "2"],
     "su student -c 'remapper --seconds 1'; [ $? = 4 ] && echo 1 > /proc/sys/vm/nonlinear && su student -c 'remapper --seconds 1 --window 256'", 60, {"result": "ok"}),
    ("bufcache, three ways, and beside", ["-m", "96M", "-s", "2", "--swap", "150M"],
     "for h in rfp place mmap; do bufcache --how $h --window 8M --file 64M --moves 2000 || exit; done; beside --how nonlinear --areas 200 --size 100M --rounds 1",
     60, {"result": "ok", "how": "nonlinear"}),
    ("the race between a fault and a truncation, lost on purpose: racy", ["--debug", "-m", "128M", "-a", "truncate=racy"], "truncrace --lose 3", 60,
     {"result": "ok", "protocol": "racy", "raced": "3", "orphaned": "3", "lost": "3"}),
    ("... not lost: count", ["--debug", "-m", "128M", "-a", "truncate=count"], "truncrace --lose 3; truncrace --seconds 2 && truncrace --lose 1 && echo 1 > /proc/rmap_oracle", 60,
     {"result": "ok", "protocol": "count", "orphaned": "0", "lost": "0"}),
    ("... nor pagelock", ["--debug", "-m", "128M"], "truncrace --lose 3", 60, {"result": "ok", "protocol": "pagelock", "raced": "3", "orphaned": "0", "lost": "0"}),
    ("syscallstorm, as root and not, on the debug build", ["--debug", "-m", "256M", "-s", "2"], "syscallstorm --seconds 20", 90, {"result": "ok"}),
]
LONG = [
    ("fill, 12 GB at 32 GB: all of it in high memory", ["-m", "32G", "-s", "2"], "fill --size 12G", 1800,
     {"result": "ok", "errors": "0", "low_mb": range(0, 33), "high_mb": range(12280, 12600)}),
    ("forkstorm for a minute on 4 CPUs", ["-m", "1G", "-s", "4"], "forkstorm --seconds 60", 300, {"result": "ok"}),
    ("syscallstorm for ten minutes on the debug build", ["--debug", "-m", "256M", "-s", "2"], "syscallstorm --seconds 600", 900, {"result": "ok"}),
    ("the same with another seed, one CPU", ["--debug", "-m", "128M", "-s", "1"], "syscallstorm --seconds 300 --seed 77", 600, {"result": "ok"}),
]


def wrong(line, want):
    got = dict(w.partition("=")[::2] for w in line.split()[1:])
    for key, value in want.items():
        have = got.get(key, "nothing")
        if (isinstance(value, range) and not (have.isdigit() and int(have) in value)) or (isinstance(value, str) and have != value):
            return f"{key} is {have}, wanted {value}"
    return None


def check(options, command, seconds, want):
    """=> None, or what is wrong"""
    with tempfile.TemporaryDirectory() as tmp:
        r = subprocess.run([os.environ["RUN"], *options, "--timeout", str(seconds), "--log", f"{tmp}/log", "--", "sh", "-c", command],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        with open(f"{tmp}/log", encoding="utf-8", errors="replace") as f:
            log = f.read()
    lines = r.stdout.strip().splitlines()
    why = wrong(lines[-1], want) if lines else "no output"
    trouble = [s for s in log.splitlines() if TROUBLE.search(s)]
    if why or r.returncode or trouble:
        return "\n".join([why or f"status {r.returncode}", *lines[-5:], *r.stderr.splitlines()[-40:], *trouble[:20]])
    return None


def main(runs):
    for name, *run in runs:
        why = check(*run)
        ok(why is None, name, why)
    return done()


if __name__ == "__main__":
    sys.exit(main(SHORT))
