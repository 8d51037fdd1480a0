#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=200
"""Debian's own i386 programs, unmodified and dynamically linked: memtester with its libc, fetched as packages."""
import glob
import os
import subprocess
import sys

from tap import done, ok

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
CACHE = os.path.join(ROOT, os.environ.get("CACHE", ".cache"))
fetch = subprocess.run([f"{ROOT}/tools/deps.sh", "--packages", CACHE, "memtester", "libc6"], capture_output=True, text=True, check=False)
if fetch.returncode:
    print("1..0 # SKIP the packages cannot be fetched: " + "".join(fetch.stderr.strip().splitlines()[-1:]))
    sys.exit(0)
lib = f"{CACHE}/packages/libc6"
loader, libc = glob.glob(f"{lib}/lib/*/ld-linux.so.2")[0], glob.glob(f"{lib}/lib/*/libc.so.6")[0]
add = [f"{CACHE}/packages/memtester/usr/sbin/memtester:/bin/memtester", f"{loader}:/lib/ld-linux.so.2", f"{libc}:/lib/libc.so.6"]
r = subprocess.run([os.environ["RUN"], "-m", "256M", "--timeout", "150", *[w for a in add for w in ("--add", a)], "--",
                    "memtester", "4M", "1"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
lines = r.stdout.replace("\b", "").splitlines()
passed = [s for s in lines if s.rstrip().endswith(" ok")]
good = r.returncode == 0 and len(passed) >= 17 and any("Done" in s for s in lines)
why = "\n".join([f"status {r.returncode}", *(s[-100:] for s in lines), *r.stderr.splitlines()[-40:]])
ok(good, f"memtester: {len(passed)} tests pass", why)
ok(any("got  4MB" in s and "locked" in s for s in lines), "it could lock its memory", why)
sys.exit(done())
