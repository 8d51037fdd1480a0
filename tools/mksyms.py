#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`nm -n` on standard input -> NASM source of the kernel's table of text symbols (kernel/lib looks names up in it).

Two passes of the linker: with an empty table first, then with the real one. It lies in .rodata behind .text, so that
the addresses in it do not move.
"""
import sys


def main():
    syms = []
    for line in sys.stdin:
        words = line.split()
        if len(words) == 3 and words[1] in "tT" and not words[2].startswith("."):
            addr = int(words[0], 16)
            if not syms or syms[-1][0] != addr:
                syms.append((addr, words[2]))
    out = ["section .rodata", "global ksym_count, ksym_addrs, ksym_names, ksym_strings",
           "align 4", f"ksym_count: dd {len(syms)}", "ksym_addrs:"]
    out += [f"\tdd 0x{addr:x}" for addr, _ in syms]
    out.append("ksym_names:")
    offset = 0
    for _, name in syms:
        out.append(f"\tdd {offset}")
        offset += len(name) + 1
    out.append("ksym_strings:")
    out += [f'\tdb "{name}", 0' for _, name in syms]
    out.append("\tdb 0")
    print("\n".join(out))


if __name__ == "__main__":
    main()
