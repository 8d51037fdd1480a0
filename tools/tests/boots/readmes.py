#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=300
"""Runs the commands that the READMEs show: each line of an indented block that begins with tools/run, tools/lab or a pipe into them. A line that
is not run here stands in EXCUSED, with who runs it; one that is neither fails."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import tap

ROOT = os.path.dirname(os.path.dirname(os.environ["RUN"]))
BUILD = os.environ["BUILD"]
EXCUSED = [  # pattern, and why
    (r"make( |$)", "make's targets are what CI and the other tests call"),
    (r"tools/lab", "boots/labs runs every lab"),
    (r"tools/run -m 256M -a rmap.anon=onelist", "boots/template adds the scheme and runs it"),
    (r"tools/tests/|build/|\.cache/", "a test by itself"),
    (r".*build/root\.img|tools/rootimage", "transcripts/debian makes the image and runs its programs"),
    (r"bufcache|beside --how|.*vmbench -M", "minutes; boots/stress runs both, small"),
    (r"tools/(bench|boot-cost|peer)", "boots/instructions, and hours of measuring"),
]


def commands():
    """(file, command) of each indented line that starts one of our tools; what follows two spaces is a remark"""
    files = subprocess.run(["git", "ls-files", "*README.md", "README.md"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in files or [os.path.relpath(p, ROOT) for p in glob.glob(f"{ROOT}/**/README.md", recursive=True)]:
        with open(f"{ROOT}/{name}", encoding="utf-8") as f:
            for line in f:
                m = re.match(r"    ((?:\S.*\| )?(?:tools/|make\b|build/).*)", line)
                if m:
                    yield name, re.split(r"\s{2,}|\s+#\s", m.group(1).strip())[0]


def prepare(tree):
    """A folder that looks like the top of the project, with the files that the examples name."""
    for entry in os.listdir(ROOT):
        if not entry.startswith(".git"):
            os.symlink(f"{ROOT}/{entry}", f"{tree}/{entry}")
    os.mkdir(f"{tree}/folder")
    shutil.copy(f"{ROOT}/README.md", f"{tree}/folder")
    subprocess.run(["mke2fs", "-q", "-t", "ext2", "-d", f"{tree}/folder", f"{tree}/image", "16M"], check=True,
                   env=dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin"))
    shutil.copy(f"{BUILD}/user/tests/vdso", f"{tree}/myprogram")


def run(name, command, tree):
    interactive = " -- " not in command
    limit = ["timeout", str(100 * int(os.environ.get("PATIENCE", 1)))]
    with tempfile.TemporaryFile() as errors:
        p = subprocess.Popen([*limit, "bash", "-c", command + " --no-iso" * interactive], cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=errors, env=dict(os.environ, O=os.path.basename(BUILD)))
        said = leave_shell(p) if interactive else p.communicate()[0]
        errors.seek(0)
        complaints = errors.read()
    into = re.search(r" > (\S+)$", command)
    heard = said or (into and os.path.getsize(f"{tree}/{into.group(1)}"))
    tap.ok(p.returncode == 0 and heard, f"{name}: {command}", f"status {p.returncode}\n" + (said + complaints).decode(errors="replace"))


def leave_shell(p):
    """By what it understands, once it asks. => what was said"""
    said = b""
    while not re.search(rb"^isthmus:.*# ", said, re.M):
        more = os.read(p.stdout.fileno(), 4096)
        if not more:
            break
        said += more
    p.stdin.write(b"poweroff\n")
    return said + p.communicate()[0]


with tempfile.TemporaryDirectory(dir=BUILD) as top:
    prepare(top)
    seen = set()
    for where, what in commands():
        if what in seen or any(re.match(p, what) for p, _ in EXCUSED):
            continue
        seen.add(what)
        if what.startswith("tools/run --disk image -a root="):
            continue_text = "its root file system is an example without programs"
            print(f"# {where}: {what}: not run: {continue_text} (boots/ext2 boots one)")
            continue
        run(where, what, top)
tap.ok(tap.count >= 7, "the READMEs show at least seven commands")
sys.exit(tap.done())
