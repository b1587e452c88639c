"""The kernel's own limits on a run.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import os
import resource
from typing import Any, Dict, Optional

_MOST_FILES = 256
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def limit_all(limits: Dict[str, Any], busy_processes: Optional[int]) -> None:
    """`busy_processes`: those of the same user that the kernel counts besides the run's own.

    0 in a user namespace of its own; None where a container counts.
    """
    set_limit(resource.RLIMIT_CPU, int(limits["cpu_s"]) + 1)
    set_limit(resource.RLIMIT_AS, limits["memory_bytes"])
    set_limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    set_limit(resource.RLIMIT_NOFILE, _MOST_FILES)
    set_limit(resource.RLIMIT_CORE, 0)
    if busy_processes is not None:
        set_limit(resource.RLIMIT_NPROC, busy_processes + limits["processes"])


def set_limit(kind: int, value: int) -> None:
    """For ever: never above what is set already."""
    _, hard = resource.getrlimit(kind)
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (wanted, wanted))
    except (ValueError, OSError):
        return


def most_mapped() -> int:
    """This process's address space at its largest, in bytes, which is what its limit counts; 0 where none says."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) << 10 for line in file if line.startswith("VmPeak:")), 0)
    except (OSError, ValueError):
        return 0


def mapped_now() -> int:
    """This process's address space, which is what its limit counts; 0 where /proc does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * _PAGE_BYTES
    except (OSError, ValueError):
        return 0


def processes_now() -> int:
    """RLIMIT_NPROC counts all of the user's processes and threads, not only the sandbox's."""
    total = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                total += len(os.listdir("/proc/%s/task" % name))
            except OSError:
                continue
    return total
