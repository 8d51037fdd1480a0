#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`nm -n` on standard input -> NASM source of what the kernel knows of its own text (kernel/lib/symbols.c): function names, and for
the return address of each call the file and line. With --elf FILE also the lines; they come from its debug information.

Two passes of the linker: with empty tables first, then with the real ones. They lie in .rodata behind .text, so that the
addresses in them do not move.

Lines are a stream of bytes, an entry for each call, ascending: how far from the entry before (variable length), the number of the
file if it changed, the line or how far it is from the one before. Every STEP entries a checkpoint starts afresh.
"""
import argparse
import re
import subprocess
import sys

STEP = 64
TOOLS = "i686-linux-gnu-"


def functions():
    found = []
    for line in sys.stdin:
        words = line.split()
        if len(words) == 3 and words[1] in "tT" and not words[2].startswith("."):
            addr = int(words[0], 16)
            if not found or found[-1][0] != addr:
                found.append((addr, words[2]))
    return found


def calls(elf):
    """Addresses behind call instructions, and the place of each call"""
    text = subprocess.run([TOOLS + "objdump", "-d", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True).stdout
    after = [int(a, 16) for a in re.findall(r"\tcall .*\n(?:\s*\n)?\s*([0-9a-f]+)(?::| <)", text)]
    places = subprocess.run([TOOLS + "addr2line", "-e", elf], input="".join(f"{a - 1:#x}\n" for a in after), capture_output=True, text=True,
                            check=True).stdout.splitlines()
    for addr, place in zip(after, places):
        m = re.match(r"(.*):(\d+)", place)
        if m and m.group(1) != "??":
            yield addr, tidy(m.group(1)), int(m.group(2))


def tidy(path):
    """mm/virt/fault.c, however the compiler or the assembler wrote it"""
    parts = [p for p in path.split("/") if p not in ("", ".")]
    tops = [i for i, p in enumerate(parts) if p in ("arch", "boot", "drivers", "kernel", "mm")]
    return "/".join(parts[tops[-1] if len(tops) > 1 and parts[tops[-1] - 1] == parts[-2] else tops[0]:]) if tops else parts[-1]


def number(n):
    """Seven bits a byte, the lowest first; the high bit says that more follow"""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def encode(entries):
    """=> files, checkpoints [(address, offset)], stream"""
    files, checkpoints, stream = {}, [], bytearray()
    addr = file = line = 0
    for i, (at, path, n) in enumerate(entries):
        if i % STEP == 0:
            checkpoints.append((at, len(stream)))
            addr, file, line = at, -1, 0
        new = files.setdefault(path, len(files))
        delta = n - line
        zigzag = delta * 2 if delta >= 0 else -delta * 2 - 1
        stream += number(at - addr)
        stream += number(zigzag << 1) if new == file else number(new << 1 | 1) + number(n)
        addr, file, line = at, new, n
    return list(files), checkpoints, stream


def strings(label, index, texts):
    out, offset = [f"{index}:"], 0
    for t in texts:
        out.append(f"\tdd {offset}")
        offset += len(t) + 1
    return [*out, f"{label}:", *(f'\tdb "{t}", 0' for t in texts), "\tdb 0"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--elf")
    args = p.parse_args()
    syms = functions()
    files, checkpoints, stream = encode(calls(args.elf)) if args.elf else ([], [], b"")
    out = ["section .rodata", "global ksym_count, ksym_addrs, ksym_names, ksym_strings",
           "global kline_count, kline_addrs, kline_offsets, kline_stream, kline_files, kline_strings",
           "align 4", f"ksym_count: dd {len(syms)}", "ksym_addrs:", *(f"\tdd 0x{a:x}" for a, _ in syms)]
    out += strings("ksym_strings", "ksym_names", [name for _, name in syms])
    out += ["align 4", f"kline_count: dd {len(checkpoints)}", "kline_addrs:", *(f"\tdd 0x{a:x}" for a, _ in checkpoints), "kline_offsets:",
            *(f"\tdd {o}" for _, o in checkpoints), f"\tdd {len(stream)}"]
    out += strings("kline_strings", "kline_files", files)
    out.append("kline_stream:")
    out += ["\tdb " + ", ".join(str(b) for b in stream[i:i + 32]) for i in range(0, len(stream), 32)]
    print("\n".join(out))


if __name__ == "__main__":
    main()
