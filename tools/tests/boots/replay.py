#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=180
"""A recorded run happens again, and reverse execution finds who wrote a PTE: the hunt of tools/gdb/README.md."""
import os
import re
import subprocess
import sys
import tempfile

from tap import done, ok

RUN, BUILD = os.environ["RUN"], os.environ["BUILD"]


def run(*args):
    r = subprocess.run([RUN, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return r.returncode, r.stdout


with tempfile.TemporaryDirectory(dir=BUILD) as tmp:
    status, said = run("-m", "256M", "--record", f"{tmp}/r", "--timeout", "60", "--", "sh", "-c", "echo recorded; fill --size 8M >/dev/null; exit 3")
    ok(said.count("recorded\n") == 1 and status == 3, "a command is recorded, with its output and status", f"{status}\n{said}")
    commands = ["hbreak sys_execve", "c", "c", "delete", "mm-pt 1 0x8049000", "watch -l $pte->low", "reverse-continue", "bt", "stepi", "p $eip",
                "reverse-stepi", "p $eip", "stepi", "p $eip", "quit"]
    status, said = run("--replay", f"{tmp}/r", "--timeout", "120", *(w for c in commands for w in ("--debugger-command", c)))
    ok(said.count("Breakpoint 1, sys_execve") == 2, "the replay meets a breakpoint twice", said)
    at = re.search(r"PTE +\[.*frame 0x[0-9a-f]+ present", said)
    ok(at, "the PTE is there", said)
    ok(at and re.search(r"#\d+ .*handle_vma_fault|#\d+ .*vma_fault", said[at.end():]), "reverse-continue stops in the fault that wrote it", said)
    eips = re.findall(r"^\$\d+ = .*(0x[0-9a-f]+)", said, re.M)
    ok(len(eips) == 3 and eips[0] == eips[2] != eips[1], "a step back and a step forth are one instruction", said)
sys.exit(done())
