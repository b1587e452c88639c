"""The user's own files: which of them enter a sandbox, and whether they still hold what was copied.

A verdict is true of what was copied. Times and sizes can stay the same while the content changes (a coarse clock, a
tool that puts the time back), so what was copied is remembered by its digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = frozenset(
    (
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        "node_modules",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
    )
)
_BUILT = frozenset(("build", "dist"))
_SECRET_NAMES = (
    ".env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".dockercfg",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
)
_SECRET_ENDS = (".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx")
_SECRET_FOLDERS = frozenset((".aws", ".ssh", ".gnupg", ".kube", ".docker", ".azure", ".gcloud"))
_SETTINGS = (".py", ".ini", ".toml", ".cfg")
_OF_PYTEST = frozenset(
    ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "tox.ini", "setup.cfg")
)
_WRITTEN_BY_PROGRAMS = (".log", ".db", ".sqlite", ".sqlite3", ".pyc", ".tmp", ".swp", "-journal", "-wal", "-shm")
MOST_HASHED = 8 << 20
"""Bytes of a file; of a larger one the stamp is compared."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes whenever anything touches the file; a candidate cannot set the ctime."""

    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int


@dataclass(frozen=True, slots=True)
class Original:
    """One of the user's files, as it was copied."""

    stamp: Stamp | None
    digest: bytes
    """Of its content; empty for a link, and for a file of more than 8 MiB, of which the stamp is compared."""

    @property
    def identity(self) -> object:
        return self.digest or self.stamp

    def differs_from(self, path: Path) -> bool:
        if not self.digest:
            return stamp_of(path) != self.stamp
        try:
            return stat.S_ISLNK(path.lstat().st_mode) or digest_of(path.read_bytes()) != self.digest
        except OSError:
            return True


def stamp_of(path: Path) -> Stamp | None:
    """None where there is nothing."""
    try:
        seen = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Stamp(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_mode)


def digest_of(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def walked(root: Path) -> Iterator[tuple[Path, list[str], list[str], list[str]]]:
    """Each folder that enters: its path relative to `root`, its links to folders, its files, its environments.

    Environments (`.venv`) do not enter, nor do caches, histories and folders of credentials.
    """
    for folder, names, files in os.walk(root):
        here = Path(folder)
        environments = [n for n in names if (here / n / "pyvenv.cfg").exists()]
        names[:] = sorted(n for n in names if n not in _SKIPPED | _SECRET_FOLDERS and n not in environments)
        links = [n for n in names if (here / n).is_symlink()]
        names[:] = [n for n in names if n not in links]
        yield here.relative_to(root), links, files, environments


def python_files(root: Path) -> Iterator[str]:
    """Paths with `/` of the Python files that enter, in a stable order; none that a build made or that is hidden."""
    for here, _, files, _ in walked(root):
        if not any(part in _BUILT or part.startswith(".") for part in here.parts):
            paths = ((here / name).as_posix() for name in sorted(files) if name.endswith(".py"))
            yield from (path for path in paths if path.isprintable())  # a name that is no text cannot be told of


def is_secret(name: str) -> bool:
    """Names that hold credentials by convention never enter a sandbox."""
    return name.startswith(_SECRET_NAMES) or name.endswith(_SECRET_ENDS)


def is_setting(path: str) -> bool:
    """Python and what configures pytest: a new one can change what a test says, whoever wrote it."""
    return path.endswith(_SETTINGS)


def is_run(path: str) -> bool:
    """Python and pytest's own settings: other files are data, which tests of a project may well write."""
    return path.endswith(".py") or path.rpartition("/")[2] in _OF_PYTEST


def changed_since(root: Path, originals: dict[str, Original]) -> str:
    """A file of the user's that does not hold what was copied, or is new and can change a test; empty when none.

    What programs write while they run (logs, databases, coverage) is passed over.
    """
    for path, original in originals.items():
        if not _is_byproduct(path) and original.differs_from(root / path):
            return path
    for here, _, files, _ in walked(root):
        for name in files:
            path = str(here / name)
            if is_setting(name) and path not in originals and not is_secret(name) and (root / path).is_file():
                return path
    return ""


def _is_byproduct(path: str) -> bool:
    return path.endswith(_WRITTEN_BY_PROGRAMS) or Path(path).name.startswith(".coverage")
