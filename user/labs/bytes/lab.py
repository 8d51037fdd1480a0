# SPDX-License-Identifier: MIT
ABOUT = "bytes per object: areas, heads, links"
AXES = [("anon", {}), ("file", {})]
SCALES = {
    "quick": {"memory": "256M", "run": "lab-bytes"},
    "lecture": {"memory": "256M", "run": "lab-bytes"},
    "full": {"memory": "32G", "run": "lab-bytes"},
}


def size(f, key, text, published, metric, want, **row):
    value = f.get(metric, **row)
    return {"key": key, "text": text, "published": published, "value": value, "unit": "bytes", "tolerance": 0,
            "agrees": value is not None and abs(value - want) <= 8, "why": f"{metric} is {value}, not within 8 bytes of {want}"}


def claims(f):
    yield size(f, "anonvma.vma", "anonvma: in each vma", "12", "anon.vma", 12, anon="anonvma")
    yield size(f, "anonvma.head", "anonvma: an anon_vma", "12, with a spinlock", "size.anon_vma", 36, anon="anonvma")
    yield size(f, "avc.link", "avc: a link", "24; 32 in the tree form", "size.anon_vma_chain", 32, anon="avc")
    yield size(f, "anonmm.head", "anonmm: for each mm", "24 and a pointer", "size.anonmm", 24, anon="anonmm")
    yield size(f, "tree.vma", "tree: in each vma", "16 (prio_tree)", "file.vma", 16, file="tree")
    yield size(f, "list.vma", "list: in each vma", "8", "file.vma", 8, file="list")
    yield size(f, "chain.node", "chain: a node (rmap.chainline=32)", "32, 64 or 128: a cache line", "size.pte_chain", 32, anon="chain")
    a, b = f.get("child.bytes", anon="anonvma"), f.get("child.bytes", anon="avc")
    yield {"key": "avc.child", "text": "avc: for a child with 20 areas, beside anonvma's", "published": "more: a link for each generation",
           "value": b - a if a is not None and b is not None else None, "unit": "bytes", "tolerance": 20, "agrees": bool(a is not None and b and b > a), "why": "see child.bytes"}
