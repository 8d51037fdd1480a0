# SPDX-License-Identifier: MIT
"""The host end of the run port: frames to and from /init (the protocol stands in user/init/agent.c)."""
import os
import struct
import time

WINDOW = 65536       # standard input that may be on its way; Isthmus leaves in the emulator what its tty has no room for
LINUX_WINDOW = 2048  # Linux takes it in and drops what its tty has no room for


class OutOfStep(Exception):
    """Bytes on the port that are no frame."""


class Agent:
    """Feed it what comes from the port; it writes out and err, and gathers what must go to the port."""

    def __init__(self, argv, user, env, window, in_flight=WINDOW, out=1, err=2):
        self.argv, self.user, self.env, self.window = argv, user, env, window
        self.out, self.err = out, err
        self.pending = b""      # from the guest, not yet a whole frame
        self.to_send = b""      # for the guest
        self.most = in_flight
        self.in_flight = 0      # input bytes that the guest has not taken
        self.hello = False
        self.silent = False     # the guest knows already what to do
        self.started_tsc = self.hello_at = None  # when the first process started: instructions (--icount), host seconds
        self.input_ended = False
        self.status = None      # wait status of the command

    def frame(self, kind, payload=b""):
        self.to_send += kind + len(payload).to_bytes(3, "little") + payload

    def resize(self, rows, columns):
        self.window = (rows, columns)
        if self.hello:
            self.frame(b"W", struct.pack("<HH", rows, columns))

    def input_room(self):
        """How many bytes of standard input may be sent now."""
        return 0 if not self.hello or self.input_ended or self.silent or self.status is not None else max(0, self.most - self.in_flight)

    def input(self, data):
        if data:
            self.in_flight += len(data)
            self.frame(b"I", data)
        else:
            self.input_ended = True
            self.frame(b"Z")

    def received(self, data):
        self.pending += data
        while len(self.pending) >= 4:
            size = int.from_bytes(self.pending[1:4], "little")
            if len(self.pending) < 4 + size:
                return
            kind, payload = self.pending[:1], self.pending[4:4 + size]
            self.pending = self.pending[4 + size:]
            self._handle(kind, payload)

    def _handle(self, kind, payload):
        if kind == b"O":
            write_all(self.out, payload)
        elif kind == b"R":
            write_all(self.err, payload)
        elif kind == b"C":
            self.in_flight -= struct.unpack("<I", payload)[0]
        elif kind == b"X":
            self.status = struct.unpack("<i", payload)[0]
        elif kind == b"H":
            self.started_tsc = struct.unpack_from("<Q", payload, 4)[0]
            self.hello_at = time.monotonic()
            self._start()
        else:
            raise OutOfStep(f"unknown frame {kind!r}")

    def preset(self):
        """The frames that start the command without standard input: for the kernel's command line. The port then stays silent."""
        self.hello = True
        self._ask()
        self.frame(b"Z")
        frames, self.to_send, self.silent = self.to_send, b"", True
        return frames

    def _start(self):
        self.hello = True
        if not self.silent:
            self._ask()

    def _ask(self):
        self.frame(b"E", b"".join(os.fsencode(e) + b"\0" for e in self.env))
        if self.window:
            self.resize(*self.window)
        if self.argv is None:
            self.frame(b"S")
            return
        self.frame(b"U", os.fsencode(self.user))
        self.frame(b"A", b"".join(os.fsencode(a) + b"\0" for a in self.argv))
        self.frame(b"G")

    def exit_code(self):
        if os.WIFSIGNALED(self.status):
            return 128 + os.WTERMSIG(self.status)
        return os.WEXITSTATUS(self.status)


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]
