"""Several verified repairs of one tree as one patch. It is nothing until a trial of its own has passed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .types import FileChange, Patch


@dataclass(frozen=True, slots=True, order=True)
class _Span:
    """Bytes [start, end) of the original file and what takes their place."""

    start: int
    end: int
    text: bytes


def combine(patches: Iterable[Patch]) -> Patch | None:
    """One patch that makes every change, or None when two of them change the same bytes differently.

    All patches must start from the same tree.
    """
    changes: dict[str, list[FileChange]] = {}
    for patch in patches:
        for change in patch.files:
            changes.setdefault(change.path, []).append(change)
    merged = [_merge(path, same_file) for path, same_file in changes.items()]
    whole = tuple(change for change in merged if change is not None)
    return Patch(whole) if len(whole) == len(merged) else None


def _merge(path: str, changes: list[FileChange]) -> FileChange | None:
    before = changes[0].before
    if any(change.before != before for change in changes):
        return None
    pieces: list[bytes] = []
    end = -1
    for span in sorted({_span(change) for change in changes}):
        if span.start <= end:  # even touching edits may depend on their order
            return None
        pieces += [before[max(end, 0) : span.start], span.text]
        end = span.end
    return FileChange(path, before, b"".join([*pieces, before[max(end, 0) :]]))


def _span(change: FileChange) -> _Span:
    """The changed stretch, widened to whole lines: two edits of one line are a conflict."""
    before, after = change.before.splitlines(keepends=True), change.after.splitlines(keepends=True)
    limit = min(len(before), len(after))
    head = 0
    while head < limit and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < limit - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    start = sum(map(len, before[:head]))
    end = start + sum(map(len, before[head : len(before) - tail]))
    return _Span(start, end, b"".join(after[head : len(after) - tail]))
