#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=170
"""Bochs, headless: the ISO boots through GRUB to a command. Bochs does not forgive a missing flush, nor a
wrong step into or out of sysenter."""
import os
import subprocess
import sys

r = subprocess.run([os.environ["RUN"], "--emulator", "bochs", "-m", "128M", "-s", "1", "--timeout", "160",
                    "--add", os.path.join(os.environ.get("O", "build"), "user/tests/vdso") + ":/vdso", "--",
                    "sh", "-c", "echo up; nproc; /vdso | grep -v ^ok"],
                   stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
good = r.stdout.startswith("up\n1\n1..") and r.returncode == 0
print(f"{'' if good else 'not '}ok 1 - the ISO reaches a command in Bochs, and user/tests/vdso passes")
for line in ([] if good else [f"status {r.returncode}", *r.stdout.splitlines(), *r.stderr.splitlines()[-60:]]):
    print("# " + line)
print("1..1")
sys.exit(not good)
