# SPDX-License-Identifier: MIT
"""Where the kernel's instructions go: every one of them counted, by function and by path.

QEMU names each translation block that it executes (-d exec,nochain); a block ends at the first branch, so the kernel's
disassembly tells how many instructions ran between one name and the next, and what ended them: a call pushes a
function, a return pops one. Nothing is sampled and the guest is not changed; it runs some twenty times slower meanwhile.

After a switch of tasks the path starts anew, with "(switched in)", because whose stack it is cannot be told.
"""
import bisect
import html
import os
import re
import socket
import subprocess
import threading

ENTRIES = ("syscall_entry", "sysenter_entry", "page_fault_entry", "trap_stubs", "double_fault_entry")
SWITCH = ("switch_stack",)
PLAIN, CALL, RET, LEAVE, JUMP = range(5)
DEEPEST = 150  # functions on an 8 KB stack, and some; a longer path has missed returns and starts anew
BRANCH = re.compile(r"^(?:(?:rep|repz|repnz|bnd|lock|notrack) )*(call|ret|lret|iret|sysexit|jmp|ljmp|j[a-z]+|loop[a-z]*|int|int3|hlt)\b")


class Code:
    """The kernel's text: for each instruction its length and what kind of end it is; functions by address."""

    def __init__(self, elf, objdump="i686-linux-gnu-objdump", nm="i686-linux-gnu-nm"):
        self.next, self.kind, self.blocks = {}, {}, {}
        last = None
        for line in subprocess.run([objdump, "-d", "-w", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True).stdout.splitlines():
            at, colon, text = line.partition(":\t")
            if not colon:
                continue
            address = int(at, 16)
            if last is not None:
                self.next[last] = address
            m = BRANCH.match(text)
            self.kind[address] = self.end_of(m.group(1)) if m else PLAIN
            last = address
        names = subprocess.run([nm, "-n", elf], capture_output=True, text=True, check=True).stdout.split("\n")
        rows = [(int(r[0], 16), r[2]) for r in map(str.split, names) if len(r) == 3 and r[1] in "tT" and "." not in r[2][:1]]
        self.starts, self.names = [r[0] for r in rows], [r[1] for r in rows]

    @staticmethod
    def end_of(word):
        if word == "call":
            return CALL
        if word in ("ret", "lret"):
            return RET
        return LEAVE if word in ("iret", "sysexit", "hlt") else JUMP

    def function(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        return self.names[i] if i >= 0 else "?"

    def block(self, start):
        """=> (instructions up to the first branch, how it ends, address behind it)"""
        known = self.blocks.get(start)
        if known:
            return known
        n, at = 1, start
        while self.kind.get(at, JUMP) == PLAIN and at in self.next:
            at, n = self.next[at], n + 1
        self.blocks[start] = known = (n, self.kind.get(at, JUMP), self.next.get(at, at))
        return known

    def cut(self, start, to):
        """Instructions from start up to `to`, when the block was left early at an instruction boundary."""
        n, at = 0, start
        while at < to and at in self.next:
            at, n = self.next[at], n + 1
        return n if at == to else None


class Node:
    __slots__ = ("name", "parent", "children", "own")

    def __init__(self, name, parent=None):
        self.name, self.parent, self.children, self.own = name, parent, {}, 0

    def child(self, name):
        c = self.children.get(name)
        if not c:
            c = self.children[name] = Node(name, self)
        return c

    def total(self):
        return self.own + sum(c.total() for c in self.children.values())


class Profile:
    def __init__(self, code):
        self.code, self.root, self.total, self.blocks = code, Node("kernel"), 0, 0
        self.stack = []         # (node, address to which it returns; None: an entry)

    def enter(self, name, returns):
        if len(self.stack) >= DEEPEST:
            self.stack.clear()
        parent = self.stack[-1][0] if self.stack else self.root
        self.stack.append((parent.child(name), returns))

    def follow(self, a, kind, behind, b):
        """The path after block a, now that b follows."""
        name = self.code.function(b)
        if name in ENTRIES and not (kind == CALL and self.code.function(a) in ENTRIES):
            if kind == LEAVE:
                self.stack.clear()
            self.enter(name, None)
        elif kind == CALL:
            self.enter(name, behind)
        elif kind == RET:
            self.leave_function(a, b, name)
        elif kind == LEAVE:
            while self.stack and self.stack.pop()[1] is not None:
                pass
            if not self.stack:
                self.enter(name, None)
        elif self.stack and self.stack[-1][0].name != name:   # a tail call or an out-of-line part
            node, returns = self.stack.pop()
            self.stack.append((node.parent.child(name), returns))

    def leave_function(self, a, b, name):
        if self.code.function(a) in SWITCH:
            self.stack.clear()
            self.enter("(switched in)", None)
            self.enter(name, None)
            return
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i][1] == b:
                del self.stack[i:]
                break
        else:
            if self.stack:
                self.stack.pop()
        if not self.stack or self.stack[-1][0].name != name:
            self.enter(name, None)

    def read(self, lines):
        """lines: QEMU's execution log, as bytes."""
        code, a = self.code, None
        for line in lines:
            if not line.startswith(b"Trace"):
                continue
            b = int(line.split(b"/", 2)[1], 16)
            if a is None:
                self.enter(code.function(b), None)
            else:
                n, kind, behind = code.block(a)
                if a < b < behind:                            # a block cut short (page end, instruction budget)
                    early = code.cut(a, b)
                    if early is not None:
                        n, kind = early, PLAIN
                self.count(n)
                self.follow(a, kind, behind, b)
            a = b
            self.blocks += 1
        if a is not None:
            self.count(code.block(a)[0])

    def count(self, n):
        self.total += n
        if self.stack:
            self.stack[-1][0].own += n
        else:
            self.root.own += n

    # --- what people look at --------------------------------------------------------------------------------------

    def by_function(self):
        """=> [(own, inclusive, name)], most first; a recursive function counts once in inclusive"""
        own, inclusive = {}, {}

        def walk(node, above):
            total = node.own
            again = node.name in above
            for c in node.children.values():
                total += walk(c, above if again else above | {node.name})
            own[node.name] = own.get(node.name, 0) + node.own
            if not again:
                inclusive[node.name] = inclusive.get(node.name, 0) + total
            return total

        for c in self.root.children.values():
            walk(c, frozenset())
        return sorted(((own[n], inclusive[n], n) for n in own), reverse=True)

    def table(self, rows=40):
        out = [f"{self.total} kernel instructions in {self.blocks} blocks", f"{'own':>12} {'':>6} {'with callees':>12} {'':>6}  function"]
        for own, inc, name in self.by_function()[:rows]:
            out.append(f"{own:12} {own / max(self.total, 1):6.1%} {inc:12} {inc / max(self.total, 1):6.1%}  {name}")
        return "\n".join(out) + "\n"

    def folded(self):
        """One line a path, as flame-graph programs read it."""
        out = []

        def walk(node, path):
            path = path + [node.name]
            if node.own:
                out.append(f"{';'.join(path)} {node.own}")
            for c in node.children.values():
                walk(c, path)

        for c in self.root.children.values():
            walk(c, [])
        return "\n".join(sorted(out)) + "\n"

    def flame(self, title, width=1400, row=18):
        """An SVG flame graph: width is instructions, a box stands on its caller; the title of a box tells its numbers."""
        boxes, deepest = [], 0

        def walk(node, x, depth):
            nonlocal deepest
            total = node.total()
            w = total / max(self.total, 1) * width
            if w < 0.3:
                return
            deepest = max(deepest, depth)
            boxes.append((node, total, x, w, depth))
            at = x
            for c in sorted(node.children.values(), key=lambda c: c.name):
                walk(c, at, depth + 1)
                at += c.total() / max(self.total, 1) * width

        walk(self.root, 0, 0)
        height = (deepest + 1) * row + 40
        svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="monospace" font-size="11">',
               f'<text x="8" y="20" font-size="14">{html.escape(title)}: {self.total} kernel instructions</text>']
        for node, total, x, w, depth in boxes:
            y = height - (depth + 1) * row - 4
            hue = 20 + sum(map(ord, node.name)) % 40
            label = node.name[:int(w / 7)] if w > 20 else ""
            svg.append(f'<g><title>{html.escape(node.name)}: {total} ({total / max(self.total, 1):.1%}), own {node.own}</title>'
                       f'<rect x="{x:.1f}" y="{y}" width="{max(w - 0.5, 0.3):.1f}" height="{row - 1}" fill="hsl({hue},80%,68%)"/>'
                       f'<text x="{x + 3:.1f}" y="{y + 13}">{html.escape(label)}</text></g>')
        return "\n".join(svg + ["</svg>"]) + "\n"


