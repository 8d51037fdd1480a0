#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=quick time=20
"""Each applet of BusyBox is run by a transcript (../transcripts: the same commands on Linux and here), or stands below with the
reason why not. An applet counts as run when it stands where a command stands: at the beginning of a line, behind ; | & ( { or a
quote, behind a keyword, or behind a command that runs another."""
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
BUSYBOX = os.path.join(ROOT, os.environ.get("CACHE", ".cache"), "busybox")

EXCLUDED = {
    "network": "arp arping brctl ftpget ftpput httpd ifconfig ifdown ifup ip ipneigh nameif nc nslookup ping ping6 rdate route "
               "ssl_client tc telnet telnetd tftp traceroute traceroute6 tunctl udhcpc udhcpd vconfig wget",
    "listens to the kernel through a netlink socket, of which this kernel has none": "uevent",
    "ends or takes over the machine; boots/runner.py and boots/keys.py do that": "halt linuxrc poweroff reboot",
    "reads physical memory: there is no /dev/mem": "devmem",
}
RUNNERS = r"(?:busybox|time|exec|setsid|env|nohup|nice|ionice|timeout|cttyhack|openvt|chroot|xargs|su|unshare|nsenter|linux32|linux64|sh -c|-w --)"
PLACE = rf"(?m)(?:^|[;|&({{`\"'!]|\b(?:do|then|else|in)\b|\b{RUNNERS}\b[^;|]*)\s*"


def applets():
    try:
        return subprocess.run([BUSYBOX, "--list"], capture_output=True, check=True, text=True).stdout.split()
    except OSError:
        from mkinitramfs import applets as from_table
        return [os.path.basename(path) for path in from_table(BUSYBOX)]


def commands():
    text = ""
    for path in glob.glob(os.path.join(HERE, "../transcripts/*.sh")):
        with open(path, encoding="utf-8") as f:
            text += "".join(line for line in f if not line.startswith("#"))
    return text


def main():
    names, text = applets(), commands()
    excluded = {name: why for why, words in EXCLUDED.items() for name in words.split()}
    run = {n for n in names if re.search(PLACE + re.escape(n) + r"(?![\w.-])(?!=)", text)}
    missing = sorted(set(names) - run - set(excluded))
    stale = sorted((set(excluded) & run) | (set(excluded) - set(names)))
    print(f"{'not ' if missing else ''}ok 1 - {len(run)} of {len(names)} applets are run by a transcript, {len(excluded)} are excluded")
    for name in missing:
        print(f"# no transcript runs {name}")
    print(f"{'not ' if stale else ''}ok 2 - what is excluded is not run, and exists")
    for name in stale:
        print(f"# {name}: excluded ({excluded[name]}), but run or not there")
    print("1..2")
    return bool(missing or stale)


if __name__ == "__main__":
    sys.exit(main())
