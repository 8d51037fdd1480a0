# SPDX-License-Identifier: MIT
ABOUT = "fork, exec, exit, faults: what each scheme and each lock costs"
AXES = [("anon", {}), ("file", {}), ("lock", {"anon": "chain", "file": "chain"})]
ROWS = "fork_ anon_fault_write cow_ file_fault unmap_touched mmap_munmap_1p mmap_touch_munmap_1M mremap_4M"
SCALES = {
    "quick": {"memory": "512M", "run": "vmbench -T -t 3 -r 1 fork_exit fork_exec_static fork_64M_anon anon_fault_write unmap_touched mmap_munmap_1p"},
    "lecture": {"memory": "1G", "run": f"vmbench -T -t 10 -r 2 {ROWS}"},
    "full": {"memory": "32G", "run": f"vmbench -T -t 30 -r 3 {ROWS}"},
}


def percent(a, b):
    return 100 * (a / b - 1) if a and b else None


def claims(f):
    both = {"anon": "chain", "file": "chain"}
    for metric, text in (("fork_exit_wait", "fork and exit"), ("fork_exec_static", "fork, exec and exit")):
        more = percent(f.get(metric, **both), f.get(metric))
        yield {"key": "chain." + metric, "text": f"chains for all pages: {text} dearer by", "published": "10 to 20 %", "value": more, "unit": "%", "tolerance": 40,
               "agrees": bool(more and more > 5), "why": "see the rows: instructions, in which a cache miss on a chain costs no more than a hit"}
    gain = percent(f.get("fork_exec_static", anon="chain"), f.get("fork_exec_static", anon="anonmm"))
    yield {"key": "objects", "text": "chains for anonymous pages only, beside anonmm: fork and exec dearer by", "published": "9 %", "value": gain, "unit": "%",
           "tolerance": 60, "agrees": bool(gain and gain > 1), "why": "see fork_exec_static"}
    for lock in ("bit", "global"):
        more = percent(f.get("fork_64M_anon", lock=lock, **both), f.get("fork_64M_anon", lock="hashed", **both))
        yield {"key": "lock." + lock, "text": f"chains, fork of 64 MB: {lock} lock dearer than hashed and batched by", "published": "up to 35 % of rmap's part",
               "value": more, "unit": "%", "tolerance": 60, "agrees": bool(more and more > 0),
               "why": "what the hashed lock saves is locked bus operations and waiting; here each is one instruction and one CPU waits for nobody, so its "
                      "arithmetic is all that shows: compare fork_64M_anon by lock, and wall time on several CPUs"}
    for name, year in (("avc", "2010"), ("anonmm", "2003")):
        more = percent(f.get("fork_exit_wait", anon=name), f.get("fork_exit_wait", anon="anonvma"))
        yield {"key": name, "text": f"{name} ({year}) beside anonvma: fork and exit dearer by", "published": "more work at fork" if name == "avc" else "about the same",
               "value": more, "unit": "%", "tolerance": 60, "agrees": more is not None and (more > 0 if name == "avc" else abs(more) < 15), "why": "see fork_exit_wait"}
