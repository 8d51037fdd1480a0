#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the tests: makes jobs of them, lets prove run the jobs two at a time, and counts.

usage: run-tests.py [--set quick|test|all|soak] [--only PATTERN] [--list] [--jobs N]

A job is what prove sees as one file: a unit test, a boot test, a transcript, or one virtual machine that runs several
guest programs. How to add tests stands in README.md beside this file. The environment gives O (build folder) and CACHE.
"""
import argparse
import fnmatch
import glob
import hashlib
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import hostlinux  # noqa: E402
import schemes  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("O", "build"))
RESULTS = os.path.join(BUILD, "tests")
SETS = ("quick", "test", "all", "soak")
BOOT_TIME = 30  # seconds that a machine may take to its first command
PATIENCE = int(os.environ.setdefault("PATIENCE", "3"))  # all limits of time are for a quiet host, and taken so many times (tools/run reads it too)
GROUP = 12      # guest programs per machine
PARTITIONS = b"""label: dos
start=2048, size=20480, type=83
start=22528, size=10240, type=82
start=34816, type=5
start=36864, size=4096, type=83
start=43008, size=8192, type=83
"""
# Every guest program runs once per variant: (name, kernel, options). test-all and later schemes add theirs here.
VARIANTS = [("", "release", ""), ("debug", "debug", "")]
MORE_VARIANTS = [("lowpte", "debug", "highpte=off")]
# These run under each reverse map as well, swap on, the oracle after each; what they print must be the same under all.
SCHEME_TESTS = ("vm_*", "rmap_*", "fork", "failnth", "mm")


def header(path, word):
    """The ` * test: key=value ...` line (`# test: ...` in scripts) -> dict; None where there is none."""
    with open(path, encoding="utf-8") as f:
        m = re.search(rf"^(?: \*|#) {word}:(.*)$", f.read(2000), re.M)
    if not m:
        return None
    pairs = [w.partition("=") for w in shlex.split(m.group(1))]
    return {k: (v if eq else "yes") for k, eq, v in pairs}


def in_set(keys, chosen):
    """quick < test < all; soak stands alone"""
    mine = "soak" if "soak" in keys else keys.get("set", "test")
    if mine == "soak" or chosen == "soak":
        return mine == chosen
    return SETS.index(mine) <= SETS.index(chosen)


# --- finding jobs ---------------------------------------------------------------------------------------------------
def unit_jobs(chosen):
    if chosen == "soak":
        return
    for path in sorted(glob.glob(f"{HERE}/unit/*.c")):
        name = os.path.basename(path)[:-2]
        if name != "unit":
            yield {"name": f"unit/{name}", "kind": "unit", "tests": [name], "exec": [f"{BUILD}/unit/{name}"], "time": 60}


def script_jobs(chosen):
    """Checks of the tree, boots and transcripts: scripts that print TAP themselves, or (.sh) whose output is compared."""
    for folder in ("tree", "boots", "transcripts"):
        for path in sorted(glob.glob(f"{HERE}/{folder}/*")):
            keys = header(path, "test") if os.path.isfile(path) else None
            if keys is None or not in_set(keys, chosen):
                continue
            name = os.path.splitext(os.path.basename(path))[0]
            run = [sys.executable, f"{HERE}/transcript.py", path] if folder == "transcripts" else [path]
            yield {"name": f"{folder}/{name}", "kind": folder, "tests": [name], "exec": run, "time": int(keys.get("time", 60))}


def guest_tests(chosen):
    for path in sorted(glob.glob(f"{ROOT}/user/tests/*.c")):
        keys = header(path, "test")
        if keys is not None and in_set(keys, chosen):
            yield os.path.basename(path)[:-2], keys


def blocks(keys, chosen):
    """The disks of a test; test-all takes both for all that have some."""
    block = keys.get("block", "virtio")
    return ("virtio", "ata") if block == "both" or chosen == "all" and "disk" in keys else (block,)


def guest_jobs(chosen):
    """One machine for tests that want the same one; at most GROUP of them, so that the machines share out evenly."""
    variants = VARIANTS[:1] if chosen == "quick" else VARIANTS + (MORE_VARIANTS if chosen == "all" else [])
    groups = {}
    for name, keys in guest_tests(chosen):
        for variant, build, options in variants:
            if keys.get("build", "both") not in ("both", build):
                continue
            for block in blocks(keys, chosen):
                key = (variant, build, keys.get("mem", "256M"), keys.get("smp", "2"), " ".join((options, keys.get("append", ""))).strip(),
                       keys.get("as", "root"), name if "alone" in keys or "disk" in keys else "",
                       (keys.get("disk", ""), block if "disk" in keys else "", keys.get("qemu", "")))
                groups.setdefault(key, []).append((name, keys))
    for key, tests in groups.items():
        size = GROUP if key[2] not in ("64M", "96M") else 4 # the root file system has half the memory
        for n in range(0, len(tests), size):
            yield guest_job(key, tests[n:n + size], n // size)


def guest_job(key, tests, number):
    variant, build, mem, smp, append, user, alone, (disk, block, qemu) = key
    options = "" if disk else re.sub(r"[^\w.=]+", "_", append) # a disk's test is alone: its name is enough
    label = "-".join(p for p in (variant, mem, f"smp{smp}", options, user if user != "root" else "", alone, block) if p)
    return {"name": f"guest/{label}" + (f"-{number + 1}" if number else ""), "kind": "guest", "build": build, "mem": mem, "smp": smp,
            "append": append, "user": user, "disk": disk, "block": block, "qemu": qemu, "tests": [name for name, _ in tests],
            "programs": [(name, int(keys.get("time", 20)), keys.get("args", "")) for name, keys in tests]}


def scheme_jobs(chosen):
    """One debug machine per row of reverse-map choices: each pair of choices once, all of them in test-all."""
    if chosen not in ("test", "all"):
        return
    tests = [(name, keys) for name, keys in guest_tests("test") if any(fnmatch.fnmatch(name, p) for p in SCHEME_TESTS)
             and not {"append", "alone", "disk", "as", "qemu"} & set(keys) and keys.get("build", "both") != "release"]
    for row in schemes.every() if chosen == "all" else schemes.cover():
        job = guest_job(("", "debug", "256M", "2", schemes.options(row), "root", "", ("", "virtio", "")), tests, 0)
        yield {**job, "name": "schemes/" + "-".join(row), "same": True, "swap": "64M"}


def host_jobs(chosen):
    """Guest programs on this host's Linux: a test that Linux fails is a wrong test."""
    if chosen in ("test", "all"):
        names = [(n, int(k.get("time", 20)), k.get("args", "")) for n, k in guest_tests(chosen) if k.get("linux", "yes") != "no"]
        if names:
            yield {"name": "host-linux", "kind": "host", "tests": [f"{n} on Linux" for n, _, _ in names], "programs": names}


