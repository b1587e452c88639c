"""The outer jail of the namespaces tier: the fork server moves into its own view of the machine first of all.

    starter ──fork──▶ process 1 of its own user, pid, mount, network, IPC and host-name namespaces

Only what the plan lists is in sight, at its own path. The starter waits outside and takes process 1 down when the other
end of the socket is gone; with process 1 the kernel ends everything inside.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import struct
import sys
from typing import Any, Dict

kernel: Any = sys.modules["_darner_child_kernel"]  # loaded before by child.py: this file has no import path

_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
          ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"))  # fmt: skip
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def enter(plan: Dict[str, Any], sock: int) -> None:
    """Returns inside, as process 1 and without any capability; never returns in the starter. Raises OSError."""
    spaces = kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS
    uid, gid = os.geteuid(), os.getegid()
    try:
        kernel.unshare(spaces)
        owner = plan["uid"]
    except PermissionError:
        kernel.unshare(spaces | kernel.NEWUSER)
        kernel.map_only(uid, gid)
        owner = None
    pid = os.fork()
    if pid:
        _wait_outside(pid, sock)
    _furnish(plan)
    kernel.change_root(plan["stage"])
    _loopback_up()
    socket.sethostname("sandbox")
    if owner is not None:
        os.setgroups([])
        os.setresgid(owner, owner, owner)
        os.setresuid(owner, owner, owner)
    kernel.drop_capabilities()
    kernel.no_new_privileges()


def _wait_outside(pid: int, sock: int) -> None:
    """Ends with process 1, or ends it when nobody is left at the other end of the socket."""
    watched = select.poll()
    watched.register(sock, 0)  # the end of the other side is told without asking; bytes are not ours to read
    while True:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in watched.poll(200)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            watched.unregister(sock)


def _furnish(plan: Dict[str, Any]) -> None:
    stage: str = plan["stage"]
    kernel.mount("", "/", "", kernel.RECURSIVE | kernel.PRIVATE)
    kernel.mount("tmpfs", stage, "tmpfs", kernel.NOSUID | kernel.NODEV, "mode=0755,size=1m")
    for text, link in plan["links"]:
        os.symlink(text, stage + link)
    for folder in ("/proc", "/dev", "/tmp"):
        os.mkdir(stage + folder)
    flags = kernel.NOSUID | kernel.NODEV
    kernel.mount("proc", stage + "/proc", "proc", flags | kernel.NOEXEC)
    _devices(stage + "/dev")
    kernel.mount("tmpfs", stage + "/tmp", "tmpfs", flags, plan["tmp"])
    os.mkdir(stage + "/tmp/home", 0o1777)
    os.chmod(stage + "/tmp/home", 0o1777)
    for source, target in plan["shown"]:
        _show(source, stage + target, True)
    _show(plan["tree"], stage + plan["below"], True)  # without the environments, which no layer can be laid over
    _show(plan["tree"], stage + plan["root"], False)
    for source, target in plan["kept"]:
        _show(source, stage + target, True)


def _show(source: str, target: str, read_only: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    kernel.bind(source, target, read_only)


def _devices(folder: str) -> None:
    kernel.mount("tmpfs", folder, "tmpfs", kernel.NOSUID, "mode=0755,size=64k")
    for name in _DEVICES:
        os.close(os.open(folder + "/" + name, os.O_CREAT | os.O_WRONLY, 0o666))
        kernel.mount("/dev/" + name, folder + "/" + name, "", kernel.BIND)
    for name, text in _LINKS:
        os.symlink(text, folder + "/" + name)
    os.mkdir(folder + "/pts")
    kernel.mount("devpts", folder + "/pts", "devpts", kernel.NOSUID | kernel.NOEXEC, "newinstance,ptmxmode=0666")
    os.mkdir(folder + "/shm")
    shared = kernel.NOSUID | kernel.NODEV | kernel.NOEXEC
    kernel.mount("tmpfs", folder + "/shm", "tmpfs", shared, "mode=1777,size=64m,nr_inodes=4096")


def _loopback_up() -> None:
    """Tests may talk to servers of their own; there is nobody else on this network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(asking, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(asking, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
