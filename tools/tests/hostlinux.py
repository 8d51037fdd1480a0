# SPDX-License-Identifier: MIT
"""This host's Linux as the reference: commands run in a throw-away root with namespaces of their own and without the rights
to touch the host (clock, modules, reboot, devices), so that a test may do as root there what it does in the guest."""
import contextlib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import cpio  # noqa: E402

KEPT_FROM_IT = "-sys_time,-sys_boot,-sys_module,-sys_rawio,-syslog,-sys_admin,-sys_ptrace,-linux_immutable,-audit_control"


def available():
    """Root, and namespaces that work."""
    if os.getuid() != 0:
        return False
    trial = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net", "setpriv",
                            "--bounding-set", KEPT_FROM_IT, "true"], capture_output=True, check=False)
    return trial.returncode == 0


def not_nice():
    """What programs say of their priority is the same as in the guest, whatever we run at."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)


def unpack(archive, to):
    for name, (mode, uid, gid, data, rdev) in archive.entries.items():
        path = os.path.join(to, name)
        kind = mode & 0o170000
        if kind == 0o040000:
            os.makedirs(path, exist_ok=True)
        elif kind == 0o120000:
            os.symlink(data, path)
            continue
        elif kind == 0o020000:
            os.mknod(path, mode, os.makedev(*rdev))
        else:
            with open(path, "wb") as f:
                f.write(data)
        os.chown(path, uid, gid)
        os.chmod(path, mode & 0o7777)


def run(script, initramfs, additions=(), seconds=60, tree=None):
    """The shell script as root in the guest's root file system with (HOST, GUEST) files added => output with errors, or None.

    tree: a folder with another root (tools/rootimage), of which the script gets a copy; devices come from the initramfs.
    """
    with tempfile.TemporaryDirectory() as tmp:
        root = f"{tmp}/root"
        try:
            with open(initramfs, "rb") as f:
                archive = cpio.read(f.read())
            if tree:
                subprocess.run(["cp", "-a", tree, root], check=True)
                archive.entries = {name: entry for name, entry in archive.entries.items() if name.startswith("dev/")}
            else:
                os.makedirs(root)
            for host, guest in additions:
                archive.add_host(host, guest)
            archive.add_data("script", script.encode(), 0o755)
            unpack(archive, root)
        except OSError:
            return None
        inner = (f"mount -t proc proc {root}/proc && mount -t tmpfs -o mode=1777 tmpfs {root}/tmp && "
                 f"{{ mount -t devpts -o newinstance,ptmxmode=666,gid=5 devpts {root}/dev/pts && ln -sf pts/ptmx {root}/dev/ptmx; }} && "
                 f"ln -s /proc/self/fd {root}/dev/fd; hostname isthmus; "
                 f"exec setpriv --bounding-set {KEPT_FROM_IT} chroot {root} /bin/busybox setsid /bin/sh /script")
        with open(f"{tmp}/output", "w+b") as out:
            try:
                subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net", "sh", "-c", inner],
                               stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=seconds, check=False,
                               preexec_fn=not_nice)
            except subprocess.TimeoutExpired:
                pass
            out.seek(0)
            return out.read()
