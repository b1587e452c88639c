"""What a confined run may see of this machine, and its environment: the same list for every backend on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .backend import TOOLS, Runtime
from .workspace import Workspace

TMP_BYTES = 256 << 20
LAYER_BYTES = 64 << 20
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


@dataclass(frozen=True, slots=True)
class Places:
    """Paths outside the copy; each stands inside where it stands here."""

    links: tuple[tuple[str, str], ...]
    """Text and place of symbolic links (`/lib` on a merged-/usr system)."""
    shown: tuple[str, ...]
    """Read-only files and folders, a parent before what it holds."""
    kept: tuple[str, ...]
    """Environments inside the project, read-only, on top of the copy."""


def places(workspace: Workspace, runtime: Runtime) -> Places:
    folders = [folder for folder in SYSTEM_LINKS if os.path.lexists(folder)]
    links = tuple((os.readlink(folder), folder) for folder in folders if os.path.islink(folder))
    whole = [folder for folder in folders if not os.path.islink(folder)]
    files = [file for file in SYSTEM_FILES if os.path.exists(file)]
    root = workspace.root
    theirs = [str(f) for f in (*runtime.folders, TOOLS) if not within(f, Path("/usr")) and not within(f, root)]
    existing = {path for path in theirs if os.path.exists(path)}
    shown = ("/usr", *whole, *files, *sorted(existing))
    return Places(links, shown, tuple(str(root / name) for name in workspace.kept_outside))


def within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """The whole environment inside: what is fixed, what tests need of ours, and `own`. Never a secret by intent."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1", "DARNER": "1"}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **passed, **threads, **fixed, **own}
