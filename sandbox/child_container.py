"""What is different when the fork server is the first process of a container.

It is spoken to over its stdin and stdout, the container's control group counts its processes, and that group tells
when memory ran out. Standard library only, Python 3.9 to 3.14; loaded by child.py.
"""

from __future__ import annotations

import os

_OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Control groups of version 2 and of version 1, as a container sees its own."""


class StandardStreams:
    """stdin and stdout with the methods of a socket that the server uses; for everyone else both lead elsewhere."""

    def __init__(self) -> None:
        self._in, self._out = os.dup(0), os.dup(1)  # not inherited by what a candidate executes
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(2, 1)
        os.close(null)

    def fileno(self) -> int:
        """The end that is read, for select."""
        return self._in

    def recv(self, size: int) -> bytes:
        return os.read(self._in, size)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._out, view) :]

    def close(self) -> None:
        os.close(self._in)
        os.close(self._out)


def oom_kills() -> int:
    """How many processes of this container the kernel has killed for memory. 0 also where it does not say."""
    for path in _OOM_COUNTERS:
        try:
            with open(path) as file:
                rows = dict(line.split(None, 1) for line in file.read().splitlines() if " " in line)
            return int(rows.get("oom_kill", 0))
        except (OSError, ValueError):
            continue
    return 0


def die_first() -> None:
    """Of all processes of the container, the kernel kills this one first when memory runs out, and not the server."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass
