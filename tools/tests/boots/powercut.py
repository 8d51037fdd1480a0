#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=240
"""The power goes while ext2 is written: e2fsck must be able to repair what is left, and what was confirmed must be there.

usage: powercut.py [--rounds N] [--points N] [--seed N] [--keep FOLDER]

Two ways. `kill`: the emulator is killed at a random moment; its disk has everything that was handed to it. `log`: QEMU keeps a
log of writes and flushes (blklogwrites); afterwards the disk is built as it would be at many moments if the disk's
cache had lost any part of what came after the last flush. The load (user/tests/ext2_load.c) tells what begins and what is
confirmed; with every line we note how long the log was.
"""
import argparse
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from tap import done, ok

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
RUN = os.environ.get("RUN", f"{ROOT}/tools/run")
BUILD = os.environ.get("BUILD", f"{ROOT}/build")
ENV = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")
LOAD = f"{BUILD}/user/tests/ext2_load"
SIZE = 32 << 20
ENOUGH = 20  # confirmations: each stands behind a flush


def make_image(path, block):
    with open(path, "wb") as f:
        f.truncate(SIZE)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-b", str(block), path], check=True, env=ENV)


# --- what the load has said ---------------------------------------------------------------------------------------------
class Model:
    """For each file: version -> bytes that must be there; whether it may be absent."""

    def __init__(self):
        self.files = {}

    def apply(self, line):
        kind, name, *numbers = line.split()
        versions, absent = self.files.get(name, ({}, True))
        if kind == "b":
            versions = {**versions, int(numbers[0]): 0}
        elif kind == "c":
            versions, absent = {int(numbers[0]): int(numbers[1])}, False
        elif kind == "d":
            absent = True
        elif kind == "g":
            versions, absent = {}, True
        self.files[name] = (versions, absent)

    def check(self, folder):
        """=> list of what is wrong"""
        return [w for name, (versions, absent) in sorted(self.files.items()) for w in [self.check_one(folder, name, versions, absent)] if w]

    @staticmethod
    def check_one(folder, name, versions, absent):
        worker, f = name.split("/")
        number = int(f[1:])
        path = f"{folder}/{worker}/sub{number}/deep/{f}" if number % 3 == 2 else f"{folder}/{name}"
        if absent: # its deletion has begun: a name that is still there may even lead to an inode that is another's by now
            return f"{name}: is there, and its deletion was confirmed" if not versions and os.path.lexists(path) else None
        if not os.path.isfile(path):
            return f"{name}: is not there; confirmed: {versions}"
        with open(path, "rb") as file:
            data = file.read()
        m = re.match(rf"{worker} {f} version (\d+) line 0 ".encode(), data)
        version = int(m.group(1)) if m else None
        if version is None and 0 in versions.values():
            return None
        if version not in versions:
            return f"{name}: holds version {version} ({len(data)} bytes), may be {versions}"
        size = versions[version]
        want = b"".join(f"{worker} {f} version {version} line {n} ".encode().ljust(63, b".") + b"\n" for n in range(size // 64))
        if data[:size] != want:
            at = next((n for n, (a, b) in enumerate(zip(data, want)) if a != b), len(data))
            return f"{name}: version {version} differs at byte {at} of {size} confirmed; its size is {len(data)}"
        return None


def inspect(image, model, tmp):
    """=> what is wrong, or "" """
    first = subprocess.run(["e2fsck", "-fy", image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=ENV)
    if first.returncode & ~3:
        return f"e2fsck -fy: exit status {first.returncode}\n" + first.stdout.decode(errors="replace")
    again = subprocess.run(["e2fsck", "-fn", image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=ENV)
    if again.returncode:
        return "the second e2fsck finds something\n" + again.stdout.decode(errors="replace")
    folder = f"{tmp}/dump"
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    subprocess.run(["debugfs", "-R", f"rdump /w0 /w1 /w2 /w3 {folder}", image], capture_output=True, check=False, env=ENV)
    wrong = model.check(folder)
    return "\n".join(wrong) + ("\n" + first.stdout.decode(errors="replace") if wrong else "")


# --- the machine ----------------------------------------------------------------------------------------------------------
def emulator_of(runner):
    with open(f"/proc/{runner.pid}/task/{runner.pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def run_load(seed, seconds, disk, log=None):
    """Starts the load, kills the emulator `seconds` after the first line, or later if it keeps a log of a disk so slow that little was
    confirmed. => [(line, length of the log)], complaints"""
    command = [RUN, "-m", "128M", "--timeout", "100", "--add", f"{LOAD}:/load", *disk, "--", "/load", str(seed)]
    runner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines, rest, end = [], b"", None
    while True:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            if not log or sum(line[0] in "cg" for line, _ in lines) >= ENOUGH:
                break
            left = None
        if not select.select([runner.stdout], [], [], left)[0]:
            continue
        data = os.read(runner.stdout.fileno(), 65536)
        if not data:
            break
        end = end or time.monotonic() + seconds
        at = os.path.getsize(log) if log else 0
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            lines.append((line.decode(), at))
        answers = b"".join(line[3:4] for line in whole if line[:1] in b"bd")
        if answers:
            runner.stdin.write(answers)
            runner.stdin.flush()
    early = runner.poll() is not None
    if not early:
        for pid in emulator_of(runner):
            os.kill(pid, signal.SIGKILL)
    _, errors = runner.communicate()
    complaints = [line for line, _ in lines if line.startswith("!")]
    if early or not lines:
        complaints.append("the machine ended by itself: " + errors.decode(errors="replace")[-2000:])
    return [(line, at) for line, at in lines if not line.startswith("!")], complaints


def kill_round(tmp, n, seed):
    block = (1024, 2048, 4096)[n % 3]
    image = f"{tmp}/kill.img"
    make_image(image, block)
    lines, complaints = run_load(seed, random.uniform(0.3, 4), ["--disk", image])
    model = Model()
    for line, _ in lines:
        model.apply(line)
    wrong = "\n".join(complaints) or inspect(image, model, tmp)
    sure = sum(1 for line, _ in lines if line[0] in "cg")
    ok(not wrong, f"killed, {block}-byte blocks, seed {seed}: {sure} confirmations hold", wrong)


# --- the log: a sector that describes, then the data -----------------------------------------------------------------------------
FLUSH, FUA, DISCARD = 1, 2, 4


def read_log(path):
    """=> [(end of the entry in the log, flags, byte of the disk, data)]"""
    entries, at = [], 512
    with open(path, "rb") as f:
        log = f.read()
    while at + 512 <= len(log):
        sector, sectors, flags, _ = struct.unpack_from("<4Q", log, at)
        size = 0 if flags & DISCARD else sectors * 512
        if at + 512 + size > len(log) or (not sectors and not flags):
            break
        entries.append((at + 512 + size, flags, sector * 512, log[at + 512:at + 512 + size]))
        at += 512 + size
    return entries


def write_at(fd, entry):
    if entry[3]:
        os.pwrite(fd, entry[3], entry[2])


def image_at(base, path, entries, k):
    """The disk after entry k, as bad as it may be: what came after the last flush is there or not."""
    shutil.copyfile(base, path)
    last = max((i for i in range(k + 1) if entries[i][1] & FLUSH), default=-1)
    luck = random.random()
    fd = os.open(path, os.O_WRONLY)
    for i in range(k + 1):
        if i <= last or entries[i][1] & FUA or random.random() < luck:
            write_at(fd, entries[i])
    os.close(fd)


def log_round(tmp, n, seed, points):
    block = (4096, 1024, 2048)[n % 3]
    base, data, log, image = (f"{tmp}/{name}" for name in ("base.img", "data.img", "log", "cut.img"))
    make_image(base, block)
    shutil.copyfile(base, data)
    with open(log, "wb"):
        pass
    qemu = (f"-blockdev driver=file,filename={data},node-name=f0 -blockdev driver=file,filename={log},node-name=l0 "
            "-blockdev driver=blklogwrites,file=f0,log=l0,log-sector-size=512,node-name=b0 -device virtio-blk-pci,drive=b0")
    lines, complaints = run_load(seed, 4, [f"--qemu={qemu}"], log)
    entries = read_log(log)
    flushes = [i for i, e in enumerate(entries) if e[1] & FLUSH]
    if complaints or len(flushes) < 3:
        ok(False, f"log, seed {seed}", "\n".join(complaints) or f"{len(entries)} entries, {len(flushes)} flushes")
        return
    # as often right before or after a flush as anywhere
    chosen = sorted(random.choice((random.randrange(len(entries)), max(0, random.choice(flushes) - random.randrange(2)))) for _ in range(points))
    wrong, sure = "", 0
    for k in chosen:
        model = Model()
        told = [line for line, at in lines if at <= entries[k][0]]
        for line in told:
            model.apply(line)
        sure += sum(1 for line in told if line[0] in "cg")
        image_at(base, image, entries, k)
        wrong = inspect(image, model, tmp)
        if wrong:
            wrong = f"at entry {k} of {len(entries)}\n{wrong}"
            break
    ok(not wrong, f"{points} moments of {len(entries)} writes, {len(flushes)} flushes, {block}-byte blocks, seed {seed}: {sure} confirmations hold", wrong)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--points", type=int, default=12)
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("--keep")
    args = p.parse_args()
    random.seed(args.seed)
    with tempfile.TemporaryDirectory(prefix="powercut.") as tmp:
        for n in range(args.rounds):
            kill_round(tmp, n + args.seed, args.seed + n)
            if n < (args.rounds + 1) // 2:
                log_round(tmp, n + args.seed, args.seed + 1000 + n, args.points)
        if args.keep:
            shutil.copytree(tmp, args.keep, dirs_exist_ok=True)
    return done()


if __name__ == "__main__":
    sys.exit(main())
