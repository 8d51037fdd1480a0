# SPDX-License-Identifier: MIT
"""The Linux that is booted beside ours: its kernel with fair options, and its modules. Debian's kernel has its disks and file systems
as modules; the initramfs gets them, numbered in the order in which init loads them, in /lib/peer."""
import glob
import os
import re
import shutil
import subprocess

from .host import Refused

DISKS = {"virtio": ["virtio_pci", "virtio_blk"], "ata": ["ata_piix", "crct10dif_generic", "sd_mod"]}
ALIASES = {"crypto_crc32c": "crc32c_generic"}  # what ext4 asks for is an algorithm
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def lean(*more):
    """The fair peer (tools/peer/lean.txt), fetched if need be, with more kernel options => words for tools/run"""
    cache = os.path.join(ROOT, os.environ.get("CACHE", ".cache"))
    subprocess.run([f"{ROOT}/tools/deps.sh", "--peer", cache], check=True)
    with open(f"{ROOT}/tools/peer/lean.txt", encoding="ascii") as f:
        return ["--linux", glob.glob(f"{cache}/peer/lx/boot/vmlinuz-*")[0], "-a", " ".join([f.read().strip(), *more])]


def found_below(kernel):
    """kernel: boot/vmlinuz-VERSION of an unpacked package. => {name: path}; a name has _ where its file may have -"""
    version = os.path.basename(kernel).partition("-")[2]
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(kernel))), "lib/modules", version)
    paths = glob.glob(f"{folder}/kernel/**/*.ko", recursive=True)
    found = {os.path.basename(p)[:-3].replace("-", "_"): p for p in paths}
    return {**found, **{alias: found[name] for alias, name in ALIASES.items() if name in found}}


def needs(path):
    with open(path, "rb") as f:
        data = f.read()
    words = re.findall(rb"\0(?:depends=|softdep=pre: )([\w, -]+)", data)
    return [n.replace("-", "_") for w in words for n in re.split("[, ]+", w.decode()) if n]


def in_order(names, paths):
    """=> paths of the modules and of what they need, each behind what it needs"""
    order = []

    def visit(name, wanted):
        if name not in paths:
            if wanted:
                raise Refused(f"this Linux has no module {name}")
            return  # built in, or an alias
        if paths[name] in order:
            return
        for other in needs(paths[name]):
            visit(other, False)
        order.append(paths[name])

    for name in names:
        visit(name.replace("-", "_"), True)
    return order


def additions(kernel, names, tmp):
    """=> what tools/run adds to the root: [HOST:GUEST]"""
    folder = os.path.join(tmp, "peer")
    os.makedirs(folder)
    for n, path in enumerate(in_order(names, found_below(kernel))):
        shutil.copy(path, f"{folder}/{n:02}-{os.path.basename(path)}")
    return [f"{folder}:/lib/peer"] if names else []
