"""`textDocument/codeLens`: Run on every test, Explain and Repair on those that fail."""

from __future__ import annotations

from lsprotocol import types as lsp

from .convert import Text
from .discover import tests_in
from .places import definition, test_path
from .snapshot import Board, Snapshot


def code_lens(snapshot: Snapshot, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    located = snapshot.locate(params.text_document.uri)
    if located is None:
        return []
    board, path = located
    text = snapshot.text(board, path)
    failing = _failing(board, path, text)
    lenses: list[lsp.CodeLens] = []
    for line, nodeid in sorted((tests_in(text, path) | failing).items()):
        span = text.line_range(line, snapshot.client.encoding)
        arguments = {"root": str(board.root), "nodeid": nodeid}
        titles = {"Run": "darner.runTests"}
        if line in failing:
            titles |= {"Explain": "darner.explain", "Repair": "darner.repair"}
        lenses += [
            lsp.CodeLens(span, lsp.Command(title, name, arguments=[arguments])) for title, name in titles.items()
        ]
    return lenses


def _failing(board: Board, path: str, text: Text) -> dict[int, str]:
    """The line of each failing test, with the first failing id there (parameters share a line)."""
    found: dict[int, str] = {}
    for nodeid in board.cases:
        if test_path(nodeid) == path and (line := definition(text, nodeid)) is not None:
            found.setdefault(line, nodeid)
    return found
