#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs one shell script on real Linux and in Isthmus, with the same root file system, and compares what it prints.

usage: transcript.py SCRIPT       (environment: RUN, BUILD; PEER=1: the peer is Linux)

The script is cut into cases by lines `## NAME`; each case runs in a shell and a fresh folder of its own and becomes one line of
TAP. Header lines of the script:
    # test: mem=256M smp=2 time=60        as for guest tests
    # test: ... peer                      needs a root with all rights: Linux is the peer, not this host (not in CI)
    # test: ... peer modules=A,B          the peer loads these first (paths under its kernel/, without .ko)
    # test: ... root=debian case=30       Debian's programs from an ext2 (`make root`); cases run in a folder there, 30 s each
    # normalise: s/REGEX/TEXT/            (repeatable) applied to both outputs before they are compared
Linux is this host's kernel, in namespaces of its own (needs root); where that is not possible, the peer (tools/peer).
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import hostlinux  # noqa: E402

BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
PATIENCE = int(os.environ.get("PATIENCE", 1))  # as run-tests.py says
ENV = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")
DRIVER = """ulimit -S -n 1024; cd {where}; export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root LC_ALL=C TZ=UTC; umask 022
for n in {numbers}; do
mkdir -p {where}/case; cd {where}/case; echo "@@case $n"
timeout {case} sh /transcript/$n </dev/null 2>&1; echo "@@status $?"
cd {where}; rm -rf {where}/case
done
"""


def cases(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    head, *parts = re.split(r"^## (.*)\n", text, flags=re.M)
    return head, list(zip(parts[::2], parts[1::2]))


def normaliser(head):
    rules = []
    for rule in re.findall(r"^# normalise: s(.*)$", head, re.M):
        _, pattern, text, _ = re.split(r"(?<!\\)" + re.escape(rule[0]), rule)
        rules.append((re.compile(pattern, re.M), text))

    def apply(output):
        for pattern, text in rules:
            output = pattern.sub(text, output)
        return output
    return apply


def split_output(blob):
    parts = re.split(r"^@@case (\d+)\n", blob.decode(errors="replace"), flags=re.M)[1:]
    return {int(n): text for n, text in zip(parts[::2], parts[1::2])}


def peer_modules(keys, tree):
    """Copies them beside the cases. => what the peer runs first"""
    first = ""
    for module in filter(None, keys.get("modules", "").split(",")):
        found = glob.glob(os.path.join(os.path.dirname(peer_kernel()), f"../lib/modules/*/kernel/{module}.ko"))
        shutil.copy(found[0], tree)
        first += f"insmod /transcript/{os.path.basename(found[0])}\n"
    return first


def in_guest(driver, tree, keys, linux=None, disk=None):
    if linux:
        driver = peer_modules(keys, tree) + driver
    command = [os.environ.get("RUN", f"{ROOT}/tools/run"), "-m", keys.get("mem", "256M"), "-s", keys.get("smp", "2"),
               "--timeout", keys.get("time", "60")]
    command += ["--disk", disk, "-a", "root=/dev/vda"] if disk else ["--add", f"{tree}:/transcript"]
    command += ["--linux", linux] if linux else []
    r = subprocess.run([*command, "--", "sh", "-c", driver], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    for line in r.stderr.decode(errors="replace").splitlines()[-70:]:
        print("# " + line)
    return r.stdout


def peer_kernel():
    found = glob.glob(os.path.join(ROOT, os.environ.get("CACHE", ".cache"), "peer/lx/boot/vmlinuz-*"))
    return found[0] if found else None


def compare(name, want, got, number, tidy):
    want, got = (tidy(t) if t is not None else None for t in (want, got))
    good = want is not None and want == got
    print(f"{'' if good else 'not '}ok {number} - {name}")
    if not good:
        import difflib
        lines = difflib.unified_diff((want or "(nothing)").splitlines(), (got or "(nothing)").splitlines(), "linux", "isthmus", lineterm="", n=2)
        for line in list(lines)[:40]:
            print("# " + line)
    return good


def debian_root():
    """=> (image, folder) of Debian's programs; None: they cannot be fetched"""
    with open(f"{BUILD}/root.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        r = subprocess.run(["make", "-s", "root"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if r.returncode:
        print("1..0 # SKIP no root image of Debian: " + " ".join(r.stdout.splitlines()[-1:]))
        return None
    return f"{BUILD}/root.img", f"{BUILD}/root"


def disk_with(image, tree, path):
    """A copy of the image that has the cases."""
    subprocess.run(["cp", "--sparse=always", image, path], check=True)
    names = sorted(os.listdir(tree))
    orders = "mkdir transcript\ncd transcript\n" + "".join(f"write {tree}/{n} {n}\n" for n in names)
    subprocess.run(["debugfs", "-w", "-f", "-", path], input=orders.encode(), check=True, capture_output=True, env=ENV)
    return path


def check_disk(path, number):
    r = subprocess.run(["e2fsck", "-fn", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=ENV)
    print(f"{'not ' if r.returncode else ''}ok {number} - e2fsck accepts the disk afterwards")
    for line in r.stdout.splitlines() if r.returncode else ():
        print("# " + line)
    return r.returncode != 0


def main():
    head, parts = cases(sys.argv[1])
    keys = dict(w.partition("=")[::2] for w in re.search(r"^# test:(.*)$", head, re.M).group(1).split())
    tidy = normaliser(head)
    debian = debian_root() if "root" in keys else None
    if "root" in keys and not debian:
        return 0
    driver = DRIVER.format(numbers=" ".join(str(n) for n in range(1, len(parts) + 1)), where="/root" if debian else "/tmp", case=int(keys.get("case", 20)) * PATIENCE)
    with tempfile.TemporaryDirectory() as tmp:
        tree = os.path.join(tmp, "transcript")
        os.makedirs(tree)
        for n, (_, body) in enumerate(parts, 1):
            with open(f"{tree}/{n}", "w", encoding="utf-8") as f:
                f.write(body)
        disk = (lambda: disk_with(debian[0], tree, f"{tmp}/disk")) if debian else lambda: None
        want = b""
        if "peer" not in keys and not os.environ.get("PEER") and hostlinux.available():
            seconds = max(120, int(keys.get("time", 60))) * PATIENCE
            want = hostlinux.run(driver, f"{BUILD}/initramfs.cpio", [(tree, "transcript")], seconds, debian and debian[1]) or b""
        if b"@@case" not in want:
            if not peer_kernel():
                print("1..0 # SKIP neither this host nor the peer (tools/deps.sh --peer) can show what Linux prints")
                return 0
            want = in_guest(driver, tree, keys, peer_kernel(), disk())
        want, got = split_output(want), split_output(in_guest(driver, tree, keys, None, disk()))
        bad = sum(not compare(name, want.get(n), got.get(n), n, tidy) for n, (name, _) in enumerate(parts, 1))
        bad += check_disk(f"{tmp}/disk", len(parts) + 1) if debian else 0
    print(f"1..{len(parts) + bool(debian)}")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
