#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=200
"""Disks seen from the host: what fsync confirmed is in the image though the machine dies; several disks; ISO and Bochs beside them; refusals."""
import os
import subprocess
import sys
import tempfile

from tap import done, ok

RUN = [os.environ["RUN"], "-m", "256M", "--timeout", "100"]


def run(*args):
    return subprocess.run([*RUN, *args], stdin=subprocess.DEVNULL, capture_output=True, check=False)


def image(path, size, data=b""):
    with open(path, "wb") as f:
        f.write(data)
        f.truncate(size)
    return path


def confirmed(tmp, block, name):
    """The machine panics right after dd's fsync."""
    path = image(f"{tmp}/fsync", 8 << 20)
    data = os.urandom(3 << 20)
    with open(f"{tmp}/data", "wb") as f:
        f.write(data)
    r = run("--block", block, "--disk", path, "--add", f"{tmp}/data:/data", "--", "sh", "-c",
            f"dd if=/data of=/dev/{name} bs=100k seek=1 conv=fsync,notrunc 2>&1 && echo c > /proc/sysrq-trigger; sleep 9")
    with open(path, "rb") as f:
        f.seek(100 << 10)
        ok(r.returncode == 125 and f.read(len(data)) == data, f"{block}: what fsync confirmed is in the image", r.stderr.decode(errors="replace"))


def several(tmp, block, prefix, more, text):
    """Each disk holds its own bytes."""
    paths = [image(f"{tmp}/d{n}", (n + 1) << 20, b"disk %d\n" % n) for n in range(3)]
    disks = [w for p in paths for w in ("--disk", p)]
    r = run(*more, "--block", block, *disks, "--", "sh", "-c", f"head -qn 1 /dev/{prefix}[abc]; cp /dev/{prefix}a /dev/{prefix}c; sync")
    with open(paths[2], "rb") as f:
        copied = f.read(7)
    ok(r.stdout == b"disk 0\ndisk 1\ndisk 2\n" and copied == b"disk 0\n", text, r.stdout + r.stderr)


def read_only(tmp):
    path = image(f"{tmp}/ro", 1 << 20)
    r = run(f"--qemu=-drive file={path},format=raw,if=none,id=x,readonly=on -device virtio-blk-pci,drive=x", "--", "sh", "-c",
            "blockdev --getro /dev/vda; echo x > /dev/vda")
    ok(r.stdout == b"1\n" and r.returncode, "a read-only disk is not written", r.stdout + r.stderr)


def refusals(tmp):
    r = run("--disk", f"{tmp}/none", "--", "true")
    ok(r.returncode == 2 and r.stderr.count(b"\n") == 1, "an image that is not there is refused in one line", r.stderr)
    r = run("--swap", "1K", "--", "true")
    ok(r.returncode == 2 and r.stderr.count(b"\n") == 1, "a swap disk of one sector too", r.stderr)
    one = image(f"{tmp}/one", 1 << 20)
    r = run("--block", "ata", *["--disk", one] * 5, "--", "true")
    ok(r.returncode == 2 and b"room for 4" in r.stderr, "five ATA disks are too many", r.stderr)


def main():
    with tempfile.TemporaryDirectory() as tmp:
        for block, name in (("virtio", "vda"), ("ata", "sda")):
            confirmed(tmp, block, name)
        several(tmp, "virtio", "vd", [], "three virtio disks")
        several(tmp, "ata", "sd", ["--iso"], "three ATA disks and a CD-ROM drive")
        read_only(tmp)
        refusals(tmp)
    return done()


if __name__ == "__main__":
    sys.exit(main())
