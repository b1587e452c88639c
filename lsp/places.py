"""Where a failing test shows in the project's files: pure derivations from its frames and the documents' text."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from ..sandbox.types import Frame, TestResult
from .convert import Text

_FOREIGN = frozenset({"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox"})


@dataclass(frozen=True, slots=True)
class Place:
    path: str
    """Relative to the project."""
    line: int
    """From 1, as it was when the test ran; 0 when no line is known."""
    source: str
    """The line's text at that time, stripped."""


def test_path(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def levels(nodeid: str) -> list[str]:
    """File, classes, function. Parameters stay with the last one, for they may hold whatever separates the others."""
    path, _, inside = nodeid.partition("::")
    name, bracket, parameters = inside.partition("[")
    *classes, function = name.split("::")
    return [path, *classes, f"{function}{bracket}{parameters}"] if inside else [path]


def stands_for(asked: str, nodeid: str) -> bool:
    """A node id stands for itself and for what it holds: a file's tests, a test's parameters."""
    return nodeid == asked or nodeid.startswith((f"{asked}::", f"{asked}["))


def project_frames(result: TestResult) -> tuple[Frame, ...]:
    """The frames in the user's own code, outermost first."""
    frames = result.failure.frames if result.failure else ()
    return tuple(frame for frame in frames if _in_project(frame.path))


@lru_cache(maxsize=4096)
def _in_project(path: str) -> bool:
    return not PurePosixPath(path).is_absolute() and _FOREIGN.isdisjoint(PurePosixPath(path).parts)


def places(result: TestResult) -> tuple[Place, ...]:
    """The failing line in the test's own file, then the line where the exception was raised if that is elsewhere."""
    frames = project_frames(result)
    own = [frame for frame in frames if frame.path == test_path(result.nodeid)]
    chosen = dict.fromkeys(place_of(frame) for frame in (*own[-1:], *frames[-1:]))
    return tuple(chosen) or (_without_frames(result),)


def place_of(frame: Frame) -> Place:
    return Place(frame.path, frame.line, frame.source)


def _without_frames(result: TestResult) -> Place:
    """Collection errors, crashes and time-outs: the line that the message names, else the test itself (line 0)."""
    path = test_path(result.nodeid)
    text = f"{result.failure.message}\n{result.failure.text}" if result.failure else ""
    name = re.escape(PurePosixPath(path).name)
    named = re.findall(rf'{name}(?:", line |:)(\d+)', text)
    return Place(path, int(named[-1]) if named else 0, "")


def find_line(text: Text, place: Place, nodeid: str) -> int:
    """The line, from 0, where the place is now: the nearest line with the same text, for the file may have changed."""
    if not place.line:
        return definition(text, nodeid) or 0
    there = min(place.line, len(text.starts)) - 1
    if not place.source or text.line(there).strip() == place.source:
        return there
    same = text.by_content.get(place.source, ())
    nearest = bisect_left(same, there)
    return min(same[max(0, nearest - 1) : nearest + 1], key=lambda index: abs(index - there), default=there)


def definition(text: Text, nodeid: str) -> int | None:
    """The line, from 0, of the test's `def`, looked up class by class so that equal names do not mix."""
    line: int | None = None
    for name in levels(nodeid)[1:]:
        line = text.outline.first(name.partition("[")[0], -1 if line is None else line)
        if line is None:
            return None
    return line


def function_line(text: Text, qualname: str) -> int | None:
    """The line, from 0, of a function's `def`, by its qualified name as in `Cart.total`."""
    return definition(text, "::".join(["", *qualname.replace("<locals>.", "").split(".")]))
