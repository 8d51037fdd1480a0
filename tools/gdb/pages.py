# SPDX-License-Identifier: MIT
"""Frames, zones, page tables: mm-zones, mm-page, mm-pt, mm-lowmem."""
import gdb

import kernel as k

ZONES = ("DMA", "Normal", "HighMem")
FLAG_ZONE_SHIFT = 30


def page_of(pfn):
    if not 0 <= pfn < k.number("max_pfn"):
        raise k.Bad(f"frame {pfn:#x} is beyond the last one, {k.number('max_pfn') - 1:#x}")
    return k.symbol("mem_map")[pfn]


def pfn_of(page):
    return (int(page.address) - k.number("mem_map")) // page.type.sizeof


def opened(pfn):
    """Its struct page has been initialised (mm/phys/boot.c: blocks of 4 MB)."""
    return int(k.symbol("block_states")[pfn >> 10]) >= k.number("BLOCK_OPEN")


def flag_words(flags):
    names = [(n, v) for n, v in k.enumerators("enum page_flag", "PG_") if n != "zone_shift"]
    return " ".join(n for n, bit in names if flags >> bit & 1) or "none"


def lru_names():
    return [name for name, _ in sorted(k.enumerators("enum lru_list", "LRU_"), key=lambda e: e[1])]


