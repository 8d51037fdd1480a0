# SPDX-License-Identifier: MIT
"""The machines: command lines of QEMU and Bochs for one run. Both connect their COM2 to a socket that we listen on."""
import os
import pty
import socket
import tty

from . import debugger
from .host import Refused, kvm_works, need, start

PANIC_EXIT = 125       # what the kernel makes QEMU exit with: isa-debug-exit with value 62
BOCHS_MAX = 8064 << 20  # with more, Bochs 2.7 does not finish starting
WIDE = 60 << 30        # from here on a CPU with more than 36 physical bits is needed


def listen(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(1)
    return s


class Qemu:
    """opts: the runner's options; kernel, initramfs, iso: files; options: the kernel's; tmp: a folder of our own."""

    def __init__(self, opts, tmp, interactive):
        self.opts, self.tmp = opts, tmp
        self.binary = need("qemu-system-i386" if opts.emulator == "qemu32" else "qemu-system-x86_64", "qemu-system-x86")
        self.log = opts.log or os.path.join(tmp, "console.log")
        self.listener = listen(os.path.join(tmp, "run"))
        self.console_listener = listen(os.path.join(tmp, "con")) if opts.debugger or opts.record and interactive else None

    def cpu(self):
        if self.opts.cpu:
            return self.opts.cpu
        return "qemu64" if self.opts.memory > WIDE else "core2duo"

    def accel(self):
        o = self.opts
        if o.record or o.replay:
            folder, mode = (o.record, "record") if o.record else (o.replay, "replay")
            return ["-accel", "tcg", "-icount", f"shift=1,rr={mode},rrfile={folder}/replay.bin,rrsnapshot=start",
                    "-drive", f"file={folder}/snapshots.qcow2,if=none,id=snapshots", "-rtc", "base=2020-01-01,clock=vm", "-seed", "1"]
        if o.icount:
            return ["-accel", "tcg", "-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01,clock=vm", "-seed", "1"]
        if o.accel == "kvm" or o.accel == "auto" and kvm_works(self.binary):
            return ["-accel", "kvm"]
        return ["-accel", "tcg,thread=multi" if o.smp > 1 else "tcg"]

    def memory(self):
        size = f"{self.opts.memory >> 10}K"
        if not os.path.exists("/proc/self"):  # not Linux: no reserve=off
            return ["-machine", "pc", "-m", size]
        if self.opts.dump:
            return ["-object", f"memory-backend-file,id=ram,size={size},mem-path={self.tmp}/ram,share=on", "-machine", "pc,memory-backend=ram",
                    "-m", size]
        return ["-object", f"memory-backend-ram,id=ram,size={size},reserve=off", "-machine", "pc,memory-backend=ram", "-m", size]

    def ports(self, interactive):
        """COM1, the console, and COM2, the run port. QEMU records what passes through ports given in the short form only."""
        if self.opts.record or self.opts.replay:
            console = f"unix:{self.tmp}/con" if self.console_listener else f"file:{self.log}"
            return ["-serial", console, "-serial", f"unix:{self.tmp}/run"]
        return [*self.console(interactive), "-chardev", f"socket,id=run,path={self.tmp}/run", "-serial", "chardev:run"]

    def console(self, interactive):
        if self.console_listener:
            return ["-chardev", f"socket,id=con,path={self.tmp}/con", "-serial", "chardev:con"]
        if not interactive:
            return ["-chardev", f"file,id=con,path={self.log}", "-serial", "chardev:con"]
        log = f",logfile={self.opts.log}" if self.opts.log else ""
        return ["-chardev", f"stdio,id=con,mux=on,signal=off{log}", "-mon", "chardev=con,mode=readline", "-serial", "chardev:con"]

    SLOTS = (0, 1, 3, 2)  # of ATA disks: 2, the secondary master, is the ISO's

    def disk_names(self):
        """What the guest calls them: in the order of their slots."""
        n = len(self.opts.disk)
        if self.opts.block != "ata":
            return ["vd" + chr(ord("a") + i) for i in range(n)]
        return ["sd" + chr(ord("a") + sorted(self.SLOTS[:n]).index(slot)) for slot in self.SLOTS[:n]]

    def disks(self):
        args = []
        for n, path in enumerate(getattr(self.opts, "disk", [])):
            drive = f"file={path.replace(',', ',,')},format=raw,id=disk{n},cache=writeback"
            if self.opts.record or self.opts.replay:  # a copy that goes away; completions come when the recording says
                args += ["-drive", f"file={path.replace(',', ',,')},format=raw,snapshot=on,if=none,id=image{n}"]
                drive = f"driver=blkreplay,image=image{n},id=disk{n}"
            if self.opts.block == "ata":
                args += ["-drive", drive + f",if=ide,index={self.SLOTS[n]}"]
            else:
                args += ["-drive", drive + ",if=none", "-device", f"virtio-blk-pci,drive=disk{n}"]
        return args

    def command(self, boot, interactive):
        o = self.opts
        args = [self.binary, *self.accel(), "-cpu", self.cpu(), "-smp", str(o.smp), *self.memory(), "-nodefaults", "-vga", "std",
                "-display", "none", *self.ports(interactive)]
        if o.record or o.replay:  # which end by `quit` only: an exit by device would leave the recording without its end
            args += ["-chardev", f"socket,id=mon,path={self.tmp}/monitor,server=on,wait=off", "-mon", "chardev=mon,mode=readline"]
            # Going back, QEMU resets its devices with the replay lock held. The helper of the APIC that Windows guests use then waits for
            # the vCPU's thread, which may be waiting for that lock: QEMU 7.2 hung in one of four reverse-continues. Nobody needs it here.
            args += ["-global", "apic-common.vapic=off"]
        else:
            args += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        args += self.disks()
        if boot.iso:
            args += ["-cdrom", boot.iso, "-boot", "d"]
        else:
            args += ["-kernel", boot.kernel, "-initrd", f"{boot.initramfs} initramfs" if boot.multiboot else boot.initramfs,
                     "-append", boot.options]
        if not interactive:
            args.append("-no-reboot")
        if o.gdb:
            args += ["-gdb", f"tcp:127.0.0.1:{o.gdb}", "-S"]
        return args + o.qemu_args

    def quit(self):
        """By the monitor, so that a recording gets its end."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.tmp, "monitor"))
            s.sendall(b"quit\n")
            while s.recv(4096):
                pass

    def start(self, boot, interactive):
        quiet = None if interactive else open(os.path.join(self.tmp, "emulator.err"), "wb")
        return start(self.command(boot, interactive), own_group=not interactive,
                     stdin=None if interactive else -3, stdout=None if interactive else quiet, stderr=quiet)


class Bochs:
    """Headless: the display is an rfb server that nobody needs to connect to; COM1 is a pty, COM2 a TCP connection to us."""

    BIOS = ("/usr/share/bochs/BIOS-bochs-latest", "/usr/share/seabios/bios.bin")
    VGABIOS = ("/usr/share/vgabios/vgabios.bin", "/usr/share/bochs/VGABIOS-lgpl-latest", "/usr/share/seabios/vgabios-isavga.bin")

    console_listener = None

    def __init__(self, opts, tmp, _interactive):
        self.opts, self.tmp = opts, tmp
        self.binary = need("bochs", "bochs")
        if opts.memory > BOCHS_MAX:
            raise Refused(f"Bochs starts with at most {BOCHS_MAX >> 20}M of memory: give -m")
        for name in ("icount", "gdb", "dump", "record", "replay", "qemu_args"):
            if getattr(opts, name):
                raise Refused(f"Bochs cannot do --{name}")
        self.log = opts.log or os.path.join(tmp, "console.log")
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)

    def find(self, paths, package):
        for p in paths:
            if os.path.exists(p):
                return p
        raise Refused(f"{paths[0]} is missing (Debian package {package}): apt-get install {package}")

    def disk_names(self):
        return ["sd" + chr(ord("a") + i) for i in range(len(self.opts.disk))]

    def disks(self):
        """Bochs takes geometry or finds it out itself; the ISO is the primary master."""
        lines = ["ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15"] if len(self.opts.disk) > 1 else []
        for n, path in enumerate(self.opts.disk):
            lines.append(f'{("ata0-slave", "ata1-master", "ata1-slave")[n]}: type=disk, path="{os.path.abspath(path)}", mode=flat')
        return "\n".join(lines)

    def config(self, boot):
        o = self.opts
        host = min(o.memory >> 20, 2048)
        return f"""display_library: rfb, options="timeout=0"
romimage: file={self.find(self.BIOS, "bochsbios")}
vgaromimage: file={self.find(self.VGABIOS, "vgabios")}
memory: guest={o.memory >> 20}, host={host}
cpu: model={o.cpu or "core2_penryn_t9600"}, count={o.smp}, ips=100000000, reset_on_triple_fault=0
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{boot.iso}", status=inserted
{self.disks()}
boot: cdrom
clock: sync=none, time0=utc
com1: enabled=1, mode=term, dev={os.ttyname(self.slave)}
com2: enabled=1, mode=socket-client, dev=127.0.0.1:{self.listener.getsockname()[1]}
log: {self.tmp}/bochs.log
panic: action=fatal
error: action=report
info: action=ignore
magic_break: enabled={int(o.debugger)}
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
"""

    def first_commands(self, boot):
        """Symbols, and a stop at the first instruction of ours."""
        debugger.bochs_symbols(boot.kernel, os.path.join(self.tmp, "symbols"))
        return f'ldsym global "{self.tmp}/symbols"\npbreak {debugger.address_of(boot.kernel, "boot_start"):#x}\nc\n'

    def start(self, boot, interactive):
        rc = os.path.join(self.tmp, "bochsrc")
        with open(rc, "w", encoding="ascii") as f:
            f.write(self.config(boot))
        with open(rc + ".debugger", "w", encoding="ascii") as f:
            f.write(self.first_commands(boot) if self.opts.debugger else "c\n")
        if self.opts.debugger:
            return debugger.foreground([self.binary, "-q", "-f", rc, "-rc", rc + ".debugger"])
        out = open(os.path.join(self.tmp, "emulator.err"), "wb")
        return start([self.binary, "-q", "-f", rc, "-rc", rc + ".debugger"], own_group=True, stdin=-3, stdout=out, stderr=out,
                     env=dict(os.environ, TERM="dumb"))
