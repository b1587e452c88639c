"""Real projects as repair tasks: a release from PyPI in which one small hunk of its last change is taken back.

The packages are not kept here: a task says which two source distributions it comes from (with their SHA-256) and which
lines of one file are those of the older one. What that makes is checked by its own SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cattrs

HERE = Path(__file__).resolve().parent
MANIFEST = HERE / "real_manifest.json"
VERSION = 1


@dataclass(frozen=True)
class Release:
    """One source distribution."""

    package: str
    version: str
    sdist: str
    """File name, as the package index has it."""
    sha256: str


@dataclass(frozen=True)
class Hunk:
    """Lines of one file that a release changed. A range is (first line from 1, number of lines).

    An empty range stands before its first line.
    """

    path: str
    old: tuple[int, int]
    new: tuple[int, int]

    @property
    def size(self) -> int:
        """Lines of the larger side."""
        return max(self.old[1], self.new[1])


@dataclass(frozen=True)
class Whole:
    """The upstream suite on the release as published."""

    passed: int
    failing: tuple[str, ...]
    """Node ids that fail here anyway: the machine's fault, or the release's."""
    seconds: float


@dataclass(frozen=True)
class Task:
    """`new` with one hunk as it was in `old`; some tests of `new` that passed now fail."""

    id: str
    old: Release
    new: Release
    hunk: Hunk
    broken_sha256: str
    """Of the file with the hunk taken back."""
    failing: tuple[str, ...]
    """Some of the tests that fail for it, at most four."""
    whole: Whole


def taken_back(old: bytes, new: bytes, hunk: Hunk) -> bytes:
    """The new file with the old file's lines in the place of the hunk."""
    before, after = old.split(b"\n"), new.split(b"\n")
    (old_at, old_lines), (new_at, new_lines) = hunk.old, hunk.new
    kept = before[old_at - 1 : old_at - 1 + old_lines]
    return b"\n".join([*after[: new_at - 1], *kept, *after[new_at - 1 + new_lines :]])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_manifest(path: Path = MANIFEST) -> tuple[Task, ...]:
    if not path.exists():
        return ()
    return cattrs.structure(json.loads(path.read_text())["tasks"], tuple[Task, ...])


def write_manifest(tasks: Iterable[Task], python: str, path: Path = MANIFEST) -> None:
    ordered = sorted(tasks, key=lambda task: task.id)
    told = {"version": VERSION, "python": python, "tasks": [cattrs.unstructure(task) for task in ordered]}
    path.write_text(json.dumps(told, indent=1) + "\n")
