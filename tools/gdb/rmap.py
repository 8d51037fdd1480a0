# SPDX-License-Identifier: MIT
"""The reverse map: mm-rmap. A finder for each scheme, which looks where the kernel's own walk looks (mm/rmap).

A finder gives candidates: (mm, vma or None, address). Schemes that share a structure's name (struct anon_vma) are told apart by the
file whose walk stands in the table.
"""
import gdb

import kernel as k
import pages
import spaces
import tasks


def struct_in(function, name):
    """struct NAME as the file with that function knows it"""
    found = gdb.lookup_global_symbol(function) or gdb.lookup_static_symbol(function)
    return gdb.lookup_type("struct " + name, found.symtab.static_block())


def at(address, type_):
    return gdb.Value(int(address)).cast(type_.pointer()).dereference()


def vma_of_tail(address, which):
    """The schemes' tails lie behind each struct vma, first that of the scheme for anonymous pages."""
    return k.at(int(address) - (k.number("rmap_file_tail") if which == "file" else k.struct("vma").sizeof), "vma")


def object_of(page, bits=3):
    return int(page["mapping"]) & ~bits


def in_vma(vma, page):
    """The area as a candidate: where it would show the page; outside of it, address is None."""
    offset = k.count(page["index"]) - k.count(vma["pgoff"])
    address = int(vma["start"]) + (offset << 12)
    return vma["mm"], vma, address if offset >= 0 and address < int(vma["end"]) else None


def linked(head, type_, field):
    """Structures of a type on a struct list_head; k.list_entries for types that are no global name"""
    offset, end, node = k.offset_of(type_, field), int(head.address), head["next"]
    while int(node) != end:
        yield at(int(node) - offset, type_)
        node = node.dereference()["next"]


# --- anonymous pages ------------------------------------------------------------------------------------------------------------
def anon_list(page):
    """anonvma: every vma on the list of the page's anon_vma"""
    av, tail = (struct_in("anonvma_walk_list", n) for n in ("anon_vma", "anon_tail"))
    for t in linked(at(object_of(page), av)["vmas"], tail, "node"):
        yield in_vma(vma_of_tail(t.address, "anon"), page)


def direct(page):
    """direct: the page's one vma, or since a fork the list"""
    if int(page["mapping"]) & 2:
        yield in_vma(k.at(object_of(page), "vma"), page)
    else:
        yield from anon_list(page)


def avc(page):
    """avc: the vmas in the tree of the page's anon_vma"""
    av, link = (struct_in("avc_walk", n) for n in ("anon_vma", "avc"))
    for node in k.rb_nodes(at(object_of(page), av)["vmas"]["root"]["node"]):
        yield in_vma(at(node - k.offset_of(link, "node.rb"), link)["vma"].dereference(), page)


def anonmm(page):
    """anonmm: the same address in every member of the family"""
    member = struct_in("anonmm_walk", "anonmm")
    for m in linked(at(object_of(page), member)["family"]["members"], member, "node"):
        if int(m["mm"]):
            yield m["mm"], None, int(page["address"])


# --- pages of files ---------------------------------------------------------------------------------------------------------------
def tree(page):
    """tree: the vmas in the file's tree"""
    for node in k.rb_nodes(page["mapping"]["vmas"]["root"]["node"]):
        yield in_vma(vma_of_tail(int(node) - k.offset_of(k.struct("itree_node"), "rb"), "file"), page)


def plain_list(page):
    """list: the vmas on the file's list"""
    head = page["mapping"]["vma_list"]
    node = head["next"]
    while int(node) != int(head.address):
        yield in_vma(vma_of_tail(node, "file"), page)
        node = node.dereference()["next"]


# --- chains ---------------------------------------------------------------------------------------------------------------------------
def locators(page):
    """Physical addresses of the PTEs that the page's word names, or its chain"""
    squeeze, shape = k.symbol("squeeze"), k.symbol("chain_shape")

    def narrow(locator):
        section = int(squeeze["section"][locator >> 9 >> 15])
        return ((section << 15 | locator >> 9 & 0x7FFF) << 12) | (locator & 511) * 8

    if not int(page["flags"]) >> dict(k.enumerators("enum page_flag", "PG_"))["chain"] & 1:
        if int(page["direct"]) != 0xFFFFFFFF:
            yield narrow(int(page["direct"]))
        return
    node, line, wide = int(page["chain"]), int(shape["line"]), int(shape["wide"])
    while node:
        data = bytes(gdb.selected_inferior().read_memory(node, line))
        word = int.from_bytes(data[:4], "little")
        for slot in range(word & line - 1, int(shape["slots"])):
            where, size = (8 + slot * 8, 8) if wide else (4 + slot * 4, 4)
            value = int.from_bytes(data[where:where + size], "little")
            yield value if wide else narrow(value)
        node = word & ~(line - 1)


def chain(page):
    """chain: exactly the entries of its chain; the table's struct page says whose they are, and where"""
    for where in locators(page):
        table = pages.page_of(where >> 12)
        yield table["pt_mm"], None, int(table["address"]) + (where & 0xFFF) // 8 * 4096


FINDERS = {("anon", "anonvma"): anon_list, ("anon", "direct"): direct, ("anon", "avc"): avc, ("anon", "anonmm"): anonmm, ("anon", "chain"): chain,
           ("file", "tree"): tree, ("file", "list"): plain_list, ("file", "chain"): chain}