def all_jobs(chosen, only):
    jobs = [*script_jobs(chosen), *guest_jobs(chosen), *scheme_jobs(chosen), *host_jobs(chosen), *unit_jobs(chosen)]
    if only:
        jobs = [j for j in (narrow(j, only) for j in jobs) if j]
    return jobs


def narrow(job, only):
    """The part of a job whose tests match; a job's own name counts as well."""
    if fnmatch.fnmatch(job["name"], only):
        return job
    keep = [i for i, t in enumerate(job["tests"]) if fnmatch.fnmatch(t.split()[0], only)]
    if not keep:
        return None
    return {**job, **{k: [job[k][i] for i in keep] for k in ("tests", "programs") if k in job}}


# --- running one job --------------------------------------------------------------------------------------------------
class Tap:
    """Gathers the TAP of several programs into one stream with one count."""

    def __init__(self):
        self.count, self.results, self.seen = 0, {}, {}

    def line(self, good, text):
        self.count += 1
        print(f"{'' if good else 'not '}ok {self.count} - {text}", flush=True)

    def program(self, name, output, status, last_words=""):
        """A program passes if it printed a plan that holds, no `not ok`, and left with 0."""
        lines = output.decode(errors="replace").splitlines()
        plan = next((int(m.group(1)) for m in (re.match(r"1\.\.(\d+)", s) for s in lines) if m), None)
        checks = [m for m in (re.match(r"(not )?ok\b(?: \d+)?(?: - )?(.*)", s) for s in lines) if m]
        good = True
        if status == 0 and lines and lines[0].startswith("1..0 # SKIP"):
            self.line(True, f"{name} # SKIP {lines[0][11:].strip()}")
            self.results[name] = True
            return
        for s in lines:
            m = re.match(r"(not )?ok\b(?: \d+)?(?: - )?(.*)", s)
            if m:
                good = good and not m.group(1)
                self.line(not m.group(1), f"{name}: {m.group(2)}")
            elif not re.match(r"1\.\.\d+$", s):
                print(s if s.startswith("#") else "# " + s)
        self.seen[name] = hashlib.sha1(re.sub(r"0x[0-9a-f]+|\d+", "N", "\n".join(m.group(0) for m in checks)).encode()).hexdigest()
        whole = status == 0 and plan == len(checks) and plan
        if good and not whole:
            self.line(False, f"{name}: {end_of(status)}, {len(checks)} checks, plan {plan} {last_words}".rstrip())
        self.results[name] = bool(good and whole)

    def end(self):
        print(f"1..{self.count}", flush=True)
        return self


