#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=600
"""Takes the walk of boot/WALK.md in Bochs, command by command, with the memory that Bochs has at most; what the text promises must be what Bochs
says. Then the magic breakpoint, from a program and from the kernel."""
import os
import re
import subprocess
import sys

from tap import done, ok

WALK = os.path.join(os.path.dirname(os.path.dirname(os.environ["RUN"])), "boot", "WALK.md")
AFTER = [("bpd 5", []), ("bpd 6", []), ("c", ["Magic breakpoint"]), ("r", ["rip: ...080..."]), ("c", ["Magic breakpoint"]),
         ("r", ["rip: ...c01..."]), ("c", [])]
GUEST = "breakpoint; echo g > /proc/sysrq-trigger; free -m; exit 3"


def steps():
    """(command, [expected part of its answer]) of the text's blocks"""
    found = []
    with open(WALK, encoding="utf-8") as f:
        for line in f:
            if line.startswith("    > "):
                found.append((line[6:].strip(), []))
            elif line.startswith("    "):
                found[-1][1].append(line.strip())
    return found


def pattern(part):
    return re.compile(r"[ \t]+".join(r".*?".join(re.escape(p) for p in word.split("...")) for word in part.split()).replace(r"[ \t]+.*?[ \t]+", r"\s.*?"))


def missing(parts, answer):
    """The first part that does not follow where the one before it ended, or None."""
    at = 0
    for part in parts:
        m = pattern(part).search(answer, at)
        if not m:
            return part
        at = m.end()
    return None


walk = steps() + AFTER
p = subprocess.run([os.environ["RUN"], "--emulator", "bochs", "-m", "8064M", "-s", "1", "--debugger", "--timeout", "580", "--", "sh", "-c", GUEST],
                   input="".join(command + "\n" for command, _ in walk), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
answers = re.split(r"<bochs:\d+> ", p.stdout)[1:]
for n, (command, parts) in enumerate(walk):
    answer = answers[n] if n < len(answers) else ""
    lost = missing(parts, answer)
    ok(n < len(answers) and lost is None, f"{n + 1}: {command}", f"not seen: {lost}\n{answer}")
m = re.search(r"Mem: +(\d+)", p.stdout)
ok(m and int(m.group(1)) > 6000, "memory above 4 GB is there", p.stdout)
ok(p.returncode == 3, "the command's status comes out", p.stdout)
sys.exit(done())
