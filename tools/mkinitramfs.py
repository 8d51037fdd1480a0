#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the root file system: BusyBox with a link per applet, our programs, user/etc, device nodes. Needs no root.

usage: mkinitramfs.py -o OUT --init FILE --busybox FILE --etc DIR --doc DIR --sources DIR --multi FILE NAME... --alone FILE...
The multi-call FILE gets a link for each NAME. A line ` * help: TEXT` in a program's source gives it its line in `help`; a program that
is a folder has it in main.c.
"""
import argparse
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cpio  # noqa: E402

NODES = [("console", 5, 1, 0o600), ("tty", 5, 0, 0o666), ("ptmx", 5, 2, 0o666), ("null", 1, 3, 0o666), ("zero", 1, 5, 0o666),
         ("full", 1, 7, 0o666), ("random", 1, 8, 0o666), ("urandom", 1, 9, 0o666), ("kmsg", 1, 11, 0o644),
         ("tty0", 4, 0, 0o620), ("tty1", 4, 1, 0o620)] + [(f"ttyS{n}", 4, 64 + n, 0o660) for n in range(4)]


def applets(busybox):
    """Paths of the applets; where the host cannot run i386 programs, all of them in /bin from the table in the file."""
    try:
        out = subprocess.run([busybox, "--list-full"], capture_output=True, check=True, text=True).stdout
        return out.split()
    except (OSError, subprocess.CalledProcessError):
        with open(busybox, "rb") as f:
            table = re.search(rb"\[\0\[\[\0[\0-~]+?\0\0", f.read())
        if not table:
            sys.exit(f"{busybox}: cannot run it here, and found no applet table in it")
        return ["bin/" + n.decode() for n in table.group().split(b"\0") if n]


def help_lines(sources, names):
    """(name, text) for each program whose source has a help line."""
    found = {}
    for folder, _, files in os.walk(sources):
        for name in files:
            if name.endswith(".c"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    line = re.search(r"^ \* help: (.*)$", f.read(2000), re.M)
                if line:
                    found[os.path.basename(folder) if name == "main.c" else name[:-2]] = line.group(1)
    return [(n, found[n]) for n in sorted(names) if n in found]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def build(args):
    a = cpio.Archive()
    for folder in ("bin", "dev", "etc", "home", "mnt", "proc", "root", "sbin", "usr/bin", "usr/sbin", "usr/share/doc", "var/run"):
        a.add_dir(folder)
    a.add_dir("tmp", 0o1777)
    a.add_dir("dev/pts")
    a.add_dir("dev/shm", 0o1777)
    a.add_dir("root", 0o700)
    a.add_dir("home/student", 0o755, 1000, 1000)
    for name, major, minor, mode in NODES:
        a.add_node("dev/" + name, "c", major, minor, mode)
    a.add_data("bin/busybox", read(args.busybox), 0o755)
    for path in applets(args.busybox):
        if path != "bin/busybox":
            a.add_link(path, "/bin/busybox")
    a.add_data("init", read(args.init), 0o755)
    multi, *names = args.multi
    a.add_data("bin/isthmus", strip(multi), 0o755)
    for name in names:
        a.add_link("bin/" + name, "/bin/isthmus")
    for path in args.alone:
        names.append(os.path.basename(path))
        a.add_data("bin/" + names[-1], strip(path), 0o755)
    for name in sorted(os.listdir(args.etc)):
        a.add_data("etc/" + name, read(os.path.join(args.etc, name)), 0o600 if name == "shadow" else 0o644)
    for name in sorted(os.listdir(args.doc)):
        if name.endswith(".txt"):
            a.add_data("usr/share/doc/" + name, read(os.path.join(args.doc, name)))
    a.add_data("etc/programs", "".join(f"{n}\t{t}\n" for n, t in help_lines(args.sources, names)).encode())
    return a


def strip(path):
    """The program without its symbols; they stay in the build folder for the debugger."""
    out = path + ".stripped"
    subprocess.run(["i686-linux-gnu-strip", "-o", out, path], check=True)
    return read(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", required=True)
    p.add_argument("--init", required=True)
    p.add_argument("--busybox", required=True)
    p.add_argument("--etc", required=True)
    p.add_argument("--doc", required=True)
    p.add_argument("--sources", required=True)
    p.add_argument("--multi", nargs="+", required=True)
    p.add_argument("--alone", nargs="+", required=True)
    args = p.parse_args()
    with open(args.o, "wb") as f:
        f.write(build(args).data())


if __name__ == "__main__":
    main()
