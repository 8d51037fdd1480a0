# SPDX-License-Identifier: MIT
"""A dump of a guest that panicked, for GDB: FILE, an ELF core with kernel memory and each CPU's registers, and FILE.ram beside it,
physical memory as it was (sparse: as large on disk as what the guest touched). A core's offsets have 32 bits, so it cannot hold
all of 32 GB itself; tools/gdb reads what is high from FILE.ram.
"""
import os
import shutil
import struct
import subprocess

PAGE_OFFSET, LOW_MAX, VMALLOC_START = 0xC0000000, 896 << 20, 0xF8000000
FRAME = 0x000FFFFFFFFFF000
REGS = 16               # words of struct regs (arch/i386/traps.h)
PRSTATUS, PR_PID, PR_REG = 144, 24, 72


class Ram:
    """The guest's physical memory in QEMU's file."""

    def __init__(self, path):
        self.path, self.file, self.size = path, open(path, "rb"), os.path.getsize(path)
        self.below = self.size if self.size < 0xE0000000 else 0xC0000000

    def read(self, address, length):
        self.file.seek(address if address < self.below else address - (1 << 32) + self.below)
        return self.file.read(length)

    def word(self, address):
        return struct.unpack("<I", self.read(address, 4))[0]


def symbols(kernel):
    out = subprocess.run(["nm", kernel], capture_output=True, text=True, check=True).stdout
    return {name: int(address, 16) for address, _, name in (line.split() for line in out.splitlines() if len(line.split()) == 3)}


def registers(ram, known):
    """[(cpu, words of struct regs)] as the panic left them in crash_regs"""
    cpus = ram.word(known["nr_cpus"] - PAGE_OFFSET)
    for cpu in range(min(cpus, 16)):
        offset = ram.word(known["percpu_offset"] - PAGE_OFFSET + 4 * cpu)
        at = (known["crash_regs"] + offset & 0xFFFFFFFF) - PAGE_OFFSET
        if 0 <= at < min(ram.below, LOW_MAX):
            yield cpu, struct.unpack(f"<{REGS}I", ram.read(at, 4 * REGS))


def prstatus(cpu, r):
    """NT_PRSTATUS for i386: GDB knows a thread from it. r: ebx ecx edx esi edi ebp eax ds es fs orig eip cs eflags esp ss"""
    data = bytearray(PRSTATUS)
    struct.pack_into("<I", data, PR_PID, cpu + 1)
    struct.pack_into("<17I", data, PR_REG, *r[:10], 0, *r[10:])
    return struct.pack("<III", 5, len(data), 1) + b"CORE\0\0\0\0" + data


def mapped_pages(ram, known):
    """(virtual, physical) of each 4 KB page that the kernel maps above low memory: vmalloc, kmap, devices left out"""
    pmd = known["kernel_pmd"] - PAGE_OFFSET
    for i in range((VMALLOC_START - PAGE_OFFSET) >> 21, 512):
        entry = struct.unpack("<Q", ram.read(pmd + 8 * i, 8))[0]
        if entry & 0x81 != 1:
            continue
        for j, pte in enumerate(struct.unpack("<512Q", ram.read(entry & FRAME, 4096))):
            physical = pte & FRAME
            if pte & 1 and (physical < ram.below or 1 << 32 <= physical < ram.size + (1 << 32) - ram.below):
                yield PAGE_OFFSET + (i << 21) + (j << 12), physical


def segments(ram, known):
    """[(virtual, physical, length)], neighbours joined"""
    joined = [[PAGE_OFFSET, 0, min(ram.below, LOW_MAX, ram.word(known["direct_map_end"] - PAGE_OFFSET))]]
    for virtual, physical in mapped_pages(ram, known):
        last = joined[-1]
        if virtual == last[0] + last[2] and physical == last[1] + last[2]:
            last[2] += 4096
        else:
            joined.append([virtual, physical, 4096])
    return joined


def copy_sparse(ram, out, physical, length):
    """Zero pages stay holes."""
    for at in range(0, length, 1 << 20):
        data = ram.read(physical + at, min(1 << 20, length - at))
        if data.count(0) == len(data):
            out.seek(len(data), os.SEEK_CUR)
        else:
            out.write(data)


def write(path, kernel, ram_path):
    """Makes path and path.ram from the guest's memory file, which moves away."""
    ram, known = Ram(ram_path), symbols(kernel)
    notes = b"".join(prstatus(cpu, r) for cpu, r in registers(ram, known))
    parts = segments(ram, known)
    head = 52 + 32 * (1 + len(parts))
    place = (head + len(notes) + 4095) & ~4095
    table = struct.pack("<8I", 4, head, 0, 0, len(notes), 0, 0, 4)
    for virtual, physical, length in parts:
        table += struct.pack("<8I", 1, place, virtual, physical & 0xFFFFFFFF, length, length, 7, 4096)
        place += length
    with open(path, "wb") as out:
        out.write(b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 4, 3, 1, 0, 52, 0, 0, 52, 32, 1 + len(parts), 0, 0, 0))
        out.write(table + notes)
        out.seek((head + len(notes) + 4095) & ~4095)
        for _, physical, length in parts:
            copy_sparse(ram, out, physical, length)
        out.truncate(place)
    shutil.move(ram_path, path + ".ram")
