#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: rmap-direct.py ANON,FILE HEADER SYMBOLS

For `make RMAP=ANON,FILE`: a kernel with one reverse map only, to measure what the choice at boot costs. From the tables in mm/rmap/*.c
it writes HEADER, which gives every includer the tables in force as constants, so that the compiler calls each operation by its name
or leaves it out; and SYMBOLS, the names of these functions, which `objcopy --globalize-symbols` makes reachable.
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def table(kind, name):
    """=> [(member, value)] of rmap_KIND_NAME"""
    for path in sorted(glob.glob(f"{ROOT}/mm/rmap/*.c")):
        with open(path, encoding="utf-8") as f:
            m = re.search(rf"^const struct rmap_scheme rmap_{kind}_{name} = {{\n(.*?)^}};", f.read(), re.M | re.S)
        if m:
            return re.findall(r"^\t\.(\w+) = (.*),$", m[1], re.M)
    sys.exit(f"rmap-direct: there is no scheme {name} for {kind}")


def constants(kind, members):
    """The table once more. Sizes stay behind: their types are the scheme's, and schemes.c reads the real table."""
    names, out = [], []
    for member, value in members:
        if re.fullmatch(r"[a-z]\w*", value) and value not in ("true", "false"):
            names.append(value)
            out.append(f"\t.{member} = rmap_{kind}_op_{member},\n")
        elif not member.endswith("_bytes"):
            out.append(f"\t.{member} = {value},\n")
    protos = "".join(f'extern __typeof__(*((struct rmap_scheme *)0)->{m}) rmap_{kind}_op_{m} __asm__("{v}");\n' for m, v in members if v in names)
    return names, f"{protos}static const struct rmap_scheme rmap_{kind}_only = {{\n{''.join(out)}}};\n#define rmap_{kind} (&rmap_{kind}_only)\n"


def main():
    choice, header, symbols = sys.argv[1:]
    if not re.fullmatch(r"\w+,\w+", choice):
        sys.exit("rmap-direct: RMAP=ANON,FILE, for example RMAP=anonvma,tree")
    names, text = [], f"/* For RMAP={choice}, by tools/rmap-direct.py */\n"
    for kind, name in zip(("anon", "file"), choice.split(",")):
        more, part = constants(kind, table(kind, name))
        names += more
        text += f"#define {kind.upper()}_SCHEMES(x) x({name})\n" + part
    with open(header, "w", encoding="ascii") as f:
        f.write(text)
    with open(symbols, "w", encoding="ascii") as f:
        f.write("".join(n + "\n" for n in sorted(set(names))))


if __name__ == "__main__":
    main()
