# SPDX-License-Identifier: MIT
"""The choices of the reverse map, read from the kernel's sources, and the boots that cover them."""
import itertools
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def source(*paths):
    for path in paths:
        if os.path.exists(f"{ROOT}/{path}"):
            with open(f"{ROOT}/{path}", encoding="utf-8") as f:
                yield f.read()


def words(kind):
    """The x(NAME)s of schemes.h; the first is the default."""
    text, = source("mm/rmap/schemes.h")
    return [w for line in re.findall(rf"#define {kind}_SCHEMES\(x\) (.*)", text) for w in re.findall(r"x\((\w+)\)", line) if w.islower()]


def locks():
    text = "".join(source("mm/rmap/statelock.c", "mm/rmap/schemes.c"))
    args = re.search(r'PARAM_CHOICE\("rmap\.lock",[^;]*?"[^"]*",((?:\s*"\w+",?)+)\)', text).group(1)
    return re.findall(r'"(\w+)"', args)


def every():
    """=> all (anon, file, lock); the default first"""
    return list(itertools.product(words("ANON"), words("FILE"), locks()))


def pairs(row):
    return set(itertools.combinations(enumerate(row), 2))


def cover():
    """A few rows in which each pair of choices comes together: greedily, always the row with most pairs not yet seen."""
    rows, chosen = every(), []
    missing = set().union(*map(pairs, rows))
    while missing:
        best = max(rows, key=lambda r: len(pairs(r) & missing))
        chosen.append(best)
        missing -= pairs(best)
    return chosen


def options(row):
    return "rmap.anon={} rmap.file={} rmap.lock={}".format(*row)
