# SPDX-License-Identifier: MIT
"""Tasks: ps, locks, and what lets GDB's own `bt` pass trap frames and switched-out tasks."""
import gdb
import gdb.unwinder

import kernel as k

STATES = ((1, "S"), (2, "D"), (4, "K"), (8, "T"), (16, "Z"), (32, "X"), (64, "t"))


def all_tasks():
    yield from k.list_entries(k.symbol("all_tasks"), "task", "all_node")


def find(pid):
    for t in all_tasks():
        if int(t["pid"]) == pid:
            return t
    raise k.Bad(f"no task {pid}")


def state(t):
    if bool(t["sched"]["on_cpu"]):
        return f"R{int(t['sched']['cpu'])}"
    value = int(t["state"])
    return next((letter for bit, letter in STATES if value & bit), "R")


def name(t):
    return t["comm"].string(errors="replace")


def kb(mm, *fields):
    return sum(max(0, k.atomic(mm[f])) for f in fields) * 4


class Ps(k.Command):
    """ps: every task. State R0 runs on CPU 0, R waits for one, S and D sleep (D: not for signals), K until killed, T stopped, Z zombie."""

    name = "ps"

    def run(self, _words):
        rows = [["pid", "tgid", "parent", "st", "rss kB", "swap kB", "task", "name"]]
        for t in all_tasks():
            group, mm = t["group"].dereference(), t["mm"]
            parent = int(group["parent"]["tgid"]) if int(group["parent"]) else 0
            sizes = (kb(mm, "rss_anon", "rss_file", "rss_shmem"), kb(mm, "swap_ents")) if int(mm) else ("", "")
            rows.append([int(t["pid"]), int(group["tgid"]), parent, state(t), *sizes, f"{int(t.address):#x}",
                         name(t) if int(mm) else f"[{name(t)}]"])
        k.table(rows, (0, 1, 2, 4, 5))


class Bt(k.Command):
    """bt-task PID: the stack of a task that is not running. GDB's own bt shows the CPU's (it passes trap frames)."""

    name, usage = "bt-task", "PID"

    def run(self, words):
        t = find(k.integer(words[0]))
        if bool(t["sched"]["on_cpu"]):
            raise k.Bad(f"it runs on CPU {int(t['sched']['cpu'])}: thread {int(t['sched']['cpu']) + 1}, then bt")
        saved = [gdb.parse_and_eval("$" + r) for r in ("esp", "ebp", "eip", "ebx", "esi", "edi")]
        frame = gdb.Value(int(t["arch"]["esp"])).cast(gdb.lookup_type("unsigned int").pointer())
        values = [int(frame[4]) and int(frame) + 20, int(frame[3]), int(frame[4]), int(frame[2]), int(frame[1]), int(frame[0])]
        show_stack(values, saved)


def show_stack(values, saved):
    """A live guest's registers can be set for a moment; a dump's cannot: there the words of the stack are walked by hand."""
    names = ("esp", "ebp", "eip", "ebx", "esi", "edi")
    try:
        for n, v in zip(names, values):
            gdb.execute(f"set var ${n} = {v:#x}", to_string=True)
    except gdb.error:
        walk_words(values[0] - 4)
        return
    try:
        gdb.execute("bt 30")
    finally:
        for n, v in zip(names, saved):
            gdb.execute(f"set var ${n} = {int(v) & 0xFFFFFFFF:#x}", to_string=True)


def walk_words(esp):
    """Every word that points behind a call in kernel text: all callers, and some that returned long ago."""
    start, end = (int(k.symbol(s).address) for s in ("text_start", "text_end"))
    top = (esp & ~8191) + 8192
    n = 0
    for address in range(esp, top, 4):
        word = int(gdb.Value(address).cast(gdb.lookup_type("unsigned int").pointer()).dereference())
        if start <= word < end and gdb.find_pc_line(word - 1).symtab and n < 30:
            line = gdb.find_pc_line(word - 1)
            print(f"#{n:<2} {word:#x} {gdb.block_for_pc(word - 1).function or '?'} at {line.symtab.filename}:{line.line}")
            n += 1


# --- trap frames ------------------------------------------------------------------------------------------------------------
REGISTERS = ("ebx", "ecx", "edx", "esi", "edi", "ebp", "eax")


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class TrapUnwinder(gdb.unwinder.Unwinder):
    """From entry.asm to what it interrupted. A return address inside the entry code means that a struct regs stands on the stack
    there (above three pushed arguments, if the call was a system call's)."""

    def __init__(self):
        super().__init__("isthmus trap frames")
        self.ranges = None

    def entry_code(self):
        if self.ranges is None:
            address = lambda s: int(gdb.parse_and_eval(f"(unsigned)&{s}"))  # noqa: E731
            start = address("syscall_entry")
            self.ranges = (start, address("switch_stack"), address("page_fault_entry"), address("fork_entry"), start + 4096 * 2)
        return self.ranges

    def __call__(self, pending):
        pc = int(pending.read_register("eip")) & 0xFFFFFFFF
        start, end, after_calls, fork, _ = self.entry_code()
        if not (start <= pc < end or fork <= pc < fork + 16):
            return None
        sp = int(pending.read_register("esp")) & 0xFFFFFFFF
        regs = k.at(sp + 12 if start <= pc < after_calls and looks_like_regs(sp + 12) else sp, "regs")
        if not looks_like_regs(int(regs.address)):
            return None
        info = pending.create_unwind_info(FrameId(gdb.Value(int(regs.address)), gdb.Value(pc)))
        for r in REGISTERS:
            info.add_saved_register(r, regs[r])
        info.add_saved_register("eip", regs["eip"])
        user = int(regs["cs"]) & 3
        info.add_saved_register("esp", regs["esp"] if user else gdb.Value(int(regs["esp"].address)).cast(regs["esp"].type))
        return info


def looks_like_regs(address):
    try:
        regs = k.at(address, "regs")
        return int(regs["cs"]) & 0xFFFF in (0x60, 0x73) and int(regs["ds"]) & 0xFFFF in (0x7B, 0x68, 0)
    except gdb.MemoryError:
        return False


# --- locks -----------------------------------------------------------------------------------------------------------------------
class Locks(k.Command):
    """locks: debug builds: which locks each task holds or waits for, with class and address."""

    name = "locks"

    def run(self, _words):
        if not k.has_symbol("lockdep_on"):
            raise k.Bad("locks: the release build keeps no record of who holds what; use the debug build")
        held = 0
        for t in all_tasks():
            if int(t["lockdep"]):
                held += self.stack(f"{int(t['pid'])} {name(t)}", t["lockdep"].cast(k.struct("stack").pointer()).dereference())
        for cpu in k.cpus():
            held += self.stack(f"interrupt handler on CPU {cpu}", k.per_cpu("irq_stack", cpu))
        if not held:
            print("no lock is held")

    def stack(self, who, stack):
        depth = int(stack["depth"])
        for i in range(depth):
            h = stack["held"][i]
            class_ = k.symbol("classes")[int(h["class"])]
            how = "read" if int(h["flags"]) & 1 else "write"
            print(f"{who}: {class_['name'].string()} at {int(h['lock']):#x} ({how})")
        return depth
