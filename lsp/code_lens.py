"""`textDocument/codeLens`: Run on every test, Explain and Repair on those that fail, "2 failing" on functions."""

from __future__ import annotations

from functools import lru_cache

from lsprotocol import types as lsp

from .cases import FileCases
from .convert import Encoding, Text
from .describe import frames_of
from .discover import TEST, tests_in
from .encode import Encoded, encoded
from .places import definition, function_line, test_path
from .snapshot import Snapshot


def code_lens(snapshot: Snapshot, params: lsp.CodeLensParams) -> Encoded:
    located = snapshot.locate(params.text_document.uri)
    if located is None or not located[0].settings.code_lens:
        return Encoded("[]")
    board, path = located
    about, encoding = board.cases.about(path), snapshot.client.encoding
    return _answer(str(board.root), path, snapshot.text(board, path), about, encoding)


@lru_cache(maxsize=8)
def _answer(root: str, path: str, text: Text, file: FileCases, encoding: Encoding) -> Encoded:
    """Editors ask after every refresh, also when nothing changed in this file; it may have hundreds of tests."""
    failing = _failing(path, text, file)
    lenses: list[lsp.CodeLens] = []

    def add(line: int, title: str, command: str, nodeid: str) -> None:
        arguments = {"root": root, "nodeid": nodeid}
        lenses.append(lsp.CodeLens(text.line_range(line, encoding), lsp.Command(title, command, arguments=[arguments])))

    for line, nodeid in sorted((tests_in(text, path) | failing).items()):
        add(line, "Run", "darner.runTests", nodeid)
        if line in failing:
            add(line, "Explain", "darner.explain", nodeid)
            add(line, "Repair", "darner.repair", nodeid)
    for line, nodeids in sorted(_suspected(path, text, file).items()):
        add(line, f"{len(nodeids)} failing", "darner.explain", nodeids[0])
    return Encoded(encoded(lenses))


def _suspected(path: str, text: Text, file: FileCases) -> dict[int, list[str]]:
    """By the line of each function: failing tests that passed through it in vain, or that suspect it."""
    found: dict[int, list[str]] = {}
    for case in file.by_id.values():
        names = {suspect.function for suspect in case.suspects if suspect.path == path}
        names |= {frame.function for frame in frames_of(case.result) if frame.path == path}
        lines = {function_line(text, name) for name in names if name and name[0] != "<"}
        for line in lines:
            if line is not None and not TEST.match(text.line(line)):
                found.setdefault(line, []).append(case.nodeid)
    return found


def _failing(path: str, text: Text, file: FileCases) -> dict[int, str]:
    """The line of each failing test, with the first failing id there (parameters share a line)."""
    found: dict[int, str] = {}
    for nodeid in file.by_id:
        if test_path(nodeid) == path and (line := definition(text, nodeid)) is not None:
            found.setdefault(line, nodeid)
    return found