class Zones(k.Command):
    """mm-zones: what each zone has, free blocks by order, and the pages on its LRU lists."""

    name = "mm-zones"

    def run(self, _words):
        rows = [["zone", "frames", "present", "managed", "free", "on CPUs", "unopened", "min", "low", "high"]]
        orders = [["free blocks", *(str(o) for o in range(11))]]
        lists = [["LRU", *lru_names()]]
        for i, name in enumerate(ZONES):
            z = k.symbol("zones")[i]
            if not int(z["present"]):
                continue
            on_cpus = sum(int(p["count"]) * (1 << (at // 3)) for c in k.cpus() for at in (i, i + 3)
                          if (p := k.per_cpu("pcp_of", c)[at]))
            rows.append([name, f"{k.count(z['start_pfn']):x}-{k.count(z['end_pfn']):x}", int(z["present"]), int(z["managed"]), int(z["free"]),
                         on_cpus, int(z["unopened"]) * 1024, *(int(z["watermark"][w]) for w in range(3))])
            orders.append([name, *(int(z["area"][o]["nr_free"]) for o in range(11))])
            lists.append([name, *(int(z["nr_lru"][n]) for n in range(len(lru_names())))])
        for part, right in ((rows, range(2, 10)), (orders, range(1, 12)), (lists, range(1, len(lists[0])))):
            k.table(part, right)
            print()


class Page(k.Command):
    """mm-page PFN|ADDRESS: a struct page, printed whole. A number from 0xc0000000 on is the address of a struct page or of low memory."""

    name, usage = "mm-page", "PFN|ADDRESS"

    def run(self, words):
        page = find_page(k.integer(words[0]))
        show_page(page)


def find_page(n):
    start, size = k.number("mem_map"), k.struct("page").sizeof
    if n < k.PAGE_OFFSET:
        return page_of(n)
    if start <= n < start + k.number("max_pfn") * size:
        return page_of((n - start) // size)
    return page_of((n - k.PAGE_OFFSET) >> 12)


def show_page(page):
    pfn, flags = pfn_of(page), int(page["flags"])
    if not opened(pfn):
        print(f"frame {pfn:#x}: not opened yet, its struct page is not initialised")
        return
    print(f"frame {pfn:#x} ({pfn << 12:#x}), {ZONES[flags >> FLAG_ZONE_SHIFT]}, struct page at {int(page.address):#x}")
    print(f"flags {flags & (1 << FLAG_ZONE_SHIFT) - 1:#x}: {flag_words(flags)}")
    print(f"refcount {k.atomic(page['refcount'])}, mapcount {k.atomic(page['mapcount']) + 1}")
    mapping = int(page["mapping"])
    kind = "none" if not mapping else "anonymous, object at" if mapping & 1 else "file, address_space at"
    print(f"mapping {kind} {mapping & ~3:#x}, index {k.count(page['index']):#x}, private {int(page['private']):#x}")


# --- page tables ------------------------------------------------------------------------------------------------------
BITS = ((0, "present"), (1, "write"), (2, "user"), (3, "write-through"), (4, "cache-off"), (5, "accessed"), (6, "dirty"), (7, "large"),
        (8, "global"), (9, "special"), (63, "no-execute"))
FRAME = 0x000FFFFFFFFFF000


def bits(entry):
    return " ".join(name for bit, name in BITS if entry >> bit & 1)


def pte_text(entry):
    """What an entry of a page table says: a frame, or one of the forms that are not present (arch/i386/pgtable.h)."""
    low, high = entry & 0xFFFFFFFF, entry >> 32
    if not entry:
        return "none"
    if low & 1:
        return f"frame {(entry & FRAME) >> 12:#x} {bits(entry)}"
    if low & 0x100:
        return f"frame {(entry & FRAME) >> 12:#x} hidden by PROT_NONE"
    if not low:
        return f"swap: area {high >> 27}, slot {high & 0x7FFFFFF:#x}"
    if low & 0xFFF == 0x40:
        return f"not here: page {high:#x} of the nonlinear area's file {low >> 12}; elsewhere: lost"
    return f"marker {low:#x} {high:#x}"


def walk(pdpt, address):
    """=> [(level, physical address of the entry, entry)], down to where it ends; pdpt: four entries"""
    steps = [("PDPT", None, pdpt[address >> 30])]
    if not steps[-1][2] & 1:
        return steps
    where = (steps[-1][2] & FRAME) + (address >> 21 & 511) * 8
    steps.append(("PMD", where, k.words64(k.phys(where, 8))[0]))
    if not steps[-1][2] & 1 or steps[-1][2] & 0x80:
        return steps
    where = (steps[-1][2] & FRAME) + (address >> 12 & 511) * 8
    steps.append(("PTE", where, k.words64(k.phys(where, 8))[0]))
    return steps


def pte_at(mm, address):
    """The entry that maps a user address; 0 if there is no table."""
    level, _, entry = walk([int(mm["mmu"]["pdpt"][i]) for i in range(4)], address)[-1]
    return entry if level == "PTE" else 0


class PageTable(k.Command):
    """mm-pt PID ADDRESS: the walk to an address of a process, level by level. PID 0: kernel addresses. If the entry lies in low memory,
    $pte points to it: `watch -l $pte->low`."""

    name, usage = "mm-pt", "PID ADDRESS"

    def run(self, words):
        pid, address = k.integer(words[0]), k.integer(words[1])
        pdpt = k.symbol("kernel_pdpt") if not pid else mm_of(pid)["mmu"]["pdpt"]
        for level, where, entry in walk([int(pdpt[i]) for i in range(4)], address):
            index = {"PDPT": address >> 30, "PMD": address >> 21 & 511, "PTE": address >> 12 & 511}[level]
            if level == "PTE" or not entry & 1:
                text = pte_text(entry)
            else:
                text = f"{'2 MB page' if entry & 0x80 else 'table'} at {entry & FRAME:#x} {bits(entry)}"
            print(f"{level:4} [{index:3}]{'' if where is None else f' at {where:#x}'}: {entry:016x} {text}")
            if level == "PTE" and where < k.LOW_END:
                gdb.set_convenience_variable("pte", gdb.Value(k.PAGE_OFFSET + where).cast(gdb.lookup_type("pte_t").pointer()))


def mm_of(pid):
    import tasks  # pylint: disable=import-outside-toplevel
    t = tasks.find(pid)
    if not int(t["mm"]):
        raise k.Bad(f"{pid} is a kernel thread or has gone: no address space")
    return t["mm"].dereference()


# --- low memory -----------------------------------------------------------------------------------------------------------
class LowMem(k.Command):
    """mm-lowmem: who holds low memory, in kB, as /proc/lowmem adds it up (slabs by name are parts of the line above them)."""

    name = "mm-lowmem"
    LINES = (("kernel", "LOW_KERNEL"), ("boot_modules", "LOW_MODULE"), ("mem_map", "LOW_MEMMAP"), ("page_directories", "LOW_PMD"),
             ("page_tables", "LOW_PTE"), ("kernel_stacks", "LOW_STACK"), ("vmalloc", "LOW_VMALLOC"))

    def run(self, _words):
        low = [k.symbol("zones")[i] for i in range(2)]
        rows = [(name, max(0, int(k.symbol("boot_pages")[int(k.symbol(e))]) + k.per_cpu_sum("lowmem_used", int(k.symbol(e)))))
                for name, e in self.LINES]
        rows.append(("files_and_anon", sum(int(z["nr_lru"][n]) for z in low for n in range(4))))
        slabs = [(str(c["name"].string()), slab_pages(c)) for c in k.list_entries(k.symbol("slab_caches"), "kmem_cache", "list")]
        rows.append(("slabs", sum(p for _, p in slabs)))
        free = [("free_dma", int(low[0]["free"])), ("free_normal", int(low[1]["free"])),
                ("free_on_cpus", sum(int(p["count"]) * (1 << at // 3) for c in k.cpus() for at in (0, 1, 3, 4)
                                     if (p := k.per_cpu("pcp_of", c)[at])))]
        present = sum(int(z["present"]) for z in low)
        other = present - sum(p for _, p in rows + free)
        for name, pages in [*rows, *((f"  {n}", p) for n, p in sorted(slabs) if p), *free, ("other", max(0, other)), ("LowPresent", present)]:
            print(f"{name:24} {pages * 4:10}")


def slab_pages(cache):
    return int(cache["nr_slabs"]) << int(cache["order"])
