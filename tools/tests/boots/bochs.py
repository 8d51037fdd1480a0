#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=400
"""Bochs, headless, with its debugger: the ISO boots through GRUB, stops at the kernel's entry and at a named function, steps, shows registers,
and then lets a stress program swap to its end. Bochs does not forgive a missing flush."""
import os
import re
import subprocess
import sys

from tap import done, ok

COMMANDS = 'r\ns\ns\nlb "kernel_main"\nc\nr\ncreg\nbpd 2\nc\n'

p = subprocess.Popen([os.environ["RUN"], "--emulator", "bochs", "-m", "64M", "-s", "1", "--debugger", "--swap", "64M", "--timeout", "380", "--", "sh", "-c",
                      "echo up; nproc; thrash --size 64M --passes 1; grep pswpout /proc/vmstat; exit 5"],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
p.stdin.write(COMMANDS)
p.stdin.flush()
said = p.stdout.read()
status = p.wait()
first = said.split("<bochs:1>")[-1]
ok("(boot_start+0)" in said, "it stops at the kernel's entry, by name", said)
ok(re.search(r"rax: 0*_?2badb002", first), "the multiboot magic is in eax", first)
ok("(boot_start+1)" in said and "(boot_start+2)" in said, "two single steps", said)
ok(re.search(r"kernel_main\+0\)", said), "it stops at a named function", said)
ok(re.search(r"CR0=0x[8-f].*PG", said), "where paging is on", said)
ok("up\n1\n" in said, "the command runs", said)
ok(re.search(r"thrash .*result=ok", said), "a stress program finishes", said)
m = re.search(r"pswpout (\d+)", said)
ok(m and int(m.group(1)) > 0, "and pages went out to swap", said)
ok(status == 5, "the command's status comes out", status)
sys.exit(done())
