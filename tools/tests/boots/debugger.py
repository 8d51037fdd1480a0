#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=300
"""Each GDB command, on a live guest and on the dump of one that panicked, against what the guest's /proc said."""
import os
import re
import subprocess
import sys
import tempfile

from tap import done, ok

RUN, BUILD = os.environ["RUN"], os.environ["BUILD"]
ROOT = os.path.dirname(os.path.dirname(RUN))
KERNEL = f"{BUILD}/debug/isthmus.elf"

# What the guest says of itself, before it waits for us to have heard it. Asked without other programs: their stacks would count as low memory.
ASLEEP = "until read -r _ name state _ < /proc/{pid}/stat && [ \"$name$state\" = '({name})S' ]; do :; done"
SAY = f"""sleep 900 & s=$!; {ASLEEP.format(pid="$s", name="sleep")}
echo pid $s; echo maps; cat /proc/$s/maps; echo end
grep -w sh /proc/$$/status; echo lowmem; cat /proc/lowmem; echo end; echo parent $$; grep LowTotal /proc/meminfo
echo ready; read -r go"""
PANIC = "; echo c > /proc/sysrq-trigger; sleep 50"


def gdb(target, *commands):
    args = ["gdb", "-nx", "-q", "-batch", "-ex", "set confirm off", "-ex", f"source {ROOT}/tools/gdb/isthmus.py", "-ex", target]
    for c in commands:
        args += ["-ex", f"echo @@{c.split()[0]}\\n", "-ex", c]
    r = subprocess.run([*args, KERNEL], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    parts = re.split(r"^@@(\S+)\n", r.stdout, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2])), r.stdout + r.stderr


def section(said, name):
    return re.search(rf"^{name}\n(.*?)^end\n", said, re.M | re.S).group(1)


def check(kind, target, said):
    pid = int(re.search(r"^pid (\d+)", said, re.M).group(1))
    maps = re.findall(r"^([0-9a-f]{8}-[0-9a-f]{8}) ...[ps]", section(said, "maps"), re.M)
    maps = [m for m in maps if m < "c"]  # the vDSO lies above: it is everybody's
    text = maps[0].split("-")[0]
    got, whole = gdb(target, "ps", f"mm-vmas {pid}", f"mm-pt {pid} 0x{text}", "mm-zones", "mm-lowmem", "dmesg", "locks", f"bt-task {pid}", "isthmus", "swap-slot")
    ok(re.search(rf"^\s*{pid}\s+{pid} .* sleep$", got["ps"], re.M), f"{kind}: ps lists the sleeper", whole)
    ok(re.findall(r"^([0-9a-f]{8}-[0-9a-f]{8})", got["mm-vmas"], re.M) == maps, f"{kind}: mm-vmas shows the areas of /proc/PID/maps", got["mm-vmas"])
    frame = re.search(r"frame (0x[0-9a-f]+) present user", got["mm-pt"])
    ok(frame, f"{kind}: mm-pt walks to a frame", got["mm-pt"])
    ok(re.search(r"HighMem", got["mm-zones"]) and re.search(r"inactive_anon", got["mm-zones"]), f"{kind}: mm-zones has the zones", got["mm-zones"])
    theirs = {n: int(v) for n, v in re.findall(r"^(kernel|mem_map|kernel_stacks):?\s+(\d+)", section(said, "lowmem"), re.M)}
    ours = {n: int(v) for n, v in re.findall(r"^(\S+)\s+(\d+)$", got["mm-lowmem"], re.M)}
    ok(theirs and all(abs(ours[n] - v) <= 64 for n, v in theirs.items()), f"{kind}: mm-lowmem agrees with /proc/lowmem", f"{theirs}\n{ours}")
    ok("Isthmus" in got["dmesg"], f"{kind}: dmesg", got["dmesg"])
    ok(re.search(r"schedule|switch", got["bt-task"]), f"{kind}: bt-task shows where it sleeps", got["bt-task"])
    ok("held" in got["locks"] or "(" in got["locks"], f"{kind}: locks", got["locks"])
    ok("mm-rmap" in got["isthmus"], f"{kind}: isthmus lists the commands", got["isthmus"])
    ok("swap" in got["swap-slot"].lower(), f"{kind}: swap-slot", got["swap-slot"] + whole[-500:])
    if frame:
        pages(kind, target, pid, int(text, 16), frame.group(1))


def pages(kind, target, pid, address, frame):
    """The frame that the page table names is mapped there, by the reverse map's own account."""
    got, whole = gdb(target, f"mm-page {frame}", f"mm-rmap {frame}", "bt")
    ok(re.search(r"mapping file", got["mm-page"]), f"{kind}: mm-page says whose the page is", got["mm-page"])
    ok(re.search(rf"{address:#010x} present.* of .*\b{pid} sleep", got["mm-rmap"]), f"{kind}: mm-rmap finds that mapping", whole)
    ok("#0" in got["bt"], f"{kind}: bt", whole)


def start(say, *options):
    """Boots, until the guest has said `ready`; then it waits for a line. => (the runner, what was said)"""
    args = [RUN, "--debug", "-s", "2", "--timeout", "120", *options, "--", "sh", "-c", say]
    p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = ""
    for line in p.stdout:
        said += line
        if line == "ready\n":
            break
    return p, said


def live():
    with tempfile.TemporaryDirectory() as tmp:
        p, said = start(SAY, "-m", "1200M", "--emulator", "qemu32", f"--qemu=-gdb unix:{tmp}/gdb,server=on,wait=off")
        try:
            check("live", f"target remote {tmp}/gdb", said)
        finally:
            p.terminate()
            p.wait()


