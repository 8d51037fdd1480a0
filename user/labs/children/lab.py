# SPDX-License-Identifier: MIT
ABOUT = "a forking server: where a walk looks for a page of a child's own"
AXES = [("anon", {})]
SCALES = {
    "quick": {"memory": "256M", "run": "lab-children --children 40 --pages 64"},
    "lecture": {"memory": "1G", "run": "lab-children --children 400 --pages 100"},
    "full": {"memory": "32G", "run": "lab-children --children 1000 --pages 1000"},
}


def claims(f):
    old, new = f.get("own.candidates", anon="anonvma"), f.get("own.candidates", anon="avc")
    yield {"key": "anonvma", "text": "anonvma: places looked at for a page mapped once", "published": "O(N), N = children", "value": old, "unit": "places",
           "agrees": bool(old and old > 15), "why": "the list is not as long as the family: see candidates"}
    yield {"key": "avc", "text": "avc: the same", "published": "about 2", "value": new, "unit": "places",
           "agrees": new is not None and new <= 2, "why": "the page is not in the child's own anon_vma: see candidates"}
    old, new = f.get("own.walk", anon="anonvma"), f.get("own.walk", anon="avc")
    yield {"key": "gain", "text": "avc: the walk is shorter by a factor of", "published": "up to N", "value": old / new if old and new else None, "unit": "times",
           "tolerance": 30, "agrees": bool(old and new and old > 2 * new), "why": "instructions per walk are as many: see own.walk"}