class Recorder:
    """QEMU's log through a pipe into a Profile, switched on and off through QEMU's monitor."""

    RANGE = "0xc0000000..0xffffffff"

    def __init__(self, elf, tmp, prefix):
        self.prefix, self.profile = prefix, Profile(Code(elf))
        self.fifo, self.socket = os.path.join(tmp, "blocks"), os.path.join(tmp, "monitor")
        os.mkfifo(self.fifo)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        self.monitor = None

    def qemu_args(self):
        # nochain from the start: blocks that were linked to each other earlier would run unnamed
        return ["-d", "nochain", "-D", self.fifo, "-dfilter", self.RANGE, "-monitor", f"unix:{self.socket},server=on,wait=off"]

    def work(self):
        with open(self.fifo, "rb", buffering=1 << 20) as f:
            self.profile.read(f)

    def tell(self, command):
        if not self.monitor:
            self.monitor = socket.socket(socket.AF_UNIX)
            self.monitor.connect(self.socket)
            self.answer()
        self.monitor.sendall(command.encode() + b"\n")
        self.answer()

    def answer(self):
        got = b""
        while not got.endswith(b"(qemu) "):
            data = self.monitor.recv(4096)
            if not data:
                return
            got += data

    def begin(self):
        self.tell("log exec,nochain")

    def end(self):
        self.tell("log nochain")

    def write(self, title):
        """After QEMU has gone. => the table"""
        self.thread.join(60)
        for suffix, text in ((".folded", self.profile.folded()), (".svg", self.profile.flame(title)), (".txt", self.profile.table(200))):
            with open(self.prefix + suffix, "w", encoding="utf-8") as f:
                f.write(text)
        return self.profile.table()
