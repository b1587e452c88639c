"""Two backends: bubblewrap where it works, and a plain process with resource limits, which confines nothing.

Each says which guarantees hold and which do not. The command that comes out is started with a clean environment,
because bubblewrap shows its own to the sandbox (/proc/1/environ).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from .backend import TOOLS, Launch, Link, Report, Runtime, Tier
from .link import ProcessLink
from .workspace import Workspace

_TMP_BYTES = 256 << 20
SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = (
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

_BUBBLEWRAP = Report(
    backend="bubblewrap",
    tier=Tier.NAMESPACES,
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
_PROCESS = Report(
    backend="process",
    tier=Tier.NONE,
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


@cache
def bubblewrap_trouble() -> str:
    """Empty when bubblewrap confines here; else the reason in one sentence. Found by doing it, once."""
    path = shutil.which("bwrap")
    if path is None:
        return "bubblewrap is not installed (on Debian or Ubuntu: apt install bubblewrap)."
    binds = [word for folder in ("/usr", *SYSTEM_LINKS) if os.path.exists(folder) for word in _bind(folder)]
    command = [path, *_NAMESPACES, *binds, "--proc", "/proc", "--dev", "/dev", "true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, env={"PATH": "/usr/bin:/bin"})
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be started: {error}."
    return "" if done.returncode == 0 else f"bubblewrap is refused by this system: {done.stderr.strip()[:200]}"


_NAMESPACES = ("--unshare-user", "--unshare-all", "--new-session", "--cap-drop", "ALL", "--as-pid-1")


class Bubblewrap:
    """The copy stands at the project's own path inside, so that every path stays true."""

    name = "bubblewrap"
    tier = Tier.NAMESPACES

    def examine(self) -> Report:
        trouble = bubblewrap_trouble()
        return Report(self.name, self.tier, trouble) if trouble else _BUBBLEWRAP

    def root(self, workspace: Workspace) -> Path:
        return workspace.root

    def start(self, launch: Launch) -> Link:
        around = _around(launch.workspace, launch.runtime)
        environment = environment_with({"HOME": "/tmp/home", "TMPDIR": "/tmp"})
        root = launch.workspace.root
        return ProcessLink(lambda fd: (*around, "--", *launch.words(root, {"fd": fd})), environment)


class Process:
    """A plain process in the copy; limits and cleaning up are all that holds."""

    name = "process"
    tier = Tier.NONE

    def examine(self) -> Report:
        return _PROCESS

    def root(self, workspace: Workspace) -> Path:
        return workspace.tree

    def start(self, launch: Launch) -> Link:
        tree = launch.workspace.tree
        home = tree.parent / "home"
        home.mkdir(exist_ok=True)
        environment = environment_with({"HOME": str(home), "TMPDIR": str(home)})
        return ProcessLink(lambda fd: launch.words(tree, {"fd": fd}), environment)


def _around(workspace: Workspace, runtime: Runtime) -> Iterable[str]:
    root = workspace.root
    words = ["bwrap", *_NAMESPACES, "--ro-bind", "/usr", "/usr"]
    for folder in SYSTEM_LINKS:
        words += _bind(folder) if os.path.lexists(folder) else []
    for file in SYSTEM_FILES:
        words += ["--ro-bind-try", file, file]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(_TMP_BYTES), "--tmpfs", "/tmp", "--dir", "/tmp/home"]
    for folder in runtime.folders:
        words += (
            []
            if is_within(folder, Path("/usr")) or is_within(folder, root)
            else ["--ro-bind-try", str(folder), str(folder)]
        )
    words += ["--bind", str(workspace.tree), str(root)]
    for name in workspace.kept_outside:
        words += ["--ro-bind", str(root / name), str(root / name)]
    return [*words, "--ro-bind", str(TOOLS), str(TOOLS), "--chdir", str(root)]


def _bind(folder: str) -> list[str]:
    """Merged-/usr systems have links where older ones have folders."""
    if os.path.islink(folder):
        return ["--symlink", os.readlink(folder), folder]
    return ["--ro-bind", folder, folder]


def is_within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def environment_with(own: Mapping[str, str]) -> dict[str, str]:
    """The whole environment inside: what is fixed, what tests need of ours, and `own`. Never a secret by intent."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1", "DARNER": "1"}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **passed, **threads, **fixed, **own}