def end_of(status):
    return {124: "timed out", 143: "timed out", 137: "timed out or killed"}.get(status, f"exit status {status}")


def run_script(job):
    """unit, tree, boots, transcripts: the output is TAP already"""
    env = dict(os.environ, RUN=f"{ROOT}/tools/run", BUILD=BUILD)
    p = subprocess.Popen(job["exec"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, env=env, start_new_session=True)
    try:
        output, status = p.communicate(timeout=job["time"] * PATIENCE)[0], p.returncode
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL) # its machines go as well
        output, status = p.communicate()[0], 124
    except KeyboardInterrupt:
        os.killpg(p.pid, signal.SIGKILL)
        raise
    tap = Tap()
    tap.program(job["tests"][0], output, status)
    return tap.end()


def run_host(job):
    tap = Tap()
    if not hostlinux.available():
        for test in job["tests"]:
            tap.line(True, f"{test} # SKIP needs root and namespaces")
            tap.results[test] = True
        return tap.end()
    programs = job["programs"]
    files = [(f"{BUILD}/user/tests/{name}", f"tests/{name}") for name, _, _ in programs]
    path = "export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=linux; cd /root; ulimit -S -n 1024\n"
    output = hostlinux.run(path + guest_script(programs, 3), f"{BUILD}/initramfs.cpio", files, PATIENCE * (30 + 3 * sum(t for _, t, _ in programs))) or b""
    done = take_results(tap, output, " on Linux")
    for name, _, _ in programs[done:]:
        tap.program(f"{name} on Linux", b"", 124)
    return tap.end()


def take_results(tap, output, suffix=""):
    """Cuts the output of guest_script into programs => how many came to their end"""
    parts = re.split(rb"^@@begin (.*)\n", output, flags=re.M)[1:]
    done = 0
    for name, text in zip(parts[::2], parts[1::2]):
        m = re.search(rb"^\n?@@end (\d+)\n", text, re.M)
        if not m:
            break
        tap.program(name.decode() + suffix, text[:m.start()], int(m.group(1)))
        done += 1
    return done


