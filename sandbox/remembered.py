"""Passes of a backend's self-test, kept on disk: the same code on the same kernel held a moment ago.

Only a test in which every probe held is kept, never a container's (its engine is a program that others may restart),
and only under everything that could change the answer: the boot, the kernel and its settings, our namespaces, rights
and limits, the interpreter, and the text of every file of this folder. A candidate cannot write there: the place is
outside all that any backend lets it write. Whatever looks odd is no record, and then the test simply runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from .backend import TOOLS, Probe, Report, Tier

_GOOD_FOR_S = 12 * 3600.0
_MOST_BYTES = 64 << 10
_KEPT = (Tier.FILTER, Tier.NAMESPACES)
_SAID_BY_THE_KERNEL = (
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/kernel/yama/ptrace_scope",
    "/proc/sys/kernel/seccomp/actions_avail",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_mnt_namespaces",
    "/proc/sys/user/max_pid_namespaces",
    "/proc/sys/user/max_net_namespaces",
    "/proc/self/attr/current",
    "/sys/kernel/security/lsm",
)
_OF_OUR_STATUS = ("Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp")
_LIMITS = (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)


def recall(name: str) -> Report | None:
    """The kept pass of this backend, when it was given here, today, and to this very code; None otherwise."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_read(_file(name)))
        if kept["key"] == _key() and 0 <= time.time() - kept["when"] < _GOOD_FOR_S:
            return _report(name, kept["report"])
    return None


def keep(report: Report) -> None:
    """Remember a whole pass. A folder that cannot be written is no trouble: the next start tests again."""
    if report.trouble or report.tier not in _KEPT or not all(report.probes.get(probe) for probe in Probe):
        return
    told = {
        "tier": int(report.tier),
        "holds": report.holds,
        "gaps": report.gaps,
        "landlock_abi": report.landlock_abi,
    }
    with contextlib.suppress(OSError):
        _write(_file(report.backend), json.dumps({"key": _key(), "when": time.time(), "report": told}))


def forget(name: str) -> None:
    """What was remembered of this backend turned out to be untrue."""
    with contextlib.suppress(OSError):
        _file(name).unlink(missing_ok=True)


def _report(name: str, told: Mapping[str, object]) -> Report:
    tier = Tier(cast(int, told["tier"]))
    if tier not in _KEPT:
        raise ValueError(f"a {tier.name} is never kept")
    return Report(
        backend=name,
        tier=tier,
        probes=dict.fromkeys(Probe, True),
        holds=tuple(map(str, cast(list[object], told["holds"]))),
        gaps=tuple(map(str, cast(list[object], told["gaps"]))),
        landlock_abi=int(cast(int, told["landlock_abi"])),
    )


def _file(name: str) -> Path:
    return folder() / f"selftest-{name}.json"


def folder() -> Path:
    """Where passes are kept, readable and writable by us alone."""
    named = Path(os.environ.get("XDG_CACHE_HOME") or "")
    above = named if named.is_absolute() else Path("~/.cache").expanduser()
    return above / "darner" / "sandbox"


def _read(file: Path) -> str:
    """Raises OSError for a file or folder that anybody but us could have written."""
    around = os.lstat(file.parent)
    if not stat.S_ISDIR(around.st_mode) or not _ours_alone(around):
        raise PermissionError(f"{file.parent} is not ours alone")
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as stream:
        found = os.fstat(stream.fileno())
        plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size <= _MOST_BYTES
        if not plain or not _ours_alone(found):
            raise PermissionError(f"{file} is not a plain file of ours")
        return stream.read()


def _ours_alone(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _key() -> str:
    """A digest of everything on which the outcome depends. Raises OSError where the kernel does not name its boot."""
    if not os.path.exists(_SAID_BY_THE_KERNEL[0]):
        raise OSError("no boot is named")
    told = hashlib.sha256()
    for fact in _facts():
        told.update(fact.encode("utf-8", "surrogateescape") + b"\0")
    for source in sorted(TOOLS.glob("*.py")):
        told.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return told.hexdigest()


def _facts() -> Iterator[str]:
    yield from (f"{path}={_said(path)}" for path in _SAID_BY_THE_KERNEL)
    yield from (line for line in _said("/proc/self/status").splitlines() if line.startswith(_OF_OUR_STATUS))
    yield from (f"{name}={os.readlink(f'/proc/self/ns/{name}')}" for name in sorted(os.listdir("/proc/self/ns")))
    yield from map(str, (os.geteuid(), os.getegid(), *os.uname(), *map(resource.getrlimit, _LIMITS)))
    yield from map(_place, (sys.executable, os.path.realpath(sys.executable), shutil.which("bwrap")))
    yield f"{sys.version} {sys.prefix} {sys.base_prefix} {TOOLS}"
    scratch = tempfile.gettempdir()
    yield f"{scratch} {os.stat(scratch).st_dev} {os.statvfs(scratch).f_flag}"


def _said(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        return f"({error.errno})"


def _place(program: str | None) -> str:
    if program is None:
        return "none"
    found = os.stat(program)
    return f"{program} {found.st_ino} {found.st_mtime_ns} {found.st_size}"
