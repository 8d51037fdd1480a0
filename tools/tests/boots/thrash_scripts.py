#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=400
"""The scripts that compare BusyBox on Linux and here, once more in 64 MB beside a working set of twice that on swap: the same output, nobody
killed for want of memory. On virtio and ATA in turn (THRASH_BLOCK=virtio,ata)."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import hostlinux  # noqa: E402
import transcript  # noqa: E402
from tap import done, ok  # noqa: E402

SCRIPTS = ("shell", "files")
# More than 10000 pages out: all of its 100 MB are there, 36 of them at least on the disk, before the scripts begin.
DRIVER = """thrash --size 100M --passes 1000 >/dev/null 2>&1 & beside=$!
out() {{ sed -n 's/^pswpout //p' /proc/vmstat; }}; while kill -0 $beside && [ $(out) -le 10000 ]; do usleep 50000; done; echo began $(out) >&2
{driver}
kill -0 $beside && echo "@@still there" >&2
kill $beside; grep oom_kill /proc/vmstat >&2; grep pswpout /proc/vmstat >&2
"""


def driver_for(parts, seconds):
    return transcript.DRIVER.format(numbers=" ".join(str(n) for n in range(1, len(parts) + 1)), where="/tmp", case=seconds)


def under_thrash(driver, tree, block):
    run = [os.environ["RUN"], "-m", "64M", "-s", "2", "--swap", "200M", "--block", block, "--add", f"{tree}:/transcript", "--timeout", "180"]
    r = subprocess.run([*run, "--", "sh", "-c", DRIVER.format(driver=driver)], stdin=subprocess.DEVNULL,
                       capture_output=True, check=False)
    return r.stdout, r.stderr.decode(errors="replace")


def one(name, block):
    head, parts = transcript.cases(f"{os.path.dirname(transcript.__file__)}/transcripts/{name}.sh")
    with tempfile.TemporaryDirectory() as tmp:
        os.makedirs(f"{tmp}/transcript")
        for n, (_, body) in enumerate(parts, 1):
            with open(f"{tmp}/transcript/{n}", "w", encoding="utf-8") as f:
                f.write(body)
        want = hostlinux.run(driver_for(parts, 20), f"{transcript.BUILD}/initramfs.cpio", [(f"{tmp}/transcript", "transcript")], 120)
        got, notes = under_thrash(driver_for(parts, 100), f"{tmp}/transcript", block)
    want, got, tidy = transcript.split_output(want), transcript.split_output(got), transcript.normaliser(head)
    wrong = [title for n, (title, _) in enumerate(parts, 1) if n not in want or tidy(want[n]) != tidy(got.get(n, "nothing"))]
    said = dict(line.split() for line in notes.splitlines() if line.startswith(("oom_kill ", "began ", "pswpout ")))
    good = not wrong and said.get("oom_kill") == "0" and int(said.get("pswpout", 0)) > int(said.get("began", 0)) > 10000 and "@@still there" in notes
    ok(good, f"{name}.sh in 64 MB beside thrash, swap on {block}: {len(parts)} cases, {said}",
       "\n".join([f"differs: {w}" for w in wrong] + notes.splitlines()[-30:]))


def main():
    if not hostlinux.available():
        print("1..0 # SKIP this host cannot show what Linux prints")
        return 0
    for block in os.environ.get("THRASH_BLOCK", "virtio").split(","):
        for name in SCRIPTS:
            one(name, block)
    return done()


if __name__ == "__main__":
    sys.exit(main())
