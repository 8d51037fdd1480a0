#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The system-call table: kernel/sys/syscalls.tbl -> C table, and the list in kernel/sys/README.md.

usage: tools/syscalls.py --c FILE      write the C table
       tools/syscalls.py --readme      bring the README's list up to date
       tools/syscalls.py --check       0 if the README is up to date and every call named whole or partial has a
                                       SYSCALL(...) somewhere in the tree; used by the tests
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, "kernel/sys/syscalls.tbl")
README = os.path.join(ROOT, "kernel/sys/README.md")
BEGIN, END = "<!-- syscalls begin: made by tools/syscalls.py --readme -->", "<!-- syscalls end -->"
OURS = 1000  # system calls that are not Linux's
STATES = ("whole", "partial", "none")


def read_table():
    calls = []
    for line_nr, line in enumerate(open(TABLE), 1):
        words = line.split("#")[0].split(None, 4)
        if not words:
            continue
        if len(words) < 4 or not words[0].isdigit() or words[3] not in STATES:
            sys.exit(f"{TABLE}:{line_nr}: want 'number name function whole|partial|none [remark]'")
        calls.append((int(words[0]), words[1], words[2], words[3], words[4].strip() if len(words) > 4 else ""))
    numbers = [c[0] for c in calls]
    if numbers != sorted(set(numbers)):
        sys.exit(f"{TABLE}: numbers must rise, each once")
    return calls


def c_table(calls):
    out = ["/* Made by tools/syscalls.py from kernel/sys/syscalls.tbl: do not edit. */",
           '#include "arch/i386/traps.h"', '#include "kernel/sys/syscalls.h"', ""]
    real = sorted({c[2] for c in calls if c[3] != "none"})
    out += [f"long sys_{f}(void);" for f in real]
    ours = [c for c in calls if c[0] >= OURS]
    calls = [c for c in calls if c[0] < OURS]
    top = calls[-1][0] + 1
    by_number = {n: f"sys_{f}" for n, _, f, state, _ in calls if state != "none"}
    out += ["", "const void *syscall_table[] = {"]
    out += [f"\t[{n}] = {by_number.get(n, 'sys_none')}," for n in range(top)]
    out += ["};", f"const unsigned nr_syscalls = {top};", "", f"const char *const syscall_names[{top}] = {{"]
    out += [f'\t[{n}] = "{name}",' for n, name, _, _, _ in calls]
    out += ["};", "", "/* Of our own: numbers from OWN_SYSCALLS on. */", "const void *const own_syscall_table[] = {"]
    out += [f"\t[{n - OURS}] = sys_{f}," for n, _, f, _, _ in ours]
    out += ["};", f"const unsigned nr_own_syscalls = {len(ours)};", "const char *const own_syscall_names[] = {"]
    out += [f'\t[{n - OURS}] = "{name}",' for n, name, _, _, _ in ours]
    return "\n".join(out + ["};", ""])


def readme_list(calls):
    count = {s: sum(c[3] == s for c in calls) for s in STATES}
    out = [BEGIN, f"{len(calls)} calls: {count['whole']} whole, {count['partial']} partial, {count['none']} none (ENOSYS).", ""]
    for state, title in (("whole", "Whole"), ("partial", "Partial"), ("none", "None")):
        chosen = [c for c in calls if c[3] == state]
        plain = ", ".join(f"{c[1]} ({c[0]})" for c in chosen if not c[4])
        out += [f"**{title}.** {plain}", ""]
        remarks = [c for c in chosen if c[4]]
        if remarks:
            out += ["| number | call | remark |", "|--|--|--|"]
            out += [f"| {c[0]} | {c[1]} | {c[4]} |" for c in remarks] + [""]
    return "\n".join(out + [END])


def readme_text(calls):
    text = open(README).read() if os.path.exists(README) else f"# kernel/sys\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        sys.exit(f"{README}: the lines '{BEGIN}' and '{END}' are missing")
    head, rest = text.split(BEGIN, 1)
    return head + readme_list(calls) + rest.split(END, 1)[1]


def defined_calls():
    found = set()
    for path in glob.glob(os.path.join(ROOT, "*/**/*.[ch]"), recursive=True):
        if not os.path.relpath(path, ROOT).startswith(("build", "user", "tools")):
            found.update(re.findall(r"^SYSCALL\((\w+)", open(path).read(), re.M))
    return found


def check(calls):
    errors = []
    found = defined_calls()
    errors += [f"{c[1]}: {c[3]} in the table, but there is no SYSCALL({c[2]}" for c in calls if c[3] != "none" and c[2] not in found]
    named = {c[2] for c in calls if c[3] != "none"}
    errors += [f"SYSCALL({f}, ...) is in no line of the table" for f in sorted(found - named)]
    if open(README).read() != readme_text(calls):
        errors.append("kernel/sys/README.md is not up to date: tools/syscalls.py --readme")
    print("\n".join(errors), file=sys.stderr) if errors else None
    return 1 if errors else 0


def write_if_changed(path, text):
    if not os.path.exists(path) or open(path).read() != text:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        open(path, "w").write(text)


def main():
    calls = read_table()
    if sys.argv[1:2] == ["--c"] and len(sys.argv) == 3:
        open(sys.argv[2], "w").write(c_table(calls))
    elif sys.argv[1:] == ["--readme"]:
        write_if_changed(README, readme_text(calls))
    elif sys.argv[1:] == ["--check"]:
        return check(calls)
    else:
        sys.exit(__doc__)
    return 0


sys.exit(main())
