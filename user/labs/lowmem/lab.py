# SPDX-License-Identifier: MIT
ABOUT = "who eats low memory: N processes share one big segment"
AXES = [("file", {})]
SCALES = {
    "quick": {"memory": "256M", "append": "lowmem=128M", "run": "lab-lowmem --processes 10 --size 16M"},
    "lecture": {"memory": "1G", "append": "lowmem=256M", "run": "lab-lowmem --processes 50 --size 128M"},
    "full": {"memory": "32G", "run": "lab-lowmem --processes 100 --size 2700M"},
}


def per_mapping(f, metric, **row):
    kb, n = f.get(metric, **row), f.get("mappings", **row)
    return kb * 1024 / n if kb is not None and n else None


def claims(f):
    chain = per_mapping(f, "low.pte_chain", file="chain")
    yield {"key": "chain", "text": "chain: low memory per mapping", "published": "4.3 to 10.7, as lines and entries are", "value": chain,
           "unit": "bytes", "tolerance": 20, "agrees": bool(chain and 4 <= chain <= 11), "why": "see low.pte_chain and mappings"}
    yield {"key": "chain.100", "text": "chain: of 100 processes with 2.7 GB", "published": "0.53 GB", "value": chain * 100 * 2.7 / 4096 if chain else None,
           "unit": "GB", "tolerance": 20, "agrees": bool(chain and 0.26 <= chain * 100 * 2.7 / 4096 <= 0.75), "why": "see low.pte_chain and mappings"}
    for name in ("list", "tree"):
        used = per_mapping(f, "low.vm_area_struct", file=name)
        yield {"key": name, "text": f"{name}: the same (vmas: all it has)", "published": "0 per mapping", "value": used, "unit": "bytes", "tolerance": 100,
               "agrees": bool(used is not None and used < 0.5), "why": "see low.vm_area_struct and mappings"}
