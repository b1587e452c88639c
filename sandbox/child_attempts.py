"""The self-test's hostile candidate: each attempt says whether the sandbox held. Nothing is done that would last.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import errno
import mmap
import os
import resource
import signal
import socket
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

kernel: Any = sys.modules["_darner_child_kernel"]  # loaded before by child.py: this file has no import path

_PRLIMIT = {"x86_64": 302, "aarch64": 261}
_CHUNK = 1 << 20
_SPOILING = ("disk", "pids")
"""Each in a run of its own, which may be ended from outside because of it."""
_LEFT = "darner-leaves"


def tried(request: Dict[str, Any]) -> Iterator[Tuple[str, bool]]:
    """Names and whether each was held. The request has the canaries' places (`aims`) and `only` one name, or none.

    `daemon` looks for what an earlier run has left behind.
    """
    aims, limits, only = request["aims"], request["limits"], request["only"]
    if only == "daemon":
        yield only, _LEFT not in _names()
        return
    attempts: List[Tuple[str, Callable[[], bool]]] = [
        ("fs_read", lambda: not _works(lambda: open(aims["file"], "rb").close())),
        ("fs_write", lambda: not _writes(aims["folder"])),
        ("net_tcp", lambda: not _works(lambda: _connect(socket.AF_INET, tuple(aims["tcp"])))),
        ("net_udp", lambda: not _works(lambda: _send(tuple(aims["udp"])))),
        ("unix_abstract", lambda: not _works(lambda: _connect(socket.AF_UNIX, "\\0" + aims["abstract"]))),
        ("env", lambda: not _sees(aims["secret"])),
        ("kill", lambda: _others_are_safe(aims["process"])),
        ("disk", lambda: _full(aims["own"], aims["disk_bytes"])),
        ("mem", lambda: _memory_ends(limits["memory_bytes"])),
        ("pids", lambda: _forks(limits["processes"] + 8) <= limits["processes"]),
    ]
    for name, attempt in attempts:
        if name == only or (not only and name not in _SPOILING):
            yield name, attempt()
    if not only:
        _leave_a_daemon()


def _works(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _writes(folder: str) -> bool:
    path = os.path.join(folder, "written-by-the-self-test")
    if not _works(lambda: open(path, "wb").close()):
        return False
    reached = os.path.exists(os.path.join(folder, "canary"))  # else it is a folder of our own with the same name
    os.unlink(path)
    return reached


def _connect(family: int, address: Any) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(1.0)
        sock.connect(address)


def _send(address: Any) -> None:
    """A datagram is sent blindly: an answer, or the refusal that a closed port gives, would show the way is open."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect(address)
        sock.send(b"darner")
        sock.recv(16)


def _sees(secret: str) -> bool:
    if secret in "".join(os.environ.values()):
        return True
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            with open("/proc/%s/environ" % name, "rb") as file:
                if secret.encode() in file.read():
                    return True
        except OSError:
            continue
    return False


def _others_are_safe(process: int) -> bool:
    """Our server, neither traced nor limited nor signalled, and a process of the starter, not signalled."""
    server = os.getppid()
    reached = _works(lambda: open("/proc/%d/mem" % server, "r+b").close())
    numbers = (_PRLIMIT.get(kernel.machine()), resource.RLIMIT_NICE if hasattr(resource, "RLIMIT_NICE") else 13)
    if numbers[0] is not None:
        reached |= _works(lambda: kernel.syscall("prlimit", numbers[0], server, numbers[1], 0, 0))
    reached |= _works(lambda: os.kill(process, signal.SIGCONT))
    if server > 1:  # from inside its own namespace a process 1 ends by no signal
        reached |= _works(lambda: os.kill(server, 0))
    return not reached


def _full(folder: str, most: int) -> bool:
    """Many files, so that the limit of one file is not what stops it."""
    written, chunk = 0, b"x" * _CHUNK
    paths: List[str] = []
    try:
        while written <= most:
            paths.append(os.path.join(folder, "fill-%d" % len(paths)))
            with open(paths[-1], "wb") as file:
                for _ in range(8):
                    written += file.write(chunk)
        time.sleep(0.4)  # for those who weigh from outside
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    finally:
        for path in paths:
            if os.path.exists(path):
                os.unlink(path)
    return False


def _memory_ends(most: int) -> bool:
    try:
        mmap.mmap(-1, most + _CHUNK).close()
    except (OSError, ValueError, MemoryError):
        return True
    return False


def _leave_a_daemon() -> None:
    """A process that left its family, to be looked for in the next run."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            kernel.name_process(_LEFT)
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            while True:
                signal.pause()
        os._exit(0)
    os.waitpid(pid, 0)


def _names() -> List[str]:
    found: List[str] = []
    for process in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            with open("/proc/%s/comm" % process) as file:
                found.append(file.read().strip())
        except OSError:
            continue
    return found


def _forks(most: int) -> int:
    """How many processes there may be at once, this one and the daemon included."""
    alive: List[int] = []
    try:
        while len(alive) < most:
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            alive.append(pid)
    except OSError:
        pass
    if len(alive) == most:
        time.sleep(0.3)  # for those who count from outside
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return len(alive)
