#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs one shell script on real Linux and in Isthmus, with the same root file system, and compares what it prints.

usage: transcript.py SCRIPT       (environment: RUN, BUILD)

The script is cut into cases by lines `## NAME`; each case runs in a shell and a fresh folder of its own and becomes one line of
TAP. Header lines of the script:
    # test: mem=256M smp=2 time=60        as for guest tests
    # test: ... peer                      needs a root with all rights: Linux is the peer, not this host (not in CI)
    # test: ... peer modules=A,B          the peer loads these first (paths under its kernel/, without .ko)
    # normalise: s/REGEX/TEXT/            (repeatable) applied to both outputs before they are compared
Linux is this host's kernel, in namespaces of its own (needs root); where that is not possible, the peer (tools/peer).
"""
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
DRIVER = """ulimit -S -n 1024; cd /tmp; export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root LC_ALL=C TZ=UTC; umask 022
for n in {numbers}; do
mkdir -p /tmp/case; cd /tmp/case; echo "@@case $n"
timeout 20 sh /transcript/$n </dev/null 2>&1; echo "@@status $?"
cd /tmp; rm -rf /tmp/case
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


def in_guest(driver, tree, keys, linux=None):
    if linux:
        driver = peer_modules(keys, tree) + driver
    command = [os.environ.get("RUN", f"{ROOT}/tools/run"), "-m", keys.get("mem", "256M"), "-s", keys.get("smp", "2"),
               "--add", f"{tree}:/transcript", "--timeout", keys.get("time", "60")]
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


def main():
    head, parts = cases(sys.argv[1])
    keys = dict(w.partition("=")[::2] for w in re.search(r"^# test:(.*)$", head, re.M).group(1).split())
    tidy = normaliser(head)
    driver = DRIVER.format(numbers=" ".join(str(n) for n in range(1, len(parts) + 1)))
    with tempfile.TemporaryDirectory() as tmp:
        tree = os.path.join(tmp, "transcript")
        os.makedirs(tree)
        for n, (_, body) in enumerate(parts, 1):
            with open(f"{tree}/{n}", "w", encoding="utf-8") as f:
                f.write(body)
        want = "peer" not in keys and hostlinux.available() and hostlinux.run(driver, f"{BUILD}/initramfs.cpio", [(tree, "transcript")], 120) or b""
        if b"@@case" not in want:
            if not peer_kernel():
                print("1..0 # SKIP neither this host nor the peer (tools/deps.sh --peer) can show what Linux prints")
                return 0
            want = in_guest(driver, tree, keys, peer_kernel())
        want, got = split_output(want), split_output(in_guest(driver, tree, keys))
    bad = sum(not compare(name, want.get(n), got.get(n), n, tidy) for n, (name, _) in enumerate(parts, 1))
    print(f"1..{len(parts)}")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
