"""`textDocument/codeLens`: Run on every test, Explain and Repair on those that fail, "2 failing" on functions."""

from __future__ import annotations

from lsprotocol import types as lsp

from .convert import Text
from .describe import frames_of
from .discover import TEST, tests_in
from .places import definition, function_line, test_path
from .snapshot import Board, Snapshot


def code_lens(snapshot: Snapshot, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    located = snapshot.locate(params.text_document.uri)
    if located is None or not located[0].settings.code_lens:
        return []
    board, path = located
    text = snapshot.text(board, path)
    failing = _failing(board, path, text)
    lenses: list[lsp.CodeLens] = []

    def add(line: int, title: str, command: str, nodeid: str) -> None:
        span = text.line_range(line, snapshot.client.encoding)
        arguments = {"root": str(board.root), "nodeid": nodeid}
        lenses.append(lsp.CodeLens(span, lsp.Command(title, command, arguments=[arguments])))

    for line, nodeid in sorted((tests_in(text, path) | failing).items()):
        add(line, "Run", "darner.runTests", nodeid)
        if line in failing:
            add(line, "Explain", "darner.explain", nodeid)
            add(line, "Repair", "darner.repair", nodeid)
    for line, nodeids in sorted(_suspected(board, path, text).items()):
        add(line, f"{len(nodeids)} failing", "darner.explain", nodeids[0])
    return lenses


def _suspected(board: Board, path: str, text: Text) -> dict[int, list[str]]:
    """By the line of each function: failing tests that passed through it in vain, or that suspect it."""
    found: dict[int, list[str]] = {}
    for case in board.cases.values():
        names = {suspect.function for suspect in case.suspects if suspect.path == path}
        names |= {frame.function for frame in frames_of(case.result) if frame.path == path}
        lines = {function_line(text, name) for name in names if name and name[0] != "<"}
        for line in lines:
            if line is not None and not TEST.match(text.line(line)):
                found.setdefault(line, []).append(case.nodeid)
    return found


def _failing(board: Board, path: str, text: Text) -> dict[int, str]:
    """The line of each failing test, with the first failing id there (parameters share a line)."""
    found: dict[int, str] = {}
    for nodeid in board.cases:
        if test_path(nodeid) == path and (line := definition(text, nodeid)) is not None:
            found.setdefault(line, nodeid)
    return found
