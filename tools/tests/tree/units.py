#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=quick time=60
"""Units do not mix (kernel/lib/units.h): each wrong line below is compiled as the debug kernel is, and must be refused; what
converts is accepted. Code and size of a unit are those of the bare number."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# What a function of these may say: (struct address_space *m, struct vma *v, struct page *p, unsigned long n, pte_t e)
RIGHT = {
    "the page of an area's address": "find_page(m, vma_pindex_at(v, n));",
    "the page of a byte": "find_page(m, pindex_at((loff_t)n << 20));",
    "an area at a page's place": "v->pgoff = pgoff_of(p->index);",
    "the page of a PTE": "p = pte_page(e);",
    "the PTE of a page": "e = pte_make(mmu_pfn_of(page_to_pfn(p)), PTE_PRESENT);",
    "a swap entry out of a PTE": "swap_free(pte_swap_entry(e));",
}
WRONG = {
    "an area's offset is no page-cache index": "find_page(m, vma_pgoff_at(v, n));",
    "a page's index is no area's offset": "v->pgoff = p->index;",
    "a number is no page-cache index": "find_page(m, n >> 12);",
    "a number is no offset": "v->pgoff = n >> 12;",
    "a PTE's frame is no frame of struct page": "p = pfn_to_page(pte_mmu_pfn(e));",
    "a frame of struct page is none of a PTE": "e = pte_make(page_to_pfn(p), PTE_PRESENT);",
    "a number is no frame": "p = pfn_to_page(n);",
    "an index is no frame": "p = pfn_to_page(p->index);",
    "a frame is no number": "n = page_to_pfn(p);",
    "units are not added": "n = p->index + v->pgoff;",
    "units are not compared": "n = p->index == v->pgoff;",
    "a frame is no swap entry": "swap_free(page_to_pfn(p));",
    "a number is no swap entry": "swap_free(n);",
    "a swap entry is no number": "n = pte_swap_entry(e);",
}
HEAD = '#include "mm/cache/cache.h"\n#include "mm/reclaim/swap.h"\n#include "mm/virt/mm.h"\n'
BODY = HEAD + "void f(struct address_space *m, struct vma *v, struct page *p, unsigned long n, pte_t e);\n" \
    "void f(struct address_space *m, struct vma *v, struct page *p, unsigned long n, pte_t e)\n{\n\t%s\n}\n"
# The same function of a number and of each unit.
SAME = "typedef %s T;\nT g(T);\nT f(int a, T b, T c);\nT f(int a, T b, T c) { b%s += c%s + a; return g(b); }\n"


def kernel_cc(debug):
    line = subprocess.run(["make", "-s", "--no-print-directory", f"DEBUG={debug}", "show-cc"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return line.split()


def accepts(cc, source):
    r = subprocess.run([*cc, "-Wno-unused-but-set-parameter", "-fsyntax-only", "-x", "c", "-"], input=source, cwd=ROOT, capture_output=True, text=True, check=False)
    return r.returncode == 0, r.stderr


def code(cc, unit, member):
    with tempfile.NamedTemporaryFile(suffix=".s") as out:
        source = '#include "kernel/lib/units.h"\n' + SAME % (unit, member, member)
        subprocess.run([*cc, "-g0", "-S", "-o", out.name, "-x", "c", "-"], input=source, cwd=ROOT, text=True, check=True)
        return re.sub(r"^\s*\..*$", "", out.read().decode(), flags=re.M)


def main():
    count = bad = 0
    debug, release = kernel_cc(1), kernel_cc(0)
    for want, lines in ((True, RIGHT), (False, WRONG)):
        for name, line in lines.items():
            got, said = accepts(debug, BODY % line)
            why = "" if want or got else re.search(r"error: (incompatible type|invalid operands|incompatible types)", said)
            good = got == want and why is not None
            count, bad = count + 1, bad + (not good)
            print(f"{'' if good else 'not '}ok {count} - {name}: {'compiles' if want else 'does not compile'}")
            if not good:
                print("".join(f"# {s}\n" for s in [line, *said.splitlines()[:8]]), end="")
    for unit in ("pfn_t", "mmu_pfn_t", "pindex_t", "pgoff_t"):
        good = code(release, unit, ".n") == code(release, "unsigned long", "")
        count, bad = count + 1, bad + (not good)
        print(f"{'' if good else 'not '}ok {count} - {unit}: the code of a bare number")
    print(f"1..{count}")
    return bad != 0


sys.exit(main())
