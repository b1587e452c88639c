"""Linux calls that Python has no name for: namespaces, mounts, capabilities. Every refusal is an OSError with the step.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Any

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
NOSUID, NODEV, NOEXEC, REMOUNT, BIND, RECURSIVE, PRIVATE, READ_ONLY = 2, 4, 8, 32, 4096, 16384, 1 << 18, 1
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER, _PR_SET_NAME = 4, 38, 36, 15
_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
_MNT_DETACH, _AT_FDCWD, _AT_RECURSIVE, _AT_EMPTY_PATH = 2, -100, 0x8000, 0x1000
_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_VERSION_3 = 0x20080522

_libc: Any = ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    """The name the tables of numbers use: `x86_64`, `aarch64`, or what the kernel calls this one."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def checked(step: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (step, os.strerror(number)))
    return result


def syscall(step: str, number: int, *arguments: Any) -> int:
    """Whole numbers and ctypes values only; an int is passed as the full machine word."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(step, _libc.syscall(ctypes.c_long(number), *words))


def prctl(step: str, option: int, value: int, third: int = 0) -> int:
    words = (ctypes.c_ulong(value), ctypes.c_ulong(third), ctypes.c_ulong(0), ctypes.c_ulong(0))
    return checked(step, _libc.prctl(ctypes.c_int(option), *words))


def unshare(flags: int) -> None:
    checked("new namespaces", _libc.unshare(ctypes.c_int(flags)))


def map_only(uid: int, gid: int) -> None:
    """In a new user namespace: we are who we were, and nobody else exists."""
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid))):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    words = [os.fsencode(text) or None for text in (source, target, kind)]
    done = _libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(options) or None)
    checked("mount %s on %s" % (kind or source, target), done)


def bind(source: str, target: str, read_only: bool) -> None:
    """`source` with all that is mounted below it; neither set-user-id programs nor devices work there."""
    mount(source, target, "", BIND | RECURSIVE)
    wanted = NOSUID | NODEV | (READ_ONLY if read_only else 0)
    attributes = struct.pack("=QQQQ", wanted, 0, 0, 0)  # MOUNT_ATTR_* of these three have the numbers of MS_*
    place = ctypes.c_char_p(os.fsencode(target))
    try:
        syscall("restrict " + target, _MOUNT_SETATTR, _AT_FDCWD, place, _AT_RECURSIVE, attributes, len(attributes))
    except OSError:  # before Linux 5.12: the mount itself only, keeping the flags that are locked
        kept = os.statvfs(target).f_flag & (NOSUID | NODEV | NOEXEC | READ_ONLY | 1024 | 2048 | 4096)
        ms_kept = kept & 15 | (kept & 1024) | (kept & 2048) | ((kept & 4096) << 9)
        mount("", target, "", REMOUNT | BIND | wanted | ms_kept)


def change_root(folder: str) -> None:
    """`folder` becomes `/`; what was there before is gone for good."""
    os.chdir(folder)
    here = ctypes.c_char_p(b".")
    syscall("pivot_root", _PIVOT_ROOT[machine()], here, here)
    checked("leave the old root", _libc.umount2(b".", ctypes.c_int(_MNT_DETACH)))
    os.chdir("/")


def drop_capabilities() -> None:
    """For ever: not in the bounding set, so that no program started later gains one either."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)  # refused where none is held: nothing lost
    _libc.prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    checked("drop capabilities", _libc.capset(header, b"\0" * 24))


def no_new_privileges() -> None:
    prctl("no new privileges", _PR_SET_NO_NEW_PRIVS, 1)


def dumpable(yes: bool) -> None:
    """When not, others of the same user cannot read our memory or environment. Linux only; elsewhere nothing."""
    if hasattr(_libc, "prctl"):
        prctl("dumpable", _PR_SET_DUMPABLE, int(yes))


def name_process(name: str) -> None:
    if hasattr(_libc, "prctl"):
        checked("name", _libc.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()), 0, 0, 0))


def adopt_orphans() -> None:
    if hasattr(_libc, "prctl"):
        prctl("adopt orphans", _PR_SET_CHILD_SUBREAPER, 1)
