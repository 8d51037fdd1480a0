#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=400
"""No row of vmbench may cost over 5 % more instructions than user/bench/recorded.txt says (icount is exact: what differs is the code).

A change that makes a row dearer on purpose records the new figures with its reason:

    make && tools/tests/boots/instructions.py --record "why it costs more now"

What the choice of a reverse map at boot costs, against a kernel that knows one only (mm/rmap/README.md):

    make && make RMAP=anonvma,tree && tools/tests/boots/instructions.py --compare build/only-anonvma-tree
"""
import math
import os
import subprocess
import sys

from tap import done, ok

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
RUN = os.environ.get("RUN", os.path.join(ROOT, "tools/run"))
RECORDED = os.path.join(ROOT, "user/bench/recorded.txt")
TOLERANCE = 1.05
# User code, and rows in which threads meet as chance has it.
NOT_JUDGED = ("memset_16M_warm", "rfp_touch", "thr_mmap_1p_2t", "thr_mmap_1p_4t", "thr_mmap_touch_16p_2t", "thr_mmap_touch_16p_4t", "thr_fault_with_mapper")


def measure(folder=None):
    """=> {row: instructions}; of the kernel in another build folder"""
    r = subprocess.run([RUN, "-m", "4G", "--icount", "--timeout", "380", "--", "vmbench", "-T", "-t", "10", "-r", "3"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=dict(os.environ, **({"O": folder} if folder else {})))
    rows = {}
    for line in r.stdout.splitlines():
        words = line.split()
        if len(words) > 2 and words[1] != "-":
            rows[words[0]] = float(words[1])
    if r.returncode:
        sys.exit(f"vmbench ended with {r.returncode}\n{r.stderr}")
    return rows


def recorded():
    with open(RECORDED, encoding="utf-8") as f:
        return {w[0]: float(w[1]) for w in map(str.split, f) if w and w[0] != "#"}


def record(reason):
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=True).stdout.strip()
    history = []
    if os.path.exists(RECORDED):
        with open(RECORDED, encoding="utf-8") as f:
            history = [line for line in f if line.startswith("# on ")]
    rows = measure()
    with open(RECORDED, "w", encoding="utf-8") as f:
        f.write("# Instructions a row of vmbench costs (tools/tests/boots/instructions.py, 4 GB, one CPU, icount)\n")
        f.writelines(history + [f"# on {commit}: {reason}\n"])
        f.writelines(f"{name} {value:.1f}\n" for name, value in rows.items())


def compare(folder):
    ours, other = measure(), measure(folder)
    judged = [row for row in ours if row in other and not row.startswith(NOT_JUDGED)]
    print(f"{'row':32} {'here':>12} {folder:>28}  ratio")
    for row in judged:
        print(f"{row:32} {ours[row]:12.1f} {other[row]:28.1f}  {ours[row] / other[row]:.4f}")
    mean = math.exp(sum(math.log(ours[row] / other[row]) for row in judged) / len(judged))
    print(f"geometric mean of {len(judged)} ratios: {mean:.4f}")


def main():
    if sys.argv[1:2] == ["--compare"] and len(sys.argv) == 3:
        compare(sys.argv[2])
        return 0
    if sys.argv[1:2] == ["--record"] and len(sys.argv) == 3:
        record(sys.argv[2])
        return 0
    before, now = recorded(), measure()
    judged = [row for row in before if not row.startswith(NOT_JUDGED)]
    for row in judged:
        ok(row in now and now[row] <= before[row] * TOLERANCE, f"{row}: {now.get(row, 'missing')} instructions, recorded {before[row]}")
    return done()


if __name__ == "__main__":
    sys.exit(main())
