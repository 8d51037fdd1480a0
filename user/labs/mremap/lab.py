# SPDX-License-Identifier: MIT
ABOUT = "mremap after fork: who has to copy what is shared"
AXES = [("anon", {})]
SCALES = {
    "quick": {"memory": "256M", "run": "lab-mremap --pages 4000"},
    "lecture": {"memory": "1G", "run": "lab-mremap --pages 20000"},
    "full": {"memory": "32G", "run": "lab-mremap --pages 250000"},
}


def claims(f):
    pages, copies, none = f.get("pages"), f.get("shared.copies", anon="anonmm"), f.get("shared.copies", anon="anonvma")
    yield {"key": "anonmm", "text": "anonmm: pages copied of those shared with the parent", "published": "every one",
           "value": 100 * copies / pages if copies is not None else None, "unit": "%", "agrees": copies == pages, "why": "see shared.copies"}
    yield {"key": "anonvma", "text": "anonvma: the same", "published": "none", "value": 100 * none / pages if none is not None else None, "unit": "%",
           "agrees": none == 0, "why": "see shared.copies"}
    slow, fast = f.get("shared.move", anon="anonmm"), f.get("shared.move", anon="anonvma")
    yield {"key": "price", "text": "anonmm: moving a shared page is dearer by a factor of", "published": "(not given)", "value": slow / fast if slow and fast else None,
           "unit": "times", "tolerance": 30, "agrees": bool(slow and fast and slow > fast), "why": "see shared.move"}
