# SPDX-License-Identifier: MIT
"""What this host has to give: memory, KVM, processes that die with us."""
import ctypes
import os
import shutil
import signal
import subprocess

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
HOST_RESERVE = 1 << 30  # what the host keeps for itself and the emulator


class Refused(Exception):
    """One line for the user: what cannot be done, and why."""


def size(text):
    """'512M', '32G', '64' (MB, as QEMU reads it) -> bytes"""
    text = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = UNITS.get(text[-1:], None)
    try:
        n = float(text[:-1] if unit else text) * (unit or UNITS["M"])
    except ValueError:
        raise Refused(f"'{text}' is not a size (64M, 4G, ...)") from None
    if n < 1:
        raise Refused(f"'{text}' is not a size (64M, 4G, ...)")
    return int(n)


def memory_to_give():
    try:
        with open("/proc/meminfo", encoding="ascii") as f:
            fields = dict(line.split(":") for line in f)
        total = int(fields["MemAvailable"].split()[0]) * 1024 + int(fields["SwapFree"].split()[0]) * 1024
    except (OSError, KeyError):
        return None
    return max(total - HOST_RESERVE, 64 << 20)


def need(tool, package):
    path = shutil.which(tool)
    if not path:
        raise Refused(f"{tool} is missing (Debian package {package}): apt-get install {package}")
    return path


def kvm_works(qemu):
    """By the CPU's flag, the device, and a trial: /dev/kvm may be there without being usable."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            flags = next((line.split() for line in f if line.startswith("flags")), [])
    except OSError:
        return False
    if not {"vmx", "svm"} & set(flags) or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    try:
        trial = subprocess.run([qemu, "-accel", "kvm", "-display", "none", "-nodefaults", "-S", "-monitor", "stdio"], input=b"quit\n",
                               capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return trial.returncode == 0


def start(command, own_group, **kwargs):
    """A process that the kernel kills when we die, however we die. own_group: out of reach of the terminal's Ctrl-C."""
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def before_exec():
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(command, preexec_fn=before_exec, start_new_session=own_group, **kwargs)
