#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: set=test time=200
"""ext2 images between Linux's tools and Isthmus, both ways; refusals; damage; root=."""
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.dirname(TESTS)]
import cpio  # noqa: E402
import hostlinux  # noqa: E402
from tap import done, ok  # noqa: E402

RUN = [os.environ["RUN"], "-m", "256M", "--timeout", "60"]
BUILD = os.environ["BUILD"]
ENV = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")


def tool(*args):
    return subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=ENV)


def mke2fs(path, size, *options):
    with open(path, "wb") as f:
        f.truncate(size)
    r = tool("mke2fs", "-q", "-F", *options, path)
    if r.returncode:
        raise SystemExit(r.stdout.decode())
    return path


def guest(disks, script, data=b"", more=()):
    words = [w for d in disks for w in ("--disk", d)]
    return subprocess.run([*RUN, *words, *more, "--", "sh", "-c", script], input=data, capture_output=True, check=False)


def clean(path):
    """=> None, or what e2fsck finds"""
    r = tool("e2fsck", "-fn", path)
    return r.stdout if r.returncode or b"clean" not in tool("dumpe2fs", "-h", path).stdout else None


def make_tree(top):
    """Files around each border of an inode's block map, holes, links of all kinds, many names."""
    os.makedirs(f"{top}/dir/sub/deep")
    for size in (0, 1, 1023, 12 * 1024, 12 * 1024 + 1, 268 * 1024, 300000, 5000000):
        with open(f"{top}/size{size}", "wb") as f:
            f.write((b"%08d" % size) * (size // 8) + b"x" * (size % 8))
    with open(f"{top}/sparse", "wb") as f:
        f.seek(70 << 20)
        f.write(b"the end")
    for n in range(300):
        with open(f"{top}/dir/a_name_of_some_length_{n}", "wb") as f:
            f.write(b"%d\n" % n)
    os.symlink("size1", f"{top}/short")
    os.symlink("x/" * 100, f"{top}/long")
    os.link(f"{top}/size1023", f"{top}/dir/hard")
    os.mkfifo(f"{top}/dir/fifo")
    os.chmod(f"{top}/size1", 0o751)
    os.chown(f"{top}/size0", 70000, 80000)
    os.utime(f"{top}/size1", (1000000000, 1100000000))


def describe(top):
    """=> {path: what counts}"""
    out = {}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            what = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid]
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    what += [st.st_size, f.read()]
            elif stat.S_ISLNK(st.st_mode):
                what = [what[0], os.readlink(path)]
            out[os.path.relpath(path, top)] = what
    out.pop("lost+found", None)
    return out


def difference(want, got):
    for path in sorted(set(want) | set(got)):
        if want.get(path) != got.get(path):
            return f"{path}: {str(want.get(path))[:300]} became {str(got.get(path))[:300]}"
    return None


def both_ways(tmp, tree, block):
    """mke2fs -d makes one, cp -a copies it here to another, debugfs reads that one out."""
    made = mke2fs(f"{tmp}/made{block}", 24 << 20, "-t", "ext2", "-b", str(block), "-d", tree)
    copy = mke2fs(f"{tmp}/copy{block}", 96 << 20, "-t", "ext2", "-b", str(block))
    r = guest([made, copy], "mkdir /m /n && mount -t ext2 -o ro /dev/vda /m && mount -t ext2 /dev/vdb /n && cp -a /m/. /n/ && umount /m /n")
    back = f"{tmp}/dump{block}"
    os.mkdir(back)
    tool("debugfs", "-R", f"rdump / {back}", copy)
    want, got = describe(tree), describe(back)
    for d in (want, got):
        d.pop("dir/fifo", None)  # debugfs leaves it out
    wrong = clean(made) or clean(copy) or difference(want, got)
    ok(not r.returncode and not wrong, f"{block}-byte blocks: what mke2fs made is read, and what is written is read by debugfs; e2fsck agrees", wrong or r.stderr)
    shutil.rmtree(back)


def refusals(tmp):
    mount = "mkdir /m; mount -t ext2 /dev/vda /m && echo writable; mount -t ext2 -o ro /dev/vda /m && echo readable; dmesg | grep ext2"
    r = guest([mke2fs(f"{tmp}/ext4", 8 << 20, "-t", "ext4")], mount)
    ok(b"able" not in r.stdout and re.search(rb"ext2 vda: not mounted: .*extent", r.stdout), "an ext4 is refused, and its features named", r.stdout)
    r = guest([mke2fs(f"{tmp}/huge", 8 << 20, "-t", "ext2", "-O", "huge_file,dir_nlink")], mount)
    ok(b"writable" not in r.stdout and b"readable\n" in r.stdout and b"read-only: it has features that this kernel does not know: huge_file dir_nlink" in r.stdout,
       "unknown ro_compat features: only to be read", r.stdout)
    path = f"{tmp}/nothing"
    with open(path, "wb") as f:
        f.truncate(1 << 20)
    r = guest([path], mount)
    ok(b"able" not in r.stdout and b"no ext2 here" in r.stdout, "zeroes are no ext2", r.stdout)
    path = mke2fs(f"{tmp}/cut", 8 << 20, "-t", "ext2")
    os.truncate(path, 4 << 20)
    r = guest([path], mount)
    ok(b"able" not in r.stdout and b"smaller than the file system" in r.stdout, "a device that is too small", r.stdout)


def damage(tmp, tree):
    """A directory of garbage, an impossible block number: EIO and a line; what is sound stays usable."""
    path = mke2fs(f"{tmp}/bad", 24 << 20, "-t", "ext2", "-b", "1024", "-d", tree)
    block = int(tool("debugfs", "-R", "bmap dir 3", path).stdout.split()[-1])
    with open(path, "r+b") as f:
        f.seek(block * 1024 + 4)
        f.write(b"\x03\x00")
    tool("debugfs", "-w", "-R", "set_inode_field size300000 block[IND] 99999999", path)
    tool("debugfs", "-w", "-R", "set_inode_field size12289 block[IND] 20", path)  # the inode table
    r = guest([path], "mkdir /m; mount -t ext2 -o errors=remount-ro /dev/vda /m; cat /m/size12288 | wc -c; ls /m/dir >/dev/null; "
              "cat /m/size300000 >/dev/null; rm /m/size12289; touch /m/x; umount /m; dmesg | grep ext2")
    out = r.stdout + r.stderr
    ok(b"12288\n" in r.stdout and b"Input/output error" in out, "damage is EIO, the rest is read", out)
    ok(re.search(rb"ext2 vda: inode \d+: block %d: .*impossible entry length" % block, r.stdout) and b"block 99999999:" in r.stdout,
       "the lines name device, inode and block", out)
    ok(b"read-only from now on" in r.stdout and b"x: Read-only file system" in r.stderr, "errors=remount-ro", out)
    state = tool("dumpe2fs", "-h", path).stdout
    ok(b"with errors" in state and b"FS Error count" in state, "the super block remembers it", state)
    ok(tool("e2fsck", "-fy", path).returncode & ~3 == 0 and not clean(path), "e2fsck repairs it")


def panic_is_the_mounter_s_wish(tmp, tree):
    """The super block of an image that somebody made must not stop the machine."""
    path = mke2fs(f"{tmp}/panic", 8 << 20, "-t", "ext2", "-b", "1024", "-e", "panic", "-d", f"{tree}/dir")
    tool("debugfs", "-w", "-R", "set_inode_field sub block[0] 99999999", path)
    look = "mkdir /m; mount -t ext2 {}/dev/vda /m; ls /m/sub; touch /m/x; dmesg | grep ext2; echo alive"
    r = guest([path], look.format(""))
    ok(b"read-only from now on" in r.stdout and b"x: Read-only file system" in r.stderr and b"alive" in r.stdout,
       "a super block that asks for a panic gets read-only", r.stdout + r.stderr)
    tool("e2fsck", "-fy", path)
    tool("debugfs", "-w", "-R", "set_inode_field a_name_of_some_length_1 block[0] 99999999", path)
    r = guest([path], look.format("-o errors=panic ").replace("ls /m/sub", "cat /m/a*_1"))
    ok(r.returncode == 125 and b"mounted with errors=panic" in r.stderr, "the mount option panics", r.stdout + r.stderr)


def unclean(tmp):
    path = mke2fs(f"{tmp}/unclean", 8 << 20, "-t", "ext2")
    guest([path], "mkdir /m; mount -t ext2 /dev/vda /m; echo x > /m/x; sync; echo c > /proc/sysrq-trigger; sleep 9")
    state = tool("dumpe2fs", "-h", path).stdout
    r = guest([path], "mkdir /m; mount -t ext2 /dev/vda /m; cat /m/x; dmesg | grep ext2")
    ok(b"not clean" in state and b"was not unmounted" in r.stdout and r.stdout.startswith(b"x\n"), "a panic leaves it \"not clean\", and the next mount says so",
       state + r.stdout)


def real_root(tmp):
    top = f"{tmp}/root"
    os.mkdir(top)
    with open(f"{BUILD}/initramfs.cpio", "rb") as f:
        hostlinux.unpack(cpio.read(f.read()), top)
    path = mke2fs(f"{tmp}/root.img", 48 << 20, "-t", "ext2", "-d", top)
    r = guest([path], "stat -f -c %T / && echo hello > /etc/written && cat /proc/mounts", more=["-a", "root=/dev/vda"])
    ok(r.returncode == 0 and b"/dev/vda / ext2 rw" in r.stdout and b"initramfs" not in r.stdout, "root=/dev/vda: the command runs in it", r.stdout + r.stderr)
    ok(not clean(path) and tool("debugfs", "-R", "cat /etc/written", path).stdout.endswith(b"hello\n"), "and leaves it clean", clean(path))
    r = guest([path], "touch /x; cat /proc/mounts", more=["-a", "root=/dev/vda ro"])
    ok(b"/dev/vda / ext2 ro" in r.stdout and b"Read-only" in r.stderr, "root=/dev/vda ro", r.stdout + r.stderr)
    r = guest([path], "cat /proc/mounts", more=["-a", "root=/dev/vdb"])
    ok(r.returncode == 0 and b"ext2" not in r.stdout, "a root that is not there: the initramfs goes on", r.stdout + r.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="ext2.") as tmp:
        tree = f"{tmp}/tree"
        make_tree(tree)
        for block in (1024, 2048, 4096):
            both_ways(tmp, tree, block)
        refusals(tmp)
        damage(tmp, tree)
        panic_is_the_mounter_s_wish(tmp, tree)
        unclean(tmp)
        real_root(tmp)
    return done()


if __name__ == "__main__":
    sys.exit(main())
