#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=170
"""Bochs, headless: the ISO boots through GRUB to a command. Bochs does not forgive a missing flush."""
import os
import subprocess
import sys

r = subprocess.run([os.environ["RUN"], "--emulator", "bochs", "-m", "128M", "-s", "1", "--timeout", "160", "--", "sh", "-c", "echo up; nproc"],
                   stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
good = r.stdout == "up\n1\n" and r.returncode == 0
print(f"{'' if good else 'not '}ok 1 - the ISO reaches a command in Bochs")
for line in ([] if good else [f"status {r.returncode}", *r.stdout.splitlines(), *r.stderr.splitlines()[-60:]]):
    print("# " + line)
print("1..1")
sys.exit(not good)
