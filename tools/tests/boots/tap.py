# SPDX-License-Identifier: MIT
"""What the scripts of this folder say, in TAP: ok() for each check, `sys.exit(done())` at the end. A module, not a job: it has no line of keys."""

count = bad = 0


def ok(good, text, note=None, last=70):
    """One check; when it failed, the last lines of the note tell why => whether it held"""
    global count, bad
    count += 1
    bad += not good
    print(f"{'' if good else 'not '}ok {count} - {text}", flush=True)
    if not good and note is not None:
        for line in (note.decode(errors="replace") if isinstance(note, bytes) else str(note)).splitlines()[-last:]:
            print("# " + line, flush=True)
    return bool(good)


def done():
    """The plan => the status to leave with"""
    print(f"1..{count}", flush=True)
    return int(bad != 0)
