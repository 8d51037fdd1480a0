#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: mkiso.py -o OUT --kernel ELF --initramfs CPIO   (GRUB's menu stands in isthmus/image.py)"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from isthmus import image  # noqa: E402


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("-o", required=True)
    p.add_argument("--kernel", required=True)
    p.add_argument("--initramfs", required=True)
    args = p.parse_args()
    try:
        image.make_iso(args.o, args.kernel, args.initramfs)
    except image.BadFile as e:
        sys.exit(f"mkiso: {e}")


if __name__ == "__main__":
    main()
