# SPDX-License-Identifier: MIT
"""newc cpio archives, written without root: owners, modes and device nodes exist only in the archive.

The same input gives the same bytes: entries in the order added, time 0, inode numbers counted.
"""
import os
import stat

MAGIC = b"070701"
TRAILER = b"TRAILER!!!"


class Archive:
    """add_* put entries in; parents are made on the way; a later entry of the same name replaces the earlier."""

    def __init__(self):
        self.entries = {}

    def _put(self, name, mode, uid=0, gid=0, data=b"", rdev=(0, 0)):
        name = name.strip("/")
        parent = os.path.dirname(name)
        if parent and parent not in self.entries:
            self.add_dir(parent)
        self.entries[name] = (mode, uid, gid, data, rdev)

    def add_dir(self, name, mode=0o755, uid=0, gid=0):
        self._put(name, stat.S_IFDIR | mode, uid, gid)

    def add_data(self, name, data, mode=0o644, uid=0, gid=0):
        self._put(name, stat.S_IFREG | mode, uid, gid, data)

    def add_link(self, name, target):
        self._put(name, stat.S_IFLNK | 0o777, data=os.fsencode(target))

    def add_node(self, name, kind, major, minor, mode=0o600, gid=0):
        self._put(name, (stat.S_IFCHR if kind == "c" else stat.S_IFBLK) | mode, gid=gid, rdev=(major, minor))

    def add_host(self, path, name):
        """A file, link or folder of the host; owners become root."""
        st = os.lstat(path)
        if stat.S_ISLNK(st.st_mode):
            self.add_link(name, os.readlink(path))
        elif stat.S_ISDIR(st.st_mode):
            if name.strip("/"):
                self.add_dir(name, stat.S_IMODE(st.st_mode))
            for child in sorted(os.listdir(path)):
                self.add_host(os.path.join(path, child), os.path.join(name, child))
        elif stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                self.add_data(name, f.read(), stat.S_IMODE(st.st_mode))
        else:
            raise ValueError(f"{path}: neither file, link nor folder")

    def data(self):
        out = [_entry(ino, name.encode("utf-8", "surrogateescape"), *entry)
               for ino, (name, entry) in enumerate(self.entries.items(), 1)]
        out.append(_entry(0, TRAILER, 0, 0, 0, b"", (0, 0)))
        blob = b"".join(out)
        return blob + b"\0" * (-len(blob) % 512)


def _entry(ino, name, mode, uid, gid, data, rdev):
    nlink = 2 if stat.S_ISDIR(mode) else 1
    fields = (ino, mode, uid, gid, nlink, 0, len(data), 0, 0, rdev[0], rdev[1], len(name) + 1, 0)
    head = MAGIC + b"".join(b"%08X" % f for f in fields) + name + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def read(blob):
    """newc bytes -> Archive (concatenated archives too); ValueError on anything else."""
    archive, pos = Archive(), 0
    while pos < len(blob):
        if blob[pos] == 0:
            pos += 4
            continue
        if blob[pos:pos + 6] != MAGIC:
            raise ValueError(f"not a newc archive at byte {pos}")
        f = [int(blob[pos + 6 + 8 * i:pos + 14 + 8 * i], 16) for i in range(13)]
        name_at = pos + 110
        name = blob[name_at:name_at + f[11] - 1]
        data_at = (name_at + f[11] + 3) & ~3
        pos = (data_at + f[6] + 3) & ~3
        if name != TRAILER:
            archive.entries[name.decode("utf-8", "surrogateescape")] = (
                f[1], f[2], f[3], blob[data_at:data_at + f[6]], (f[9], f[10]))
    return archive
