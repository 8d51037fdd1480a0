#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What `make help` prints."""
print("""Isthmus

  make deps              install what is needed (Debian 12, as root), fetch BusyBox
  make deps run          ... build, and boot a shell at 32 GB (Ctrl-A x or `poweroff` leaves)
  make deps test         ... build, and run the tests; ends with `N passed, N failed`
  make [all]             kernel and root file system
  make debug             the debug build: lock-order validator, red zones, UBSAN, rmap oracle
  make run               boot; RUNFLAGS="-m 4G -s 4 -a lowmem=256M" (tools/run --help)
  make root              build/root.img: Debian's programs on an ext2; tools/run --disk build/root.img -a root=/dev/vda boots it
  make iso               build/isthmus.iso for any emulator or machine
  make quick             tests in under a minute       make test T=NAME    one test
  make test-all          the full matrix               make soak           the hour-long ones
  make unit              host-compiled unit tests alone
  make fuzz SECONDS=600  damaged ext2 images under libFuzzer
  make bench             vmbench here and on Linux 6.1 in the same emulator; ROWS=fork chooses rows
  make gdb               QEMU stopped at its first instruction, and GDB that knows this kernel; DUMP=FILE: on a dump
  make bochs             Bochs and its debugger, stopped at the kernel's entry
  make record            a recorded run (make replay: GDB on it, which can go backwards)
  make format            clang-format over all sources
  make compile_commands.json   for editors
  make clean             removes the build folder; what deps downloaded stays in .cache/
  make help              this

Variables: O=DIR (build), DEBUG=1, LLVM=1 (clang), V=1 (show commands), CC="ccache i686-linux-gnu-gcc" """)
