#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks the order of the house and prints TAP:

- a file includes its own room and those to its left (DESIGN: arch | kernel/{lib,sync,sched,time} | mm/phys | drivers | mm/cache |
  mm/{rmap,virt,reclaim} | kernel/{fs,proc,sys}); kernel/lib's types.h, units.h, bug.h and printk.h may be used everywhere; boot/main.c sees all
- each source opens with its SPDX line; no file names a path of somebody's machine
- each folder with sources has a README.md
- the top level holds what belongs there and no more
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Rooms of one number may use each other: the utilities of kernel/{lib,sync,sched,time} do, and so do rmap and virt.
ORDER = {"arch/i386": 0, "kernel/lib": 1, "kernel/sync": 1, "kernel/sched": 1, "kernel/time": 1, "mm/phys": 2, "drivers/bus": 3,
         "drivers/block": 3, "drivers/char": 3, "mm/cache": 4, "mm/rmap": 5, "mm/virt": 5, "mm/reclaim": 5, "kernel/fs": 6, "kernel/fs/ext2": 6,
         "kernel/net": 6, "kernel/ipc": 6, "kernel/proc": 6, "kernel/sys": 6, "boot": 7}
EVERYWHERE = {"kernel/lib/types.h", "kernel/lib/units.h", "kernel/lib/bug.h", "kernel/lib/printk.h"}
TOP = {"boot", "kernel", "mm", "arch", "drivers", "user", "tools", "Makefile", "linker.ld", "README.md", "LICENSE"}
SOURCE = (".c", ".h", ".asm", ".py", ".sh", ".mk")
# Where an exception is part of the design: (who, what).
ALLOWED = {("arch/i386", "kernel/lib"), ("arch/i386", "kernel/sync")}


def files():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(f for f in out.stdout.split("\n") if f and os.path.exists(os.path.join(ROOT, f)))


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def wrong_includes(paths):
    for path in paths:
        room = os.path.dirname(path)
        if room not in ORDER or not path.endswith((".c", ".h")):
            continue
        for inc in re.findall(r'^\s*#\s*include "([^"]+)"', text(path), re.M):
            target = os.path.dirname(inc)
            if inc in EVERYWHERE or target not in ORDER or (room, target) in ALLOWED:
                continue
            if ORDER[target] > ORDER[room]:
                yield f"{path} includes {inc}, which stands to its right"


def without_licence(paths):
    for path in paths:
        if path.endswith(SOURCE) or path == "Makefile":
            if "SPDX-License-Identifier: MIT" not in "\n".join(text(path).split("\n")[:3]):
                yield f"{path}: no SPDX line in its head"


def foreign_paths(paths):
    for path in paths:
        for line in re.findall(r"^.*/(?:home|root|work|Users)/(?!student\b)[\w.-]+.*$", text(path), re.M):
            if path != "tools/check-house.py":
                yield f"{path}: names a path of one machine: {line.strip()[:80]}"


def without_readme(paths):
    have = set(paths)
    for folder in sorted({os.path.dirname(p) for p in paths if p.endswith((".c", ".py"))}):
        if folder and f"{folder}/README.md" not in have and not folder.startswith(("tools/tests/", "tools/isthmus")):
            yield f"{folder}: no README.md"


def strangers(paths):
    for name in sorted({p.split("/")[0] for p in paths} - TOP):
        if not name.startswith("."):
            yield f"{name}: does not belong to the top level"


def main():
    paths = files()
    checks = [("includes point to the left", wrong_includes), ("each source has its SPDX line", without_licence),
              ("no path of one machine", foreign_paths), ("each folder has a README.md", without_readme), ("the top level is whole", strangers)]
    bad = 0
    for n, (name, check) in enumerate(checks, 1):
        found = list(check(paths))
        print(f"{'not ' if found else ''}ok {n} - {name}")
        for line in found:
            print("# " + line)
        bad += bool(found)
    print(f"1..{len(checks)}")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
