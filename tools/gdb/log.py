# SPDX-License-Identifier: MIT
"""The kernel's log: dmesg."""
import kernel as k


def records():
    """As kernel/lib/logring.c keeps them: positions only grow, the low bits are the place, space 0 means: on at the start."""
    ring = k.symbol("ring")
    size, at = ring.type.sizeof, k.number("head") & 0xFFFFFFFF
    data = bytes(k.gdb.selected_inferior().read_memory(int(ring.address), size))
    type_ = k.struct("log_rec")
    text_at = k.offset_of(type_, "text")
    for _ in range((k.number("ring_next_seq") - k.number("ring_first_seq")) & 0xFFFFFFFF):
        place = at % size
        if size - place < type_.sizeof or not int.from_bytes(data[place + 12:place + 14], "little"):
            at += size - place
            place = 0
        r = k.at(int(ring.address) + place, "log_rec")
        text = data[place + text_at:place + text_at + int(r["len"])]
        yield int(r["time"]), text.decode(errors="replace")
        at += int(r["space"])


class Dmesg(k.Command):
    """dmesg: the kernel's log."""

    name = "dmesg"

    def run(self, _words):
        for time, text in records():
            print(f"[{time // 10**9:5}.{time // 1000 % 10**6:06}] {text}")
