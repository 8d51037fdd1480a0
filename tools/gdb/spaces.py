# SPDX-License-Identifier: MIT
"""Address spaces and the reverse map: mm-vmas, mm-rmap, swap-slot."""
import gdb

import kernel as k
import pages
import tasks

VM = ((0x1, "r"), (0x2, "w"), (0x4, "x"))
MORE = ((0x100, "grows-down"), (0x200, "locked"), (0x800, "nonlinear"), (0x1000, "noreserve"), (0x2000, "charged"), (0x80000, "frames"))


def vmas(mm):
    for node in k.rb_nodes(mm["vmas"]["node"]):
        yield k.container(node, "vma", "node")


def protection(flags):
    return "".join(c if flags & bit else "-" for bit, c in VM) + ("s" if flags & 8 else "p")


def file_name(vma):
    if not int(vma["file"]):
        return ""
    dentry = vma["file"]["dentry"]
    return dentry["name"].string(errors="replace") if int(dentry) else "?"


class Vmas(k.Command):
    """mm-vmas PID: the areas of an address space, with the address of each struct vma."""

    name, usage = "mm-vmas", "PID"

    def run(self, words):
        mm = pages.mm_of(k.integer(words[0]))
        rows = [["area", "prot", "pgoff", "vma", "flags", "file"]]
        for v in vmas(mm):
            flags = int(v["flags"])
            rows.append([f"{int(v['start']):08x}-{int(v['end']):08x}", protection(flags), f"{k.count(v['pgoff']):x}", f"{int(v.address):#x}",
                         " ".join(n for bit, n in MORE if flags & bit), file_name(v)])
        k.table(rows, (2,))


# --- the reverse map ----------------------------------------------------------------------------------------------------------
def tail(vma, which):
    return int(vma.address) + k.number(f"rmap_{which}_tail")


def vma_of_tail(address, which):
    return k.at(address - k.number(f"rmap_{which}_tail"), "vma")


def anonvma(page):
    """rmap.anon=anonvma: every vma on the list of the page's anon_vma."""
    for t in k.list_entries(k.at(int(page["mapping"]) & ~3, "anon_vma")["vmas"], "anon_tail", "node"):
        yield vma_of_tail(t.address, "anon")


def tree(page):
    """rmap.file=tree: the file's vmas that cover the page's index."""
    for node in k.rb_nodes(page["mapping"]["vmas"]["root"]["node"]):
        yield vma_of_tail(int(node) - k.offset_of(k.struct("itree_node"), "rb"), "file")


def every_vma(_page):
    """For schemes without a finder here: all areas of all address spaces. Slow, and true by any scheme."""
    for mm in k.list_entries(k.symbol("mm_list"), "mm", "all_node"):
        yield from vmas(mm)


FINDERS = {"anonvma": anonvma, "tree": tree}


def scheme_of(page):
    return k.symbol("rmap_in_force")[int(page["mapping"]) & 1]["name"].string()


def mappings(page):
    """=> (candidates looked at, [(mm, vma, address, entry)])"""
    found, candidates = [], 0
    for v in FINDERS.get(scheme_of(page), every_vma)(page):
        candidates += 1
        offset = k.count(page["index"]) - k.count(v["pgoff"])
        address = int(v["start"]) + (offset << 12)
        if not 0 <= offset or address >= int(v["end"]):
            continue
        entry = pages.pte_at(v["mm"].dereference(), address)
        if entry & 0x101 and (entry & pages.FRAME) >> 12 == pages.pfn_of(page):
            found.append((v["mm"], v, address, entry))
    return candidates, found


class Rmap(k.Command):
    """mm-rmap PFN: every mapping of a page, found as the scheme in force finds it."""

    name, usage = "mm-rmap", "PFN"

    def run(self, words):
        page = pages.find_page(k.integer(words[0]))
        if not pages.opened(pages.pfn_of(page)) or not int(page["mapping"]):
            raise k.Bad(f"frame {pages.pfn_of(page):#x} belongs to no object: no reverse map")
        owners = {}
        for t in tasks.all_tasks():
            owners.setdefault(int(t["mm"]), []).append(f"{int(t['pid'])} {tasks.name(t)}")
        candidates, found = mappings(page)
        print(f"{scheme_of(page)}: {len(found)} mapping{'s' * (len(found) != 1)}, {candidates} looked at, "
              f"mapcount {k.atomic(page['mapcount']) + 1}")
        for mm, v, address, entry in found:
            print(f"  {address:#010x} {pages.bits(entry)}; vma {int(v.address):#x}; mm {int(mm):#x} of {', '.join(owners.get(int(mm), ['nobody']))}")


# --- swap -------------------------------------------------------------------------------------------------------------------
class SwapSlot(k.Command):
    """swap-slot [ENTRY]: a slot of a swap area, by the entry that a PTE holds (type << 27 | slot); without one: the areas."""

    name, usage = "swap-slot", "[ENTRY]"

    def run(self, words):
        areas = k.symbol("swap_areas")
        if not words:
            self.areas(areas)
            return
        entry = k.integer(words[0])
        area = areas[entry >> 27]
        if not int(area):
            raise k.Bad(f"no swap area {entry >> 27}")
        self.slot(area.dereference(), entry & 0x7FFFFFF)

    def areas(self, areas):
        on = [areas[i].dereference() for i in range(areas.type.range()[1] + 1) if int(areas[i])]
        if not on:
            print("no swap area is on")
            return
        k.table([["area", "name", "priority", "slots", "free"]] +
                [[int(a["type"]), a["name"].string(), int(a["prio"]), int(a["usable"]), k.atomic(a["nr_free"])] for a in on], (0, 2, 3, 4))

    def slot(self, area, offset):
        if offset >= int(area["nr_slots"]):
            raise k.Bad(f"the area ends at slot {int(area['nr_slots']) - 1:#x}")
        frame = pages.pfn_of(area["clusters"][offset >> 9]["map"].dereference())
        data = k.phys((frame << 12) + (offset & 511) * 8, 8)
        word, count = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:6], "little")
        state = "bad" if word >> 31 else "in use" if count or word else "free"
        cached = word & 0x0FFFFFFF
        print(f"{area['name'].string()}, slot {offset:#x}: {state}, held by {count} PTEs and files"
              f"{f', in the swap cache: frame {cached:#x}' if cached else ''}{', could not be read' if word >> 30 & 1 else ''}")
