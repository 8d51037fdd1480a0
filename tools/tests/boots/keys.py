#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=300
"""Keyboard, screen and virtual terminals: QEMU's monitor presses keys, and the video memory shows what came of it."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from tap import done, ok


class Machine:
    def __init__(self, tmp, *options):
        self.tmp = tmp
        self.run = subprocess.Popen([os.environ["RUN"], "--no-iso", "-m", "128M", "--timeout", "250", *options, "--log", f"{tmp}/log",
                                     f"--qemu= -monitor unix:{tmp}/monitor,server=on,wait=off"],
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.monitor = socket.socket(socket.AF_UNIX)
        while self.run.poll() is None:
            try:
                self.monitor.connect(f"{tmp}/monitor")
                break
            except OSError:
                time.sleep(0.1)
        self.monitor.settimeout(200)
        self.answer()

    def answer(self):
        """=> what the monitor says until it waits for a command again"""
        said = b""
        while not said.endswith(b"(qemu) "):
            more = self.monitor.recv(65536)
            if not more:
                raise SystemExit("the machine has ended")
            said += more
        return said.decode(errors="replace")

    def command(self, text):
        self.monitor.sendall(text.encode() + b"\n")
        return self.answer()

    def keys(self, *names):
        """The keyboard holds 16 bytes and throws away what comes then: each key waits until the guest has read those before it."""
        for name in names:
            self.command("sendkey " + name + " 20")
            time.sleep(0.09)  # until its last release is in the keyboard
            while int(re.search(r"portb\[0x0064\] = (0x\w+)", self.command("i /b 0x64")).group(1), 16) & 1:
                time.sleep(0.02)

    def type(self, text):
        special = {" ": "spc", "-": "minus", "/": "slash", ".": "dot", ";": "semicolon", "'": "apostrophe", "\n": "ret"}
        self.keys(*(special.get(c, f"shift-{c.lower()}" if c.isupper() else c) for c in text))

    def screen(self):
        """The lines of all the video memory: the card may show any part of it."""
        path = f"{self.tmp}/video"
        self.command(f'pmemsave 0xb8000 0x8000 "{path}"')
        with open(path, "rb") as f:
            text = f.read()[0::2].decode("latin1")
        return [text[i:i + 80].rstrip(" \0") for i in range(0, len(text), 80)]

    def shows(self, *lines, without="\0", seconds=60):
        """Waits until these stand at the start of lines, in this order, and `without` nowhere. => (whether, the screen)"""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen()
            rest = iter(screen)
            if all(any(have.startswith(line) for have in rest) for line in lines) and not any(have.startswith(without) for have in screen):
                return True, "\n".join(screen)
            if time.monotonic() > end:
                return False, "\n".join(line for line in screen if line)
            time.sleep(0.2)


def terminals(m):
    ok(*reorder(m.shows("isthmus:~#"), "the first terminal has a shell"))
    m.keys("alt-f2")
    ok(*reorder(m.shows("Press Enter for a shell on tty2"), "Alt-F2 shows the second, which waits"))
    m.keys("ret")
    ok(*reorder(m.shows("Press Enter for a shell on tty2", "isthmus:~#"), "Enter brings a shell"))
    m.type("tty; echo Upper\n")
    ok(*reorder(m.shows("/dev/tty2", "Upper"), "typed text reaches it, shift included"))
    m.type("echo go; cat -v\n")
    m.shows("go")  # before, the line editor has the terminal
    m.keys("alt-a", "f1", "f12", "up", "caps_lock", "b", "caps_lock", "ctrl-v", "ctrl-c", "delete", "pgup", "home", "kp_add", "ret")
    ok(*reorder(m.shows("^[a^[[[A^[[24~^[[AB^C^[[3~^[[5~^[[1~+"), "keys with Alt, function, cursor, Caps Lock, control, number pad"))
    m.keys("ctrl-c")
    m.type("sh -c 'echo up; exec sleep 900'\n")
    m.shows("up")
    m.keys("ctrl-c")
    m.type("echo status alive\n")
    ok(*reorder(m.shows("status alive"), "Ctrl-C ends a program there"))
    m.keys("alt-right")
    ok(*reorder(m.shows("Press Enter for a shell on tty3"), "Alt-Right goes on to the third"))
    m.keys("alt-f2")
    ok(*reorder(m.shows("/dev/tty2", "status alive"), "and back: the screen is as it was"))
    m.type("exit\n")
    ok(*reorder(m.shows("Press Enter for a shell on tty2", without="status alive"), "the shell's end makes room for the next"))
    m.keys("alt-f1")
    m.type("echo one; poweroff\n")
    try:
        ok(m.run.wait(100) == 0, "the first still works: power-off")
    except subprocess.TimeoutExpired:
        ok(False, "the first still works: power-off", "\n".join(m.screen()))


def reorder(shown, text):
    return shown[0], text, shown[1]


with tempfile.TemporaryDirectory() as tmp:
    m = Machine(tmp)
    try:
        terminals(m)
    finally:
        m.run.terminate()
        m.run.wait()
sys.exit(done())
