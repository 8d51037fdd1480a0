#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=400
"""Every lab at its quick scale: each claim as the reference beside it says, each figure within its tolerance."""
import csv
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LABS = sorted(n for n in os.listdir(f"{ROOT}/user/labs") if os.path.exists(f"{ROOT}/user/labs/{n}/lab.py"))


def complete(name):
    """Does each row of the CSV say what it was measured with?"""
    with open(f"{os.environ['BUILD']}/labs/{name}-quick.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    return rows and all(all(r.values()) for r in rows)


def main():
    r = subprocess.run([f"{ROOT}/tools/lab", "all"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    print(f"{'ok' if r.returncode == 0 else 'not ok'} 1 - every claim as the references say")
    for n, name in enumerate(LABS, 2):
        print(f"{'ok' if complete(name) else 'not ok'} {n} - {name}: each row says what it was measured with")
    print("".join(f"# {line}\n" for line in (r.stdout + r.stderr).splitlines()), end="")
    print(f"1..{len(LABS) + 1}")
    return r.returncode


if __name__ == "__main__":
    sys.exit(main())
