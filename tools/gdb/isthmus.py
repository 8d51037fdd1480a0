# SPDX-License-Identifier: MIT
"""GDB commands for Isthmus: `source tools/gdb/isthmus.py` (`make gdb` does it). `help isthmus` lists them."""
import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel  # noqa: E402
import log  # noqa: E402
import pages  # noqa: E402
import rmap  # noqa: E402
import spaces  # noqa: E402
import tasks  # noqa: E402

COMMANDS = [pages.Zones, pages.Page, rmap.Rmap, rmap.Nonlinear, spaces.Vmas, pages.PageTable, pages.LowMem, spaces.SwapSlot, tasks.Ps, tasks.Bt, tasks.Locks, log.Dmesg]


class Help(kernel.Command):
    """isthmus: lists the commands that know this kernel."""

    name = "isthmus"

    def run(self, _words):
        for c in COMMANDS:
            print(c.__doc__.strip())


for command in [*COMMANDS, Help]:
    command()
gdb.unwinder.register_unwinder(None, tasks.TrapUnwinder(), replace=True)
