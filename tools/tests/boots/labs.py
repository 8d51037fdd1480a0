#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=400
"""Every lab at its quick scale: each claim as the reference beside it says, each figure within its tolerance."""
import csv
import os
import subprocess
import sys

from tap import done, ok

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LABS = sorted(n for n in os.listdir(f"{ROOT}/user/labs") if os.path.exists(f"{ROOT}/user/labs/{n}/lab.py"))


def complete(name):
    """Does each row of the CSV say what it was measured with?"""
    with open(f"{os.environ['BUILD']}/labs/{name}-quick.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    return rows and all(all(r.values()) for r in rows)


def main():
    r = subprocess.run([f"{ROOT}/tools/lab", "all"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    ok(r.returncode == 0, "every claim as the references say")
    for name in LABS:
        ok(complete(name), f"{name}: each row says what it was measured with")
    print("".join(f"# {line}\n" for line in (r.stdout + r.stderr).splitlines()), end="")
    return done()


if __name__ == "__main__":
    sys.exit(main())
