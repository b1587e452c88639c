"""Tries, from inside a container, what a candidate must not be able to do; prints what held as one JSON object.

Standard library only, Python 3.9 to 3.14; run alone, as the container's first process. The argument is a JSON object:
`canary` (a file outside), `tcp` (a port outside), `abstract` (the name of a unix socket outside), `environment` (the
names that may be there), `processes` and `tmp_bytes` (limits), `memory_bytes` (limit), `tree` (the folder to write).
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from typing import Any, Callable, Dict, List

_PR_SET_DUMPABLE = 4
_PTRACE_ATTACH = 16


def main() -> None:
    asked = json.loads(sys.argv[1])
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # as the fork server does
    with open(os.path.join(asked["tree"], "written"), "w") as file:
        file.write("yes")
    held = {
        "fs_read": _refused(lambda: _open(asked["canary"])) and _refused(lambda: _open("/etc/shadow")),
        "fs_write": _refused(lambda: os.mkdir("/usr/darner")) and _refused(lambda: os.mkdir("/darner")),
        "net_tcp": _refused(lambda: _connect(asked["tcp"])) and [name for _, name in socket.if_nameindex()] == ["lo"],
        "net_udp": _refused(_send),
        "unix_abstract": _refused(lambda: _reach(asked["abstract"])),
        "env": set(os.environ) <= set(asked["environment"]),
        "disk": _fills_up("/tmp/filled", asked["tmp_bytes"]),
        "pids": _forks(asked["processes"] + 8) < asked["processes"],
        "mem": _ends_by(signal.SIGKILL, lambda: bytearray(asked["memory_bytes"] * 2)),
        "kill": _ends_by(0, _attack_the_first_process),
    }
    _leave_a_daemon()
    print(json.dumps(held), flush=True)


def _refused(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


def _open(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 1.0).close()


def _send() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("192.0.2.1", 53))


def _reach(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\0" + name)


def _fills_up(path: str, limit: int) -> bool:
    block, written = b"x" * (1 << 20), 0
    try:
        with open(path, "wb", buffering=0) as file:
            while written <= limit:
                written += file.write(block)
    except OSError:
        return True
    finally:
        os.unlink(path)
    return False


def _forks(most: int) -> int:
    """How many children can be alive at once, up to `most`."""
    held, kept = os.pipe()
    children: "List[int]" = []
    try:
        for _ in range(most):
            pid = os.fork()
            if pid == 0:
                os.close(kept)
                os.read(held, 1)
                os._exit(0)
            children.append(pid)
    except OSError:
        pass
    os.close(held)
    os.close(kept)
    for pid in children:
        os.waitpid(pid, 0)
    return len(children)


def _ends_by(wanted: int, attempt: Callable[[], Any]) -> bool:
    """Whether a child that makes the attempt ends by this signal (0: by itself, with success)."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
        except BaseException as error:
            print(type(error).__name__, error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) == wanted if wanted else status == 0


def _attack_the_first_process() -> None:
    """Raises when anything works. Signals to a first process from its own namespace are ignored by the kernel."""
    os.kill(1, signal.SIGKILL)
    os.kill(1, signal.SIGSTOP)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(_PTRACE_ATTACH, 1, 0, 0) == 0:
        raise PermissionError("ptrace")
    attempts: "Dict[str, Callable[[], Any]]" = {
        "prlimit": lambda: resource.prlimit(1, resource.RLIMIT_CPU, (1, 1)),
        "memory": lambda: _open("/proc/1/mem"),
        "environment": lambda: _open("/proc/1/environ"),
        "descriptors": lambda: os.readlink("/proc/1/fd/1"),
        "affinity": lambda: os.sched_setaffinity(1, {0}),
    }
    for name, attempt in attempts.items():
        if not _refused(attempt):
            raise PermissionError(name)


def _leave_a_daemon() -> None:
    """It carries this command line, by which the outside looks for it when the container is gone."""
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() != 0:
            os._exit(0)
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
