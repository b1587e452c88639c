"""Which failing tests a line of a document is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lsprotocol import types as lsp

from .cases import Case, FileCases
from .convert import Text
from .places import definition, find_line, test_path
from .snapshot import Board, Snapshot

Span = tuple[int, int, Case, str]
"""First line, last line, and what `Hit` says."""


@dataclass(frozen=True, slots=True)
class Hit:
    board: Board
    case: Case
    line: int
    """From 0, in the document asked about."""
    why: str
    """`failure`, `test` or `suspect`."""


def hits(snapshot: Snapshot, uri: str, span: lsp.Range) -> tuple[Hit, ...]:
    """Failing tests that touch these lines: where they failed, where they are defined, or where they are suspected."""
    located = snapshot.locate(uri)
    if located is None:
        return ()
    board, path = located
    found: dict[str, Hit] = {}
    for first, last, case, why in _spans(board.cases.about(path), snapshot.text(board, path)):
        if first <= span.end.line and span.start.line <= last:
            found.setdefault(case.nodeid, Hit(board, case, first, why))
    return tuple(found.values())


@lru_cache(maxsize=8)
def _spans(file: FileCases, text: Text) -> tuple[Span, ...]:
    """The one that says most first for each test. Asked for at every cursor move."""
    return tuple(span for case in file.by_id.values() for span in _spans_of(case, file.path, text))


def _spans_of(case: Case, path: str, text: Text) -> Iterator[Span]:
    for place in case.places:
        if place.path == path:
            line = find_line(text, place, case.nodeid)
            yield line, line, case, "failure"
    if test_path(case.nodeid) == path and (line := definition(text, case.nodeid)) is not None:
        yield line, line, case, "test"
    for suspect in case.suspects:
        if suspect.path == path:
            yield suspect.line - 1, suspect.end_line - 1, case, "suspect"
