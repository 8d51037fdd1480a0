#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=240
"""Every guest test again, several times in one machine: what zones and slabs lose on the way is a leak of the kernel's."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import importlib  # noqa: E402
from tap import done, ok  # noqa: E402

tests = importlib.import_module("run-tests")
RUN, BUILD = os.environ["RUN"], os.environ["BUILD"]


def names():
    """Root's tests that want no kernel options, no disk and no more memory than the machine here has."""
    for name, keys in tests.guest_tests("test"):
        mem = keys.get("mem", "256M")
        if not {"append", "disk", "as", "alone"} & set(keys) and mem.endswith("M") and int(mem[:-1]) <= 512:
            yield name


def main():
    todo = list(names())
    script = "".join(f"echo '@ {n}'; timeout -s KILL 300 leakcheck --times 8 --seconds 4 -- /tests/{n} 2>&1\n" for n in todo)
    add = [w for n in todo for w in ("--add", f"{BUILD}/user/tests/{n}:/tests/{n}")]
    r = subprocess.run([RUN, "-m", "512M", "-s", "2", "--timeout", "230", *add, "--", "sh", "-c", script], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, errors="replace", check=False)
    parts = dict(re.findall(r"^@ (\w+)\n((?:(?!@ ).*\n)*)", r.stdout, re.M))
    for name in todo:
        text = parts.get(name, "")
        ok("result=ok" in text, f"{name} leaves nothing behind", re.sub(r"(?m)^[# ]+", "", text))
    for line in r.stderr.splitlines()[-70:]:
        print("# " + line)
    return done()


if __name__ == "__main__":
    sys.exit(main())
