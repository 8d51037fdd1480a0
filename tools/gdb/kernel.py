# SPDX-License-Identifier: MIT
"""Reading a stopped kernel: symbols, per-CPU data, lists, trees, and physical memory.

Two kinds of target look alike from here: a live guest behind QEMU's stub, and a dump that `tools/run --dump` left. Low memory
and kernel mappings are read through GDB; physical memory, which may be high and mapped nowhere, through phys().
"""
import os

import gdb

PAGE_OFFSET, PAGE_SIZE = 0xC0000000, 4096
LOW_END = 896 << 20


class Bad(gdb.GdbError):
    """What a command says instead of a traceback."""


def symbol(name):
    try:
        return gdb.parse_and_eval(f"'{name}'" if "." in name else name)
    except gdb.error as e:
        raise Bad(f"{name}: {e} (is the kernel's ELF file loaded?)") from None


def count(value):
    """A number, or the one inside a pfn_t, pindex_t, pgoff_t ... (kernel/lib/units.h)."""
    return int(value["n"] if value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT else value)


def number(name):
    return count(symbol(name))


def has_symbol(name):
    return gdb.lookup_global_symbol(name) is not None or gdb.lookup_static_symbol(name) is not None


def struct(name):
    return gdb.lookup_type("struct " + name)


def has_field(type_, field):
    return any(f.name == field for f in type_.fields())


def at(address, type_name):
    """The structure at an address."""
    return gdb.Value(int(address)).cast(struct(type_name).pointer()).dereference()


def offset_of(type_, path):
    """Bytes from the start of a structure to one of its fields (anonymous members are looked through)."""
    null = gdb.Value(0).cast(type_.pointer()).dereference()
    for part in path.split("."):
        null = null[part]
    return int(null.address)


def container(pointer, type_name, path):
    return at(int(pointer) - offset_of(struct(type_name), path), type_name)


# --- per CPU ----------------------------------------------------------------------------------------------------------
def cpus():
    return range(number("nr_cpus"))


def per_cpu(name, cpu):
    variable = symbol(name)
    address = (int(variable.address) + int(symbol("percpu_offset")[cpu])) & 0xFFFFFFFF
    return gdb.Value(address).cast(variable.type.pointer()).dereference()


def per_cpu_sum(name, index=None):
    total = 0
    for cpu in cpus():
        v = per_cpu(name, cpu)
        total += int(v if index is None else v[index])
    return total


# --- lists and trees -----------------------------------------------------------------------------------------------------
def list_entries(head, type_name, path):
    """Each structure on a struct list_head; a list that does not close is reported, not followed for ever."""
    end, node, steps = int(head.address), head["next"], 0
    while int(node) != end:
        if not int(node) or steps > 1 << 20:
            raise Bad(f"list at {end:#x} does not close")
        yield container(node, type_name, path)
        node = node.dereference()["next"]
        steps += 1


def rb_nodes(node):
    """Addresses of struct rb_node in order."""
    stack = []
    while stack or int(node):
        while int(node):
            stack.append(node)
            node = node.dereference()["left"]
        node = stack.pop()
        yield int(node)
        node = node.dereference()["right"]


def enumerators(type_name, prefix):
    """[(name without prefix, value)] of an enum, as the debug information knows it."""
    return [(f.name[len(prefix):].lower(), int(f.enumval)) for f in gdb.lookup_type(type_name).fields() if f.name.startswith(prefix)]


# --- physical memory ---------------------------------------------------------------------------------------------------
def dump_ram():
    """The physical memory that lies beside a dump as FILE.ram; None for a live guest."""
    for line in gdb.execute("info files", to_string=True).splitlines():
        path = line.strip().lstrip("`").split("'")[0]
        if os.path.exists(path + ".ram"):
            return path + ".ram"
    return None


def from_dump(ram, address, length):
    """QEMU's pc machine: memory up to 3.5 GB lies in one piece; of more, 3 GB lie below 4 GB and the rest above."""
    size = os.path.getsize(ram)
    below = size if size < 0xE0000000 else 0xC0000000
    with open(ram, "rb") as f:
        f.seek(address if address < below else address - (1 << 32) + below)
        return f.read(length)


def from_monitor(address, length):
    """GDB's own addresses have 32 bits; QEMU's monitor reads any frame."""
    text = gdb.execute(f"monitor xp /{length // 4}xw {address:#x}", to_string=True)
    return b"".join(int(w, 16).to_bytes(4, "little") for line in text.splitlines() for w in line.split(":")[1].split())


def phys(address, length):
    """Bytes of physical memory, wherever they lie."""
    if address + length <= min(LOW_END, number("max_low_pfn") * PAGE_SIZE):
        return bytes(gdb.selected_inferior().read_memory(PAGE_OFFSET + address, length))
    ram = dump_ram()
    return from_dump(ram, address, length) if ram else from_monitor(address, length)


def words64(data):
    return [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]


# --- commands ------------------------------------------------------------------------------------------------------------
class Command(gdb.Command):
    """A command: subclasses have name, usage (one line), a docstring, and run(words)."""

    name = usage = ""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, _tty):
        words = gdb.string_to_argv(argument)
        try:
            self.run(words)
        except gdb.MemoryError as e:
            raise gdb.GdbError(f"{self.name}: {e}") from None
        except (IndexError, ValueError):
            raise gdb.GdbError(f"usage: {self.name} {self.usage}") from None


def integer(word):
    """A number or any expression that GDB knows."""
    return int(gdb.parse_and_eval(word)) & 0xFFFFFFFFFFFFFFFF


def table(rows, right=()):
    """Aligned text; the first row is the head."""
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        print("  ".join(str(c).rjust(w) if i in right else str(c).ljust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip())


def atomic(value):
    """An atomic_t."""
    return int(value[value.type.strip_typedefs().fields()[0].name])
