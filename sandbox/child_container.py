"""What is different when the fork server is the first process of a container.

It is spoken to over its stdin and stdout, the container's control group counts its processes, and that group tells
when memory ran out. Standard library only, Python 3.9 to 3.14; loaded by child.py.
"""

from __future__ import annotations

import os
from typing import Any, Callable, List

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


def tidy() -> None:
    """Between runs: empty the folders that all runs of a container share. What is mounted below them stays."""
    for top in ("/tmp", "/tmp/home", "/dev/shm"):
        device = os.lstat(top).st_dev
        folders = [top]
        for folder in folders:  # grows while it is walked
            folders += _emptied(folder, device)
        for folder in reversed(folders[1:]):
            _quietly(os.rmdir, folder)


def _emptied(folder: str, device: int) -> List[str]:
    """Remove the files of a folder; its folders on the same device are left and named."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        _quietly(os.chmod, folder, 0o700)
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return []
    below = [e.path for e in entries if e.is_dir(follow_symlinks=False)]
    for entry in entries:
        if entry.path not in below:
            _quietly(os.unlink, entry.path)
    return [path for path in below if os.lstat(path).st_dev == device]


def _quietly(action: Callable[..., None], *arguments: Any) -> None:
    try:
        action(*arguments)
    except OSError:  # a mount, what leads to one, or not ours
        pass


def die_first() -> None:
    """Of all processes of the container, the kernel kills this one first when memory runs out, and not the server."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass
