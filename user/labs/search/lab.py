# SPDX-License-Identifier: MIT
ABOUT = "the search: rmap-test 1, 2, 3, test-mmap2 and test-mmap3"
AXES = [("file", {})]


def shapes(*rows):
    return " && ".join(f"lab-search --test {t} --tasks {n} --areas {a} --pages {p} --walks {w}" for t, n, a, p, w in rows)


SCALES = {
    "quick": {"memory": "256M", "run": shapes((1, 10, 20, 6, 60), (2, 10, 20, 6, 60), (3, 1, 500, 7, 60), (4, 4, 200, 1, 60), (5, 4, 200, 1, 60))},
    "lecture": {"memory": "1G", "run": shapes((1, 100, 100, 6, 120), (2, 100, 100, 6, 6), (3, 1, 10000, 7, 120), (4, 32, 1800, 1, 60), (5, 32, 1800, 1, 60))},
    "full": {"memory": "32G", "run": shapes((1, 100, 100, 600, 6000), (2, 100, 100, 600, 600), (3, 1, 10000, 7, 7000), (4, 32, 1800, 1, 900),
                                            (5, 32, 18000, 1, 900))},
}
PUBLISHED = {"test1.": "list: 1143 s of system time; chain 87, tree 1.3 times less than chain", "test2.": "list 606, chain 212, tree 102 s",
             "test3.": "list: 146 s; chain 3.8, tree as chain", "mmap2.": "list locks up; chain, tree 0.34 s", "mmap3.": "list locks up; chain, tree 3.5 s"}
NAMES = {"test1.": "rmap-test 1", "test2.": "rmap-test 2", "test3.": "rmap-test 3", "mmap2.": "test-mmap2", "mmap3.": "test-mmap3"}


def claims(f):
    for test, published in PUBLISHED.items():
        for name in ("list", "chain"):
            a, b = f.get(test + "walk", file=name), f.get(test + "walk", file="tree")
            ratio = a / b if a and b else None
            yield {"key": test + name, "text": f"{NAMES[test]}: a walk by {name}, by tree being 1", "published": published if name == "list" else "about 1", "value": ratio,
                   "unit": "times", "tolerance": 30, "agrees": bool(ratio and (ratio > 1.2 if name == "list" else ratio < 2)),
                   "why": "candidates and hits per page are the same: what differs is small beside the walk itself"}
