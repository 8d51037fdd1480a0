# SPDX-License-Identifier: MIT
"""Tables of figures, as aligned text and as CSV, and what they were measured with."""
import csv
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def commit():
    r = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False)
    return r.stdout.strip() or "unknown"


def qemu_version():
    qemu = shutil.which("qemu-system-x86_64")
    out = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False).stdout if qemu else ""
    words = out.split("\n", 1)[0].split()
    return words[3] if len(words) > 3 else "unknown"


def number(x):
    """Three digits that matter, or all of an integer."""
    if not isinstance(x, (int, float)):
        return str(x)
    if abs(x) >= 1000 or x == int(x):
        return f"{x:.0f}"
    return f"{x:.3g}"


def aligned(rows, right=()):
    """rows of strings -> text; the columns in `right` are aligned there"""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "".join("  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip() + "\n"
                   for r in rows)


def write_csv(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as f:
        csv.writer(f, lineterminator="\n").writerows(rows)


def read_csv(path):
    """=> dicts; none if there is no such file"""
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))