def guest_script(programs, slow, leaks=False):
    """leaks: what zones and slabs lose to a program is a failure of it."""
    mark, compare = ("leakcheck --mark /tmp/.leaks; ", "leakcheck --compare /tmp/.leaks; ") if leaks else ("", "")
    return "".join(f"{mark}echo '@@begin {name}'; timeout -s KILL {limit * slow * PATIENCE} /tests/{name} {args} </dev/null 2>&1; s=$?; echo; {compare}echo \"@@end $s\"\n"
                   "[ -w /proc/rmap_oracle ] && echo 4 > /proc/rmap_oracle\n" for name, limit, args in programs)


def run_guest(job):
    """A machine that dies takes the test that killed it with it; the others get a new one."""
    tap, todo = Tap(), job["programs"]
    while todo:
        output, status, errors = boot(job, todo)
        finished = take_results(tap, output)
        if finished == len(todo):
            break
        victim = todo[finished][0]
        said = errors.decode(errors="replace").splitlines()[-70:]
        tap.program(victim, output.split(f"@@begin {victim}\n".encode())[-1], status, next((s for s in said if "panic:" in s), ""))
        for line in said: # behind the `not ok` that they explain
            print("# " + line)
        todo = todo[finished + 1:]
    return tap.end()


def make_disk(path, how):
    """SIZE: zeroes. SIZE:dos: a table of two primary and two logical partitions, which sfdisk writes. SIZE:ext2=BYTES: a
    file system with blocks of so many bytes."""
    length, _, table = how.partition(":")
    kind, _, block = table.partition("=")
    with open(path, "wb") as f:
        f.truncate(int(length[:-1]) << {"M": 20, "G": 30}[length[-1]])
    env = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")
    if kind == "dos":
        subprocess.run(["sfdisk", "-q", path], input=PARTITIONS, check=True, env=env)
    elif kind == "ext2":
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-b", block, path], check=True, env=env)


