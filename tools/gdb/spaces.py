# SPDX-License-Identifier: MIT
"""Address spaces: mm-vmas, swap-slot."""
import kernel as k
import pages

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
