#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`nm -n` on standard input -> NASM source of what the kernel knows of its own text (kernel/lib/symbols.c): function names, and for
the return address of each call the file, the line, and how far above it the next return address lies. With --elf FILE also the
latter three; they come from its debug information.

Two passes of the linker: with empty tables first, then with the real ones. They lie in .rodata behind .text, so that the
addresses in them do not move.

Calls are a stream of bytes, an entry for each, ascending: how far from the entry before (variable length; its lowest bit says that
the frame changed), the number of the file if it changed, the line or how far it is from the one before, the frame if it changed. Every
STEP entries a checkpoint starts afresh.

A frame is one number: BY_EBP: the next return address lies at %ebp + 4 (and the caller's %ebp in front of it). UNKNOWN: assembler.
Otherwise twice the words between this return address and the next, plus one if the caller's %ebp lies in front of that one.
"""
import argparse
import bisect
import re
import subprocess
import sys

STEP = 64
BY_EBP, UNKNOWN = 0, 1
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


def frame_code(columns, row):
    """Of `readelf --debug-dump=frames-interp`: columns LOC CFA register ..., and what a row has in them"""
    cfa = row[1].split("+")
    ebp = dict(zip(columns, row)).get("ebp", "u")
    if cfa[0] == "ebp":
        return BY_EBP if cfa[1:] == ["8"] and ebp == "c-8" else UNKNOWN
    if cfa[0] != "esp" or ebp not in ("u", "c-8"):
        return UNKNOWN
    return int(cfa[1]) // 4 * 2 + (ebp == "c-8")


def frames(elf):
    """=> addresses, ascending, and the frame of the instructions from each on"""
    text = subprocess.run([TOOLS + "readelf", "--debug-dump=frames-interp", elf], capture_output=True, text=True, check=True).stdout
    rows = {}
    for part in re.split(r"\n\n", text):
        head = re.search(r" FDE .*pc=(\w+)\.\.(\w+)(?:\n +(LOC .*)\n)?", part)
        if not head:
            continue
        start, end, columns = head.groups()
        rows[int(start, 16)] = frame_code(["LOC", "CFA"], [start, "esp+4"]) # a function that pushes nothing has no rows
        rows.setdefault(int(end, 16), UNKNOWN)
        for row in map(str.split, part[head.end():].splitlines()):
            rows[int(row[0], 16)] = frame_code(columns.split(), row)
    return sorted(rows), [rows[a] for a in sorted(rows)]


def calls(elf):
    """For each call: the address behind it, the place of the call, the frame"""
    text = subprocess.run([TOOLS + "objdump", "-d", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True).stdout
    after = [int(a, 16) for a in re.findall(r"\tcall .*\n(?:\s*\n)?\s*([0-9a-f]+)(?::| <)", text)]
    places = subprocess.run([TOOLS + "addr2line", "-e", elf], input="".join(f"{a - 1:#x}\n" for a in after), capture_output=True, text=True,
                            check=True).stdout.splitlines()
    starts, codes = frames(elf)
    for addr, place in zip(after, places):
        m = re.match(r"(.*):(\d+)", place)
        if m and m.group(1) != "??":
            at = bisect.bisect_right(starts, addr - 1)
            yield addr, tidy(m.group(1)), int(m.group(2)), codes[at - 1] if at else UNKNOWN


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
    addr = file = line = frame = 0
    for i, (at, path, n, code) in enumerate(entries):
        if i % STEP == 0:
            checkpoints.append((at, len(stream)))
            addr, file, line, frame = at, -1, 0, UNKNOWN
        new = files.setdefault(path, len(files))
        delta = n - line
        zigzag = delta * 2 if delta >= 0 else -delta * 2 - 1
        stream += number((at - addr) << 1 | (code != frame))
        stream += number(zigzag << 1) if new == file else number(new << 1 | 1) + number(n)
        stream += number(code) if code != frame else b""
        addr, file, line, frame = at, new, n, code
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
           "global kcall_count, kcall_addrs, kcall_offsets, kcall_stream, kcall_files, kcall_strings",
           "align 4", f"ksym_count: dd {len(syms)}", "ksym_addrs:", *(f"\tdd 0x{a:x}" for a, _ in syms)]
    out += strings("ksym_strings", "ksym_names", [name for _, name in syms])
    out += ["align 4", f"kcall_count: dd {len(checkpoints)}", "kcall_addrs:", *(f"\tdd 0x{a:x}" for a, _ in checkpoints), "kcall_offsets:",
            *(f"\tdd {o}" for _, o in checkpoints), f"\tdd {len(stream)}"]
    out += strings("kcall_strings", "kcall_files", files)
    out.append("kcall_stream:")
    out += ["\tdb " + ", ".join(str(b) for b in stream[i:i + 32]) for i in range(0, len(stream), 32)]
    print("\n".join(out))


if __name__ == "__main__":
    main()