def dump():
    with tempfile.TemporaryDirectory(dir=BUILD) as tmp:
        p, said = start(SAY + PANIC, "-m", "1200M", "--dump", f"{tmp}/core")
        rest = p.communicate("\n")[0]
        ok(p.returncode == 125 and os.path.exists(f"{tmp}/core"), "a panic leaves a dump", rest)
        check("dump", f"core-file {tmp}/core", said)
        got, whole = gdb(f"core-file {tmp}/core", "info threads", "thread apply all bt")
        ok(re.search(r"in crash \(\)", got["thread"]) and "sys_write" in got["thread"], "dump: bt reaches from the panic to the system call",
           whole)


def frames_of_all(core, pids, areas):
    """Frames of the areas that all of them map, the page of zeroes left out"""
    zero = gdb(core, "p/x zero_page - mem_map")[0]["p/x"].split()[-1]
    found = []
    for pid in pids:
        got = subprocess.run(["gdb", "-nx", "-q", "-batch", "-ex", f"source {ROOT}/tools/gdb/isthmus.py", "-ex", core,
                              *(w for start, end in areas for a in range(start, end, 4096) for w in ("-ex", f"mm-pt {pid} {a:#x}")), KERNEL],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False).stdout
        found.append(set(re.findall(r"^PTE .* frame (0x[0-9a-f]+) present", got, re.M)))
    return sorted(set.intersection(*found) - {zero})


def by_scheme(anon, file):
    """mm-rmap of an anonymous page that a family shares and of a page of their program: as the scheme finds it, and by brute force."""
    with tempfile.TemporaryDirectory(dir=BUILD) as tmp:
        asleep = "".join(ASLEEP.format(pid=pid, name="sh") + "; " for pid in ("$a", "$b"))
        say = "{ sleep 900; :; } & a=$!; { sleep 900; :; } & b=$!; " + asleep + "echo pids $$ $a $b; cat /proc/$$/maps; echo ready; read -r go" + PANIC
        p, said = start(say, "-m", "256M", "--dump", f"{tmp}/core", "-a", f"rmap.anon={anon} rmap.file={file}")
        said += p.communicate("\n")[0]
        pids = re.search(r"^pids (.*)$", said, re.M).group(1).split()
        data, text = ([(int(a, 16), min(int(b, 16), int(a, 16) + 0x20000)) for a, b in re.findall(rf"^([0-9a-f]+)-([0-9a-f]+) {kind}", said, re.M)]
                      for kind in ("rw-p", "r-xp"))
        core = f"core-file {tmp}/core"
        shared = frames_of_all(core, pids, data)
        ok(shared, f"{anon}: the family shares pages", said)
        for scheme, frames, kind in ((anon, shared, "anonymous"), (file, frames_of_all(core, pids, text[:1]), "file's")):
            got, _ = gdb(core, f"mm-rmap {frames[0]}")
            every, whole = gdb(core, f"mm-rmap {frames[0]} all")
            ours, theirs = (re.findall(r"^  (0x\S+) .*mm (0x\S+) of", g["mm-rmap"], re.M) for g in (got, every))
            ok(got["mm-rmap"].startswith(f"{scheme}: ") and len(ours) >= 3 and sorted(ours) == sorted(theirs), f"{scheme}: mm-rmap of an {kind} page",
               got["mm-rmap"] + whole)


def nonlinear():
    """A window that remapper has rearranged: its slots, and a page that no reverse map knows."""
    with tempfile.TemporaryDirectory(dir=BUILD) as tmp:
        # each slot has a page in both children; stopped: else a move may be under way, and its slot empty
        both = "awk '/memfd:remapper/ { m = 1 } m && /^Rss:/ { n += $2 == 240; m = 0 } END { print n + 0 }'"
        say = "remapper --processes 2 --window 60 --seconds 300 & until pids=$(pidof remapper) && " \
              f"[ $(cat $(printf '/proc/%s/smaps ' $pids) | {both}) = 2 ]; do usleep 100000; done; kill -STOP $pids; " \
              "for p in $pids; do until grep -q ') T' /proc/$p/stat; do usleep 100000; done; done; echo pids $pids; echo ready; read -r go" + PANIC
        p, said = start(say, "-m", "128M", "--dump", f"{tmp}/core")
        said += p.communicate("\n")[0]
        pid = max(re.search(r"^pids (.*)$", said, re.M).group(1).split(), key=int)
        core = f"core-file {tmp}/core"
        got, whole = gdb(core, f"mm-nonlinear {pid}")
        area = re.search(r"^([0-9a-f]{8})-[0-9a-f]{8} 60 here, 0 placed, 0 empty", got["mm-nonlinear"], re.M)
        ok(area and "file 0: memfd:remapper" in got["mm-nonlinear"], "mm-nonlinear: 60 slots of one file", whole + said)
        got, whole = gdb(core, f"mm-pt {pid} 0x{area.group(1)}")
        got, whole = gdb(core, f"mm-rmap {re.search('frame (0x[0-9a-f]+)', got['mm-pt']).group(1)}")
        ok(re.search(rf"no reverse map knows: \d+\n(  .*\n)*  0x{area.group(1)} present .* of .*\b{pid} remapper", got["mm-rmap"]),
           "mm-rmap finds the mapping in a nonlinear area by search", whole)


live()
dump()
nonlinear()
for pair in (("chain", "chain"), ("direct", "list"), ("anonmm", "list"), ("avc", "tree"), ("anonvma", "tree")):
    by_scheme(*pair)
sys.exit(done())
