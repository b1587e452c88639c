"""What each child does to itself before the candidate's first line: its own files, then no way back.

In order: a user and mount namespace of its own with a fresh /tmp and a copy-on-write layer over the project; limits;
Landlock; no capabilities; the system-call filter. Which of these apply is the backend's plan:

    overlay     the layer and the fresh /tmp; what a run writes is gone with it. Where the project stands, read-only,
                for the layer to lie on: over its own place lie its environments, mounts that the kernel has locked
    rebound     folders below /tmp or below the project that must be shown again on top of these
    landlock    {"read": [...], "write": [...]}, and `shared`: the machine's own network is in sight
    filter      the system-call filter

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from typing import Any, Dict, List, Optional

kernel: Any = sys.modules["_darner_child_kernel"]  # loaded before by child.py: this file has no import path
limiting: Any = sys.modules["_darner_child_limits"]
landlock: Any = sys.modules["_darner_child_landlock"]
seccomp: Any = sys.modules["_darner_child_seccomp"]

_MOST_CHANGES = 2000
_LAYER = "mode=0755,size=%d,nr_inodes=20000"


class Jail:
    """Made once by the fork server; `confine` runs in every child."""

    def __init__(self, plan: Dict[str, Any], root: str) -> None:
        self._plan = plan
        self._root = root
        self.landlock_abi = landlock.abi() if plan.get("landlock") else 0
        self._code = b""
        self.layered = bool(plan.get("overlay"))
        """Runs leave the project's files as they were."""
        self.weighed: List[str] = plan.get("weighed", [])
        """Folders that a run may fill and the kernel does not bound."""
        if plan.get("filter"):
            self._code = seccomp.program(kernel.machine(), plan.get("shared", False), self.landlock_abi)

    def confine_server(self) -> None:
        """What the server itself may touch, where no namespace hides the rest."""
        if self._plan.get("shared"):
            kernel.drop_capabilities()  # root's would see through Landlock: /proc/PID/environ of others
            kernel.no_new_privileges()
            self._landlock(scoped=False)

    def confine(self, limits: Dict[str, Any], busy_processes: Optional[int], hand_over: socket.socket) -> None:
        """Never to be undone. On `hand_over` the layer's folder goes to the server. Raises OSError."""
        layered = self.layered
        with hand_over:
            if layered:
                layer = self._cover()
                socket.send_fds(hand_over, [b"l"], [layer])
                os.close(layer)
                os.chdir(self._root)
        limiting.limit_all(limits, 0 if layered else busy_processes)
        if self._code:
            kernel.no_new_privileges()
        if self.landlock_abi:
            self._landlock(scoped=True)
        if layered:
            kernel.drop_capabilities()
        if self._code:
            blind = self._plan.get("shared") and self.landlock_abi < 6
            again = seccomp.program(kernel.machine(), True, self.landlock_abi, os.getpid()) if blind else self._code
            seccomp.install(again, kernel.machine(), kernel.syscall)

    def tidy(self) -> None:
        """Between runs, where they share a folder for temporary files: empty it."""
        shared: str = self._plan.get("tidied", "")
        for name in os.listdir(shared) if shared else ():
            path = os.path.join(shared, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    def _landlock(self, scoped: bool) -> None:
        allowed, shared = self._plan["landlock"], self._plan.get("shared", False)
        landlock.restrict(allowed["read"], allowed["write"], self.landlock_abi, scoped, shared)

    def _cover(self) -> int:
        """A layer in memory over the project, and an empty /tmp; the layer's own folder, open, is what comes back."""
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(kernel.NEWUSER | kernel.NEWNS)
        kernel.map_only(uid, gid)
        below = os.open(self._plan["overlay"], os.O_PATH | os.O_CLOEXEC)
        again = [(os.open(path, os.O_PATH | os.O_CLOEXEC), path) for path in self._plan["rebound"]]
        flags = kernel.NOSUID | kernel.NODEV
        kernel.mount("tmpfs", "/tmp", "tmpfs", flags, _LAYER % self._plan["layer_bytes"])
        os.mkdir("/tmp/upper")
        os.mkdir("/tmp/work")
        layer = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        kernel.mount("tmpfs", "/tmp", "tmpfs", flags, self._plan["tmp"])
        os.mkdir("/tmp/home")
        kernel.mount("tmpfs", "/dev/shm", "tmpfs", flags | kernel.NOEXEC, "mode=1777,size=64m,nr_inodes=4096")
        os.makedirs(self._root, exist_ok=True)
        parts = "userxattr,lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d/upper,workdir=/proc/self/fd/%d/work"
        kernel.mount("overlay", self._root, "overlay", flags, parts % (below, layer, layer))
        for place, path in again:
            os.makedirs(path, exist_ok=True)
            kernel.mount("/proc/self/fd/%d" % place, path, "", kernel.BIND | kernel.RECURSIVE)
            os.close(place)
        os.close(below)
        return layer


def changes_behind(handed: socket.socket) -> List[str]:
    """What the child that handed its layer over wrote, replaced or removed in it: project paths, at most 2,000."""
    handed.setblocking(False)
    try:
        _, layers, _, _ = socket.recv_fds(handed, 1, 1)
    except OSError:
        return []
    found: List[str] = []
    for layer in layers:
        try:
            top = os.open("upper", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=layer)
        except OSError:
            continue
        finally:
            os.close(layer)
        found += _files_below(top)
    return found


def _files_below(top: int) -> List[str]:
    """Follows no link: the names were made by a candidate."""
    found: List[str] = []
    try:
        for folder, _, files, _ in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            found += [os.path.normpath(os.path.join(folder, name)) for name in files]
            if len(found) >= _MOST_CHANGES:
                break
    finally:
        os.close(top)
    return found[:_MOST_CHANGES]
