#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=200
"""The kernel's own tests at boot (selftest=, kernel/sync/selftest.c): locks, RCU, timers and scheduler on 1, 2 and 4 CPUs; and
that the debug build stops at what it must stop at."""
import os
import re
import subprocess
import sys

from tap import done, ok

RUN = [os.environ["RUN"], "-m", "128M", "--timeout", "90"]


def boot(*args):
    r = subprocess.run([*RUN, *args, "--", "dmesg"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return r.returncode, (r.stdout + r.stderr).decode(errors="replace")


for cpus in 1, 2, 4:
    for build in [], ["--debug"]:
        status, log = boot("-s", str(cpus), "-a", "selftest=sync", *build)
        passed = len(re.findall(r"\] ok \d+ - ", log))
        plan = re.search(r"\] 1\.\.(\d+)", log)
        ok(status == 0 and plan and passed == int(plan[1]) > 0,
           f"selftest=sync, {cpus} CPUs, {'debug' if build else 'release'} build: {passed} passed", log)
for what, message in (("order", "the other way round was seen"), ("irq", "taken in interrupt handlers"),
                      ("sleep", "might sleep in atomic context"), ("held", "this very lock is held already")):
    status, log = boot("--debug", "-a", f"selftest={what}")
    ok(status == 125 and message in log, f"selftest={what}: the debug build stops", log)
sys.exit(done())
