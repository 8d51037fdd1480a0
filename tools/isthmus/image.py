# SPDX-License-Identifier: MIT
"""What the machine boots: the initramfs with files added, and the ISO with GRUB's menu."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import cpio  # noqa: E402

# (title, kernel options); the first is what boots by itself
MENU = [
    ("Isthmus", ""),
    ("Isthmus, low memory capped at 400 MB", "lowmem=400M"),
    ("Isthmus, page tables in low memory", "highpte=off"),
    ("Isthmus, one CPU", "maxcpus=1"),
]


class BadFile(Exception):
    """A file that the guest could not use."""


def check_elf(path, has):
    """Refuses an ELF file that is not i386, or whose interpreter the guest lacks (has(name) tells)."""
    with open(path, "rb") as f:
        head = f.read(52)
        if head[:4] != b"\x7fELF":
            return
        if head[4] != 1 or struct.unpack_from("<H", head, 18)[0] != 3:
            raise BadFile(f"{path}: not an i386 ELF file")
        phoff, = struct.unpack_from("<I", head, 28)
        phentsize, phnum = struct.unpack_from("<HH", head, 42)
        for i in range(phnum):
            f.seek(phoff + i * phentsize)
            kind, offset, _, _, size = struct.unpack("<IIIII", f.read(20))
            if kind == 3:  # PT_INTERP
                f.seek(offset)
                interpreter = f.read(size).rstrip(b"\0").decode()
                if not has(interpreter):
                    raise BadFile(f"{path}: needs {interpreter}, which the guest does not have (add it, or link with -static)")


def with_additions(base, additions, out):
    """The initramfs `base` plus HOST[:GUEST] files and folders -> file `out`."""
    with open(base, "rb") as f:
        archive = cpio.read(f.read())
    added = []
    for spec in additions:
        host, _, guest = spec.partition(":")
        if not os.path.lexists(host):
            raise BadFile(f"{host}: no such file")
        guest = guest or ("/" + os.path.basename(host.rstrip("/")))
        archive.add_host(host, guest)
        added.append(host)
    for host in added:
        for path in files_below(host):
            check_elf(path, lambda name: name.strip("/") in archive.entries)
    with open(out, "wb") as f:
        f.write(archive.data())


def files_below(path):
    if os.path.isdir(path) and not os.path.islink(path):
        for folder, _, names in os.walk(path):
            yield from (os.path.join(folder, n) for n in names if os.path.isfile(os.path.join(folder, n)))
    elif os.path.isfile(path):
        yield path


def make_swap(path, size):
    """A fresh swap area in a file: the header that mkswap writes, the rest a hole."""
    pages = size // 4096
    with open(path, "wb") as f:
        f.truncate(pages * 4096)
        f.seek(1024)
        f.write(struct.pack("<III16s16s", 1, pages - 1, 0, os.urandom(16), b""))
        f.seek(4096 - 10)
        f.write(b"SWAPSPACE2")
    return path


def grub_cfg(options, timeout):
    lines = ["serial --unit=0 --speed=115200", "terminal_input console serial", "terminal_output console serial",
             f"set timeout={timeout}", "set default=0"]
    if not timeout:
        lines.append("set timeout_style=hidden")
    for title, extra in MENU:
        lines += [f'menuentry "{title}" {{', f"\tmultiboot /boot/isthmus.elf {quote(extra, options)}",
                  "\tmodule /boot/initramfs.cpio initramfs", "}"]
    return "\n".join(lines) + "\n"


def quote(*parts):
    words = " ".join(p for p in parts if p)
    return " ".join("'" + w.replace("'", "'\\''") + "'" for w in words.split())


def make_iso(out, kernel, initramfs, options="", timeout=3):
    with tempfile.TemporaryDirectory() as tree:
        os.makedirs(f"{tree}/boot/grub")
        for source, name in ((kernel, "isthmus.elf"), (initramfs, "initramfs.cpio")):
            if name == "isthmus.elf":
                subprocess.run(["i686-linux-gnu-strip", "-g", "-o", f"{tree}/boot/{name}", source], check=True)
            else:
                shutil.copyfile(source, f"{tree}/boot/{name}")
        with open(f"{tree}/boot/grub/grub.cfg", "w", encoding="utf-8") as f:
            f.write(grub_cfg(options, timeout))
        r = subprocess.run(["grub-mkrescue", "--directory=/usr/lib/grub/i386-pc", "--install-modules=" + GRUB_MODULES,
                            "--fonts=", "--locales=", "--themes=", "--compress=no", "-o", out, tree],
                           capture_output=True, text=True, check=False)
        if r.returncode:
            raise BadFile("grub-mkrescue failed:\n" + r.stderr)


GRUB_MODULES = "multiboot serial normal biosdisk iso9660 part_msdos terminal configfile minicmd"
