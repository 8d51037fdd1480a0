# SPDX-License-Identifier: MIT
"""A debugger on this terminal: GDB for QEMU, Bochs's own for Bochs. The guest's console is then elsewhere: build/console, a socket that
`tools/console` connects a second terminal to, and build/console.log.
"""
import contextlib
import os
import signal
import socket
import subprocess

from .host import need

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Hub:
    """The guest's console between the emulator, a log file, and whoever connects to the socket."""

    def __init__(self, path, log):
        self.path, self.log, self.clients = path, log, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{path}.{os.getpid()}")
        self.listener.listen(4)
        os.rename(f"{path}.{os.getpid()}", path)  # the last one who comes has the name, whoever else comes or goes meanwhile

    def reads(self):
        return [self.listener, *self.clients]

    def from_guest(self, data):
        self.log.write(data)
        self.log.flush()
        for c in list(self.clients):
            try:
                c.sendall(data)
            except OSError:
                self.clients.remove(c)

    def ready(self, readable, to_guest):
        if self.listener in readable:
            self.clients.append(self.listener.accept()[0])
        for c in [c for c in self.clients if c in readable]:
            try:
                data = c.recv(4096)
            except OSError:
                data = b""
            if data:
                to_guest(data)
            else:
                self.clients.remove(c)

    def close(self):
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def gdb_command(kernel, port=None, core=None, more=()):
    """GDB with our commands, on a guest's stub or on a dump; more: further commands of the user's"""
    args = [need("gdb", "gdb"), "-q", "-ex", "set confirm off", "-ex", f"source {HERE}/gdb/isthmus.py", kernel]
    args += ["-ex", f"core-file {core}"] if core else ["-ex", f"target remote 127.0.0.1:{port}"]
    for words in more:
        args += ["-ex", words]
    return args


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def foreground(command):
    """A child that owns the terminal: Ctrl-C is for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def bochs_symbols(kernel, path):
    """The symbol file that Bochs's debugger reads: address and name."""
    lines = subprocess.run(["nm", "-n", kernel], capture_output=True, text=True, check=True).stdout.splitlines()
    words = [line.split() for line in lines]
    with open(path, "w", encoding="ascii") as f:
        f.writelines(f"{address} {name}\n" for address, kind, name in words if kind in "TtDdBbRr")


def address_of(kernel, name):
    for line in subprocess.run(["nm", kernel], capture_output=True, text=True, check=True).stdout.splitlines():
        address, _, symbol = line.split()
        if symbol == name:
            return int(address, 16)
    raise KeyError(name)


