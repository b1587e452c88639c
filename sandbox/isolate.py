"""How a run is confined: bubblewrap where it works, else a plain process with resource limits.

Each way says which guarantees hold and which do not; nothing is downgraded silently. The command that comes out is
started with a clean environment, because bubblewrap shows its own to the sandbox (/proc/1/environ).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .types import Guarantees
from .workspace import Workspace

_TMP_BYTES = 256 << 20
_SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/alternatives",
    "/etc/mime.types",
)
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX")

BUBBLEWRAP = Guarantees(
    backend="bubblewrap",
    holds=(
        "no network, not even loopback to this machine",
        "no file outside the throw-away copy, the interpreter and the system's read-only folders can be read",
        "no file outside the throw-away copy and a private /tmp can be written",
        "no process outlives its run, and none of yours can be seen or signalled",
        "none of your environment variables or secrets (.env, keys, credentials) are visible",
        "CPU time, memory, file size and wall-clock time are limited",
    ),
    gaps=(
        "the kernel is shared, and there is no system-call filter",
        "the number of processes is limited by time only when Darner runs as root",
    ),
)
PROCESS = Guarantees(
    backend="process",
    holds=(
        "candidates run in a throw-away copy: your files are changed only by what you accept",
        "CPU time, memory, file size and wall-clock time are limited",
        "processes that a run leaves behind are killed",
        "your environment variables are not passed on",
    ),
    gaps=(
        "the network is reachable",
        "files that you may read can be read, and files that you may write can be written",
        "your other processes can be seen and signalled",
    ),
)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where things are inside: the same paths as outside under bubblewrap, the copy's paths without it."""

    root: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]
    guarantees: Guarantees


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the user's interpreter says it needs to be readable."""

    python: Path
    folders: tuple[Path, ...]


@cache
def bubblewrap_trouble() -> str:
    """Empty when bubblewrap confines here; else the reason in one sentence. Found by doing it, once."""
    path = shutil.which("bwrap")
    if path is None:
        return "bubblewrap is not installed (on Debian or Ubuntu: apt install bubblewrap)."
    binds = [word for folder in ("/usr", *_SYSTEM_LINKS) if os.path.exists(folder) for word in _bind(folder)]
    command = [path, *_NAMESPACES, *binds, "--proc", "/proc", "--dev", "/dev", "true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, env={"PATH": "/usr/bin:/bin"})
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be started: {error}."
    return "" if done.returncode == 0 else f"bubblewrap is refused by this system: {done.stderr.strip()[:200]}"


_NAMESPACES = ("--unshare-user", "--unshare-all", "--new-session", "--cap-drop", "ALL", "--as-pid-1")


def confined(workspace: Workspace, runtime: Runtime, tools: Path, command: Iterable[str]) -> Placement:
    """`command` inside bubblewrap; the copy stands at the project's own path, so that every path stays true."""
    root = workspace.root
    words = ["bwrap", *_NAMESPACES, "--ro-bind", "/usr", "/usr"]
    for folder in _SYSTEM_LINKS:
        words += _bind(folder) if os.path.lexists(folder) else []
    for file in _SYSTEM_FILES:
        words += ["--ro-bind-try", file, file]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(_TMP_BYTES), "--tmpfs", "/tmp", "--dir", "/tmp/home"]
    for folder in runtime.folders:
        words += (
            []
            if _within(folder, Path("/usr")) or _within(folder, root)
            else ["--ro-bind-try", str(folder), str(folder)]
        )
    words += ["--bind", str(workspace.tree), str(root)]
    for name in workspace.kept_outside:
        words += ["--ro-bind", str(root / name), str(root / name)]
    words += ["--ro-bind", str(tools), str(tools), "--chdir", str(root), "--", *command]
    environment = _environment({"HOME": "/tmp/home", "TMPDIR": "/tmp"})
    return Placement(root, tuple(words), environment, BUBBLEWRAP)


def unconfined(workspace: Workspace, command: Iterable[str]) -> Placement:
    """`command` as a plain process in the copy; limits and cleaning up are all that holds."""
    home = workspace.tree.parent / "home"
    home.mkdir(exist_ok=True)
    environment = _environment({"HOME": str(home), "TMPDIR": str(home)})
    return Placement(workspace.tree, tuple(command), environment, PROCESS)


def _bind(folder: str) -> list[str]:
    """Merged-/usr systems have links where older ones have folders."""
    if os.path.islink(folder):
        return ["--symlink", os.readlink(folder), folder]
    return ["--ro-bind", folder, folder]


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1", "DARNER": "1"}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **passed, **threads, **fixed, **own}
