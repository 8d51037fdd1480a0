#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=240
"""mm/rmap/template/README.md says: one file and one word make a new reverse map. Does that in a copy of the tree, by the
README's own commands, builds the debug kernel, boots it with the new scheme, and runs the scheme tests over it."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from tap import done, ok

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ["BUILD"]
JOB = "schemes/onelist-tree-hashed"


def must(good, text, output):
    """What fails is the end: each step needs the one before it."""
    if not ok(good, text, output):
        sys.exit(done())


def copy_tree(to):
    """The sources, and what was built of them: times stay, so only what the new word touches is built again."""
    skip = shutil.ignore_patterns(".git", "build*", ".cache", "__pycache__")
    shutil.copytree(ROOT, to, symlinks=True, ignore=skip)
    os.makedirs(f"{to}/build")
    shutil.copytree(f"{BUILD}/debug", f"{to}/build/debug", ignore=shutil.ignore_patterns("*.elf"))
    for part in ("user", "initramfs.cpio"):
        os.symlink(f"{BUILD}/{part}", f"{to}/build/{part}")


def run(tree, command):
    r = subprocess.run(command, cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                       shell=isinstance(command, str), check=False, env={**os.environ, "O": "build"})
    return r.returncode == 0, r.stdout


def main():
    with open(f"{ROOT}/mm/rmap/template/README.md", encoding="utf-8") as f:
        steps = re.findall(r"^    ((?:cp|sed) .*)$", f.read(), re.M)
    with tempfile.TemporaryDirectory() as tmp:
        tree = f"{tmp}/tree"
        copy_tree(tree)
        must(len(steps) == 2, "the README has two steps", "\n".join(steps))
        for step in steps:
            must(*with_text(run(tree, step), step))
        must(*with_text(run(tree, ["make", "-s", "-j2", "O=build", "DEBUG=1", "kernel"]), "it builds"))
        must(*with_text(run(tree, [sys.executable, "tools/tests/run-tests.py", "--set", "all", "--only", JOB, "--jobs", "1"]),
                            "it passes the scheme tests"))
    return done()


def with_text(result, text):
    return result[0], text, result[1]


if __name__ == "__main__":
    main()
