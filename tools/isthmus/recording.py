# SPDX-License-Identifier: MIT
"""A folder with one recorded run: the kernel and initramfs that ran, the options, QEMU's log of all input, and the snapshot that
reverse execution starts from. QEMU records one CPU; disks are read through a copy that goes away.
"""
import json
import os
import shutil
import subprocess

from .host import Refused, need

KEPT = ("memory", "append", "cpu", "debug", "disk", "block", "user")
MOST = 2 << 30  # each step back loads a snapshot of all memory


def prepare(opts, interactive):
    if opts.emulator == "bochs":
        raise Refused("record and replay are QEMU's")
    opts.smp, opts.emulator = 1, "qemu32"
    if opts.replay:
        load(opts)
        return
    if opts.memory > MOST:
        raise Refused(f"--record: at most {MOST >> 30}G of memory: give -m")
    os.makedirs(opts.record, exist_ok=True)
    subprocess.run([need("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", f"{opts.record}/snapshots.qcow2", "4G"], check=True)


def load(opts):
    try:
        with open(f"{opts.replay}/options.json", encoding="ascii") as f:
            kept = json.load(f)
    except OSError as e:
        raise Refused(f"{opts.replay} holds no recording ({e.strerror}): make record") from None
    for name in KEPT:
        setattr(opts, name, kept[name])


def keep(opts, boot, command):
    """What a replay needs, beside what QEMU writes."""
    with open(f"{opts.record}/options.json", "w", encoding="ascii") as f:
        json.dump({"command": command, "options": boot.options, **{name: getattr(opts, name) for name in KEPT}}, f)
    shutil.copyfile(boot.kernel, f"{opts.record}/isthmus.elf")
    shutil.copyfile(boot.initramfs, f"{opts.record}/initramfs.cpio")


def command_of(opts):
    """What was run; None: a shell on the console."""
    with open(f"{opts.replay}/options.json", encoding="ascii") as f:
        return json.load(f)["command"]


def boot_files(folder, boot):
    """The recorded run boots from the copies too: the kernel's path is part of what QEMU hands it."""
    boot.kernel, boot.initramfs = f"{folder}/isthmus.elf", f"{folder}/initramfs.cpio"


def boot_again(opts, boot):
    """The files and options of the recorded run, whatever has been built since."""
    boot_files(opts.replay, boot)
    with open(f"{opts.replay}/options.json", encoding="ascii") as f:
        boot.options = json.load(f)["options"]
