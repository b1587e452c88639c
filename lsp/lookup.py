"""Which failing tests a line of a document is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lsprotocol import types as lsp

from .convert import Text
from .places import definition, find_line, test_path
from .snapshot import Board, Case, Snapshot


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
    for first, last, hit in _spans(board, path, snapshot.text(board, path)):
        if first <= span.end.line and span.start.line <= last:
            found.setdefault(hit.case.nodeid, hit)
    return tuple(found.values())


@lru_cache(maxsize=8)
def _spans(board: Board, path: str, text: Text) -> tuple[tuple[int, int, Hit], ...]:
    """First line, last line and hit, the one that says most first for each test. Asked for at every cursor move."""
    return tuple(span for case in board.about.get(path, ()) for span in _spans_of(board, case, path, text))


def _spans_of(board: Board, case: Case, path: str, text: Text) -> Iterator[tuple[int, int, Hit]]:
    for place in case.places:
        if place.path == path:
            line = find_line(text, place, case.nodeid)
            yield line, line, Hit(board, case, line, "failure")
    if test_path(case.nodeid) == path and (line := definition(text, case.nodeid)) is not None:
        yield line, line, Hit(board, case, line, "test")
    for suspect in case.suspects:
        if suspect.path == path:
            yield suspect.line - 1, suspect.end_line - 1, Hit(board, case, suspect.line - 1, "suspect")