def tables(mm):
    """(first address, entries) of each page table of the user's part"""
    for top in range(3):
        for n, pmd in enumerate(entries(int(mm["mmu"]["pdpt"][top]))):
            if pmd & 0x81 == 1:
                yield top << 30 | n << 21, entries(pmd)


def entries(above):
    return k.words64(k.phys(above & pages.FRAME, 4096)) if above & 1 else []


def every_pte(page):
    """All page tables of all address spaces. Slow, and true by any scheme, also by one that has no finder here."""
    pfn = pages.pfn_of(page)
    for mm in k.list_entries(k.symbol("mm_list"), "mm", "all_node"):
        for start, table in tables(mm):
            for n, entry in enumerate(table):
                if entry & 0x101 and (entry & pages.FRAME) >> 12 == pfn:
                    yield mm.address, None, start | n << 12


def scheme_of(page):
    kind = int(page["mapping"]) & 1
    return ("file", "anon")[kind], k.symbol("rmap_in_force")[kind]["name"].string()


def mappings(page, finder):
    """=> (candidates looked at, [(mm, vma or None, address, entry)])"""
    found, candidates = [], 0
    for mm, vma, address in finder(page):
        candidates += 1
        if address is None:
            continue
        entry = pages.pte_at(mm.dereference(), address)
        if entry & 0x101 and (entry & pages.FRAME) >> 12 == pages.pfn_of(page):
            found.append((mm, vma, address, entry))
    return candidates, found


# --- nonlinear areas: in no reverse map ---------------------------------------------------------------------------------------
def nonlinear_files(vma):
    """The files of a nonlinear area: their list stands where its file scheme's tail would"""
    head = int(vma.address) + k.number("rmap_file_tail")
    at_ = int.from_bytes(gdb.selected_inferior().read_memory(head, 4).tobytes(), "little")
    while at_:
        f = k.at(at_, "nonlinear_file")
        yield f
        at_ = int(f["next"])


def nonlinear_slots(vma):
    """(address, entry) of each slot that is not empty"""
    start, end = int(vma["start"]), int(vma["end"])
    for first, table in tables(vma["mm"]):
        for n, entry in enumerate(table):
            if entry and start <= first | n << 12 < end:
                yield first | n << 12, entry


def nonlinear_mappings(page):
    """As truncation finds them: all slots of all areas that are on the list of the page's file"""
    for f in k.list_entries(page["mapping"]["nonlinear"], "nonlinear_file", "node"):
        for address, entry in nonlinear_slots(f["vma"].dereference()):
            if entry & 0x101 and (entry & pages.FRAME) >> 12 == pages.pfn_of(page):
                yield f["vma"]["mm"], f["vma"].dereference(), address, entry


class Nonlinear(k.Command):
    """mm-nonlinear PID: the nonlinear areas of a process, their files, and how many slots show a page, are placed only, are empty."""

    name, usage = "mm-nonlinear", "PID"

    def run(self, words):
        mm = pages.mm_of(k.integer(words[0]))
        for vma in spaces.vmas(mm):
            if not int(vma["flags"]) & 0x800:
                continue
            slots = [entry & 0x101 != 0 for _, entry in nonlinear_slots(vma)]
            empty = (int(vma["end"]) - int(vma["start"]) >> 12) - len(slots)
            kind = "made empty" if int(vma["flags"]) & 0x200000 else "classic: what is empty is linear"
            print(f"{int(vma['start']):08x}-{int(vma['end']):08x} {sum(slots)} here, {len(slots) - sum(slots)} placed, {empty} empty ({kind})")
            for f in nonlinear_files(vma):
                print(f"  file {int(f['number'])}: {spaces.file_name(f)}, struct file {int(f['file']):#x}{', may be written' if int(f['writable']) else ''}")


class Rmap(k.Command):
    """mm-rmap PFN [all]: every mapping of a page, found as the scheme in force finds it; all: by looking into every page table, to compare."""

    name, usage = "mm-rmap", "PFN [all]"

    def run(self, words):
        page = pages.find_page(k.integer(words[0]))
        if not pages.opened(pages.pfn_of(page)) or not int(page["mapping"]):
            raise k.Bad(f"frame {pages.pfn_of(page):#x} belongs to no object: no reverse map")
        owners = {}
        for t in tasks.all_tasks():
            owners.setdefault(int(t["mm"]), []).append(f"{int(t['pid'])} {tasks.name(t)}")
        finder = every_pte if words[1:] == ["all"] else FINDERS.get(scheme_of(page), every_pte)
        candidates, found = mappings(page, finder)
        how = " (all page tables)" if finder is every_pte else ""
        print(f"{scheme_of(page)[1]}{how}: {len(found)} mapping{'s' * (len(found) != 1)}, {candidates} looked at")
        for mm, vma, address, entry in found:
            self.show(mm, vma, address, entry, owners)
        if finder is every_pte or scheme_of(page)[0] == "anon":
            return
        more = list(nonlinear_mappings(page))
        if more:
            print(f"and in nonlinear areas, which no reverse map knows: {len(more)}")
        for mm, vma, address, entry in more:
            self.show(mm, vma, address, entry, owners)

    def show(self, mm, vma, address, entry, owners):
        area = f"; vma {int(vma.address):#x}" if vma is not None else ""
        print(f"  {address:#010x} {pages.bits(entry)}{area}; mm {int(mm):#x} of {', '.join(owners.get(int(mm), ['nobody']))}")
