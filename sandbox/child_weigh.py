"""What the kernel does not limit here is counted while a run lasts: memory of all its processes, their number, disk.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import os
import stat
import time
from typing import Any, Dict, FrozenSet, Iterator, List, Sequence

_EVERY_S, _DISK_EVERY_S = 0.05, 0.2
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Scales:
    """Looked at by the watch whenever it wakes; weighs only when it is time to."""

    def __init__(self, limits: Dict[str, Any], folders: Sequence[str], began: float, spare: FrozenSet[int]) -> None:
        self._spare = spare
        self._limits = limits
        self._folders = folders
        self._next, self._next_disk = began + _EVERY_S, began + _DISK_EVERY_S
        self.processes = self.disk_bytes = self.file_bytes = 0
        """The most that were seen."""
        self._since = time.time() - 0.05  # coarser clocks stamp files a little early

    def verdict(self, now: float) -> str:
        """Which limit is exceeded: `oom`, `crowd`, `disk`, or empty."""
        if now >= self._next:
            self._next = now + _EVERY_S
            others = everyone_else(self._spare)
            self.processes = max(self.processes, len(others))
            if len(others) > self._limits["processes"]:
                return "crowd"
            most = self._limits["memory_bytes"]
            if len(others) > 1 and sum(map(_held_bytes, others)) > most and sum(map(_share_bytes, others)) > most:
                return "oom"
        if self._folders and now >= self._next_disk:
            if self.weigh_disk() > self._limits["disk_bytes"]:
                return "disk"
            self._next_disk = time.monotonic() + _DISK_EVERY_S
        return ""

    def weigh_disk(self) -> int:
        """All that the run has written by now and still holds."""
        sizes = list(self._written())
        self.file_bytes = max([self.file_bytes, *sizes])
        self.disk_bytes = max(self.disk_bytes, sum(sizes))
        return sum(sizes)

    def _written(self) -> Iterator[int]:
        """Bytes of what this run changed: the time that tells it (ctime) is the kernel's, not the candidate's."""
        for top in self._folders:
            for _, _, files, here in os.fwalk(top, onerror=None):
                for name in files:
                    try:
                        seen = os.stat(name, dir_fd=here, follow_symlinks=False)
                    except OSError:
                        continue
                    if seen.st_ctime >= self._since and stat.S_ISREG(seen.st_mode):
                        yield max(seen.st_blocks * 512, 4096)


def everyone_else(spare: FrozenSet[int]) -> List[int]:
    """All that a run has started: the whole namespace when we are its first process, else all our descendants."""
    if os.getpid() != 1:
        return _descendants(os.getpid(), spare)
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1" and int(name) not in spare]


def _descendants(pid: int, spare: FrozenSet[int]) -> List[int]:
    found: List[int] = []
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            children = file.read().split()
    except OSError:
        return found
    for child in set(map(int, children)) - spare:
        found += [child, *_descendants(child, spare)]
    return found


def _held_bytes(pid: int) -> int:
    """Memory without files; quick, but what a fork shares with its parent counts twice."""
    try:
        with open("/proc/%d/statm" % pid) as file:
            _, resident, shared = file.read().split()[:3]
    except OSError:
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _share_bytes(pid: int) -> int:
    """Memory, with what is shared divided among those that share it. Slow: every page is looked at."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            rows = [line.split() for line in file if line.startswith("Pss:")]
    except OSError:
        return _held_bytes(pid)
    return int(rows[0][1]) << 10 if rows else 0