def check_disk(path, how):
    """=> None, or what e2fsck says of a file system that is not in order after the machine has gone"""
    if ":ext2" not in how:
        return None
    r = subprocess.run(["e2fsck", "-fn", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                       env=dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin"))
    return r.stdout if r.returncode else None


def boot(job, programs):
    with tempfile.TemporaryDirectory() as tmp:
        more = [f"--qemu={job['qemu']}"] if job["qemu"] else []
        more += ["--swap", job["swap"]] if "swap" in job else []
        for n, how in enumerate(job["disk"].split(",") if job["disk"] else []):
            make_disk(f"{tmp}/disk{n}", how)
            more += ["--block", job["block"], "--disk", f"{tmp}/disk{n}"]
        output, status, errors = boot_with(job, programs, more)
        for n, how in enumerate(job["disk"].split(",") if job["disk"] else []):
            wrong = check_disk(f"{tmp}/disk{n}", how)
            if wrong: # into the program's own output, before its end
                text = b"".join(b"# " + line + b"\n" for line in wrong.splitlines()) + f"not ok - e2fsck accepts disk {n}\n".encode()
                output = re.sub(rb"^\n?@@end", lambda m: text + m.group(0), output, count=1, flags=re.M)
        return output, status, errors


def boot_with(job, programs, more):
    command = [f"{ROOT}/tools/run", "-m", job["mem"], "-s", job["smp"], "-u", job["user"], *more]
    command += ["-a", job["append"]] if job["append"] else []
    command += ["--debug"] if job["build"] == "debug" else []
    slow = 3 if job["build"] == "debug" else 1
    for name, _, _ in programs:
        command += ["--add", f"{BUILD}/user/tests/{name}:/tests/{name}"]
    command += ["--timeout", str(BOOT_TIME + sum(t for _, t, _ in programs) * slow), "--", "sh", "-c", guest_script(programs, slow, True)]
    r = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return r.stdout, r.returncode, r.stderr


class Tee:
    """Standard output, and a file to look into when something failed."""

    def __init__(self, path):
        self.file, self.out = open(path, "w", encoding="utf-8"), sys.stdout

    def write(self, text):
        self.file.write(text)
        self.out.write(text)

    def flush(self):
        self.file.flush()
        self.out.flush()


def failures(job, most=100):
    """The lines of a job's output that tell why."""
    try:
        with open(result_file(job["name"])[:-4] + "tap", encoding="utf-8") as f:
            lines = f.read().splitlines()
    except OSError:
        return []
    keep = set()
    for n, line in enumerate(lines):
        if line.startswith("not ok"):
            keep.update(range(n, min(n + 12, len(lines))))
            keep.update(itertools.takewhile(lambda m: lines[m].startswith("#"), range(n + 1, len(lines))))
            keep.update(m for m in range(max(0, n - 8), n) if lines[m].startswith("#"))
    return [lines[n] for n in sorted(keep) if not lines[n].startswith("ok")][:most]


def run_job(name):
    with open(f"{RESULTS}/plan.json", encoding="utf-8") as f:
        job = next(j for j in json.load(f) if j["name"] == name)
    start = time.monotonic()
    sys.stdout = Tee(result_file(name)[:-4] + "tap")
    tap = {"guest": run_guest, "host": run_host}.get(job["kind"], run_script)(job)
    with open(result_file(name), "w", encoding="utf-8") as f:
        json.dump({"results": tap.results, "seen": tap.seen, "seconds": time.monotonic() - start}, f)
    return 0 if all(tap.results.values()) else 1


def result_file(name):
    return f"{RESULTS}/{name.replace('/', '-')}.json"


def differing(job, mine, seen):
    """Programs that passed here but said other things than in the first job of its kind."""
    return [f"{job['name']}: {t}: other results than under {first}" for t, said in mine.items()
            for first, words in [seen.setdefault(t, (job["name"], said))] if words != said]


# --- all of them ---------------------------------------------------------------------------------------------------------
def run_all(jobs, workers):
    os.makedirs(RESULTS, exist_ok=True)
    with open(f"{RESULTS}/plan.json", "w", encoding="utf-8") as f:
        json.dump(jobs, f)
    for j in jobs:
        for old in glob.glob(result_file(j["name"])[:-4] + "*"):
            os.unlink(old)
    start = time.monotonic()
    subprocess.run(["prove", "-j", str(workers), "--exec", f"{sys.executable} {os.path.abspath(__file__)} --job", *(j["name"] for j in jobs)],
                   check=False)
    passed, failed = 0, []
    seen = {}
    for j in jobs:
        results = {}
        if os.path.exists(result_file(j["name"])):
            with open(result_file(j["name"]), encoding="utf-8") as f:
                done = json.load(f)
            results = done["results"]
            failed += differing(j, {t: said for t, said in done["seen"].items() if results.get(t)}, seen) if j.get("same") else []
        passed += sum(results.get(t, False) for t in j["tests"])
        bad = [f"{j['name']}: {t}" for t in j["tests"] if not results.get(t)]
        if bad:
            print(f"\n--- {j['name']}", *failures(j), sep="\n")
        failed += bad
    for f in failed:
        print("FAILED", f)
    print(f"{passed} passed, {len(failed)} failed ({time.monotonic() - start:.0f} s)")
    return 1 if failed or not passed else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--set", choices=SETS, default="test")
    p.add_argument("--only")
    p.add_argument("--list", action="store_true")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--job")
    args = p.parse_args()
    if args.job:
        return run_job(args.job)
    jobs = all_jobs("all" if args.only and args.set == "test" else args.set, args.only)
    if args.list:
        for j in jobs:
            print(j["name"] + ":", *j["tests"])
        return 0
    if not jobs:
        sys.exit(f"no test matches {args.only!r}; tools/tests/run-tests.py --list --set all shows them")
    return run_all(jobs, args.jobs)


if __name__ == "__main__":
    sys.exit(main())
