"""Which failing tests a line of a document is about."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol import types as lsp

from .places import definition, find_line, places, test_path
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
    lines = range(span.start.line, span.end.line + 1)
    found = (_hit(snapshot, board, case, path, lines) for case in board.cases.values())
    return tuple(hit for hit in found if hit is not None)


def _hit(snapshot: Snapshot, board: Board, case: Case, path: str, lines: range) -> Hit | None:
    text = snapshot.text(board, path)
    for place in places(case.result):
        if place.path == path and (line := find_line(text, place, case.nodeid)) in lines:
            return Hit(board, case, line, "failure")
    if test_path(case.nodeid) == path and (line := definition(text, case.nodeid)) is not None and line in lines:
        return Hit(board, case, line, "test")
    for suspect in case.suspects:
        if suspect.path == path and any(suspect.line - 1 <= line <= suspect.end_line - 1 for line in lines):
            return Hit(board, case, suspect.line - 1, "suspect")
    return None
