#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=120
"""Keyboard, screen and virtual terminals: QEMU's monitor presses keys, and the video memory shows what came of it."""
import os
import socket
import subprocess
import sys
import tempfile
import time

from tap import done, ok


class Machine:
    def __init__(self, tmp, *options):
        self.tmp = tmp
        self.run = subprocess.Popen([os.environ["RUN"], "--no-iso", "-m", "128M", "--timeout", "100", *options, "--log", f"{tmp}/log",
                                     f"--qemu= -monitor unix:{tmp}/monitor,server=on,wait=off"],
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.monitor = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.monitor.connect(f"{tmp}/monitor")
                break
            except OSError:
                time.sleep(0.1)

    def command(self, text):
        self.monitor.send(text.encode() + b"\n")
        time.sleep(0.05)
        self.monitor.recv(65536)

    def keys(self, *names):
        for name in names:
            self.command("sendkey " + name + " 20")
            time.sleep(0.05)

    def type(self, text):
        special = {" ": "spc", "-": "minus", "/": "slash", ".": "dot", ";": "semicolon", "\n": "ret"}
        self.keys(*(special.get(c, f"shift-{c.lower()}" if c.isupper() else c) for c in text))

    def screen(self):
        """The lines of all the video memory: the card may show any part of it."""
        path = f"{self.tmp}/video"
        if os.path.exists(path):
            os.unlink(path)
        self.command(f'pmemsave 0xb8000 0x8000 "{path}"')
        for _ in range(40):
            if os.path.exists(path) and os.path.getsize(path) == 0x8000:
                break
            time.sleep(0.05)
        with open(path, "rb") as f:
            text = f.read()[0::2].decode("latin1")
        return [text[i:i + 80].rstrip(" \0") for i in range(0, len(text), 80)]

    def shows(self, *lines, seconds=20):
        """Waits until each of these stands at the start of a line. => (whether, the screen)"""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if all(any(have.startswith(line) for have in screen) for line in lines):
                return True, "\n".join(screen)
            if time.monotonic() > end:
                return False, "\n".join(line for line in screen if line)
            time.sleep(0.2)


def terminals(m):
    ok(*reorder(m.shows("isthmus:~#"), "the first terminal has a shell"))
    m.keys("alt-f2")
    ok(*reorder(m.shows("Press Enter for a shell on tty2"), "Alt-F2 shows the second, which waits"))
    m.keys("ret")
    ok(*reorder(m.shows("isthmus:~#"), "Enter brings a shell"))
    m.type("tty; echo Upper\n")
    ok(*reorder(m.shows("/dev/tty2", "Upper"), "typed text reaches it, shift included"))
    m.type("cat -v\n")
    m.keys("alt-a", "f1", "f12", "up", "caps_lock", "b", "caps_lock", "ctrl-v", "ctrl-c", "delete", "pgup", "home", "kp_add", "ret")
    ok(*reorder(m.shows("^[a^[[[A^[[24~^[[AB^C^[[3~^[[5~^[[1~+"), "keys with Alt, function, cursor, Caps Lock, control, number pad"))
    m.keys("ctrl-c")
    m.type("sleep 99\n")
    m.keys("ctrl-c")
    m.type("echo status $?\n".replace("$?", "alive"))
    ok(*reorder(m.shows("status alive"), "Ctrl-C ends a program there"))
    m.keys("alt-right")
    ok(*reorder(m.shows("Press Enter for a shell on tty3"), "Alt-Right goes on to the third"))
    m.keys("alt-f2")
    ok(*reorder(m.shows("/dev/tty2", "status alive"), "and back: the screen is as it was"))
    m.type("exit\n")
    ok(*reorder(m.shows("Press Enter for a shell on tty2"), "the shell's end makes room for the next"))
    m.keys("alt-f1")
    m.type("echo one; poweroff\n")
    try:
        ok(m.run.wait(30) == 0, "the first still works: power-off")
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
