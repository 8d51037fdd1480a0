#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=600
"""What tools/run promises: bytes, statuses, time-outs, refusals."""
import os
import signal
import subprocess
import sys
import tempfile
import time

from tap import done, ok

RUN = [os.environ["RUN"], "-m", "128M"]
BUILD = os.environ["BUILD"]


def run(*args, stdin=b"", **kwargs):
    return subprocess.run([*RUN, *args], input=stdin, capture_output=True, check=False, **kwargs)


def bytes_both_ways():
    data = os.urandom(50000) + bytes(range(256)) * 20
    r = run("--", "sh", "-c", "cat; echo error >&2; exit 7", stdin=data)
    ok(r.stdout == data, "standard input comes back byte for byte", r.stderr.decode(errors="replace"))
    ok(r.stderr == b"error\n", "standard error is apart", r.stderr)
    ok(r.returncode == 7, "the exit status comes out", r.returncode)
    r = run("--", "sh", "-c", "head -c 1; exit 6", stdin=data * 10)
    ok(r.stdout == data[:1] and r.returncode == 6, "... also when most of the input is never read", f"{r.returncode}\n{r.stderr}")


def statuses():
    r = run("--", "sh", "-c", "kill -TERM $$")
    ok(r.returncode == 128 + signal.SIGTERM, "death by signal is 128 + its number", r.returncode)
    r = run("--", "nosuchprogram")
    ok(r.returncode == 127, "a command that is not there is 127", r.returncode)


def arguments():
    odd = ["a b", "'", '"', "\\", "", "*", "é\n"]
    r = run("--", "sh", "-c", 'for a in "$@"; do printf "<%s>" "$a"; done', "sh", *odd)
    ok(r.stdout.decode() == "".join(f"<{a}>" for a in odd), "arguments arrive as they are", r.stdout)


def time_out():
    start = time.monotonic()
    r = run("--timeout", "8", "--", "sleep", "300")
    ok(r.returncode == 124 and time.monotonic() - start < 150, "a time-out is 124, long before the command's end", r.returncode)


def ctrl_c():
    p = subprocess.Popen([*RUN, "--", "sh", "-c", "echo up; sleep 100"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    p.stdout.readline()
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(p.pid)], capture_output=True, text=True, check=False).stdout.split()
    p.send_signal(signal.SIGINT)
    ok(p.wait(100) == 130, "Ctrl-C is 130", p.returncode)
    ok(not any(os.path.exists(f"/proc/{c}") for c in children), "... and the machine is gone")


def panic():
    r = run("--", "sh", "-c", "echo c > /proc/sysrq-trigger; sleep 5")
    ok(r.returncode == 125, "a panic is 125", r.returncode)
    ok(b"panic:" in r.stderr, "... and its report is on standard error", r.stderr.decode(errors="replace"))


def refusals():
    r = run("--add", sys.executable, "--", "true")
    ok(r.returncode == 2 and r.stderr.count(b"\n") == 1 and b"not an i386 ELF" in r.stderr, "--add refuses a 64-bit program in one line", r.stderr)
    with tempfile.TemporaryDirectory() as tmp:
        with open(f"{tmp}/x.c", "w", encoding="ascii") as f:
            f.write("int main(void) { return 0; }\n")
        subprocess.run(["i686-linux-gnu-gcc", "-o", f"{tmp}/x", f"{tmp}/x.c"], check=True)
        r = run("--add", f"{tmp}/x", "--", "true")
        ok(r.returncode == 2 and b"ld-linux.so.2" in r.stderr, "... and a program whose interpreter the guest lacks", r.stderr)
        with open(f"{tmp}/text", "wb") as f:
            f.write(b"added\n")
        r = run("--add", f"{tmp}/text:/etc/added", "--", "cat", "/etc/added")
        ok(r.stdout == b"added\n", "--add puts a file where it is told", r.stderr)
    r = run("--frobnicate", "--", "true")
    ok(r.returncode == 2 and b"--frobnicate" in r.stderr, "an unknown option is named", r.stderr)


def users():
    r = run("-u", "student", "--", "sh", "-c", "id -un; pwd; cat /etc/shadow")
    ok(r.stdout == b"student\n/home/student\n" and r.returncode, "--user student is an ordinary user", r.stdout + r.stderr)


for test in (bytes_both_ways, statuses, arguments, users, time_out, ctrl_c, panic, refusals):
    test()
sys.exit(done())
