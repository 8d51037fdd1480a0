#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=300
"""Memory sizes, CPU counts and emulators: each boots, sees what it was given, and /proc/lowmem adds up."""
import os
import re
import subprocess
import sys

from tap import done, ok

RUN = os.environ["RUN"]
# memory, CPUs, more options, share of the memory that must be seen
MACHINES = [("64M", 1, [], 0.80), ("64M", 8, [], 0.75), ("900M", 2, [], 0.95), ("4G", 2, [], 0.98), ("4G", 2, ["--emulator", "qemu32"], 0.98),
            ("32G", 1, [], 0.98), ("32G", 8, [], 0.98), ("32G", 2, ["--iso"], 0.98), ("64G", 2, [], 0.98), ("256M", 16, [], 0.9),
            ("1G", 2, ["-a", "lowmem=64M"], 0.9), ("512M", 1, ["--icount"], 0.9)]
UNITS = {"M": 1 << 10, "G": 1 << 20}


def sum_of_lowmem(text):
    """=> (sum of the consumers, LowPresent) in kB"""
    rows = dict(re.findall(r"^(\w+):\s+(\d+)\s*kB", text, re.M))
    total = int(rows.pop("LowPresent", 0))
    return sum(int(v) for v in rows.values()), total


def check(mem, smp, more, share):
    r = subprocess.run([RUN, "-m", mem, "-s", str(smp), "--timeout", "60", *more, "--", "sh", "-c",
                        "nproc; cat /proc/meminfo; echo ---; cat /proc/lowmem"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if r.returncode:
        return f"exit status {r.returncode}\n{r.stderr[-4000:]}"
    head, _, low = r.stdout.partition("---\n")
    seen = int(re.search(r"^MemTotal:\s+(\d+)", head, re.M).group(1))
    given = int(mem[:-1]) * UNITS[mem[-1]]
    mem_map = given * 32 // 4096
    if seen + mem_map < given * share:
        return f"MemTotal is {seen} kB of {given} kB"
    if head.split("\n")[0] != str(1 if "--icount" in more else smp):
        return f"nproc says {head.splitlines()[0]}"
    parts, total = sum_of_lowmem(low)
    if not total or parts != total:
        return f"/proc/lowmem: {parts} kB in parts, LowPresent {total} kB\n{low}"
    return None


def main():
    for machine in MACHINES:
        mem, smp, more, _ = machine
        why = check(*machine)
        ok(why is None, f"{mem}, {smp} CPUs {' '.join(more)}", why)
    return done()


if __name__ == "__main__":
    sys.exit(main())
