"""`textDocument/codeLens`: Run on every test, Explain and Repair on those that fail."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from lsprotocol import types as lsp

from .convert import Text
from .places import definition, test_path
from .snapshot import Board, Snapshot

_TEST = re.compile(r"(\s*)(?:async\s+)?def\s+(test\w*)\s*\(")
_CLASS = re.compile(r"(\s*)class\s+(\w+)")


def code_lens(snapshot: Snapshot, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    located = snapshot.locate(params.text_document.uri)
    if located is None:
        return []
    board, path = located
    text = snapshot.text(board, path)
    failing = _failing(board, path, text)
    lenses: list[lsp.CodeLens] = []
    for line, nodeid in sorted((_tests(text, path) | failing).items()):
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


def _tests(text: Text, path: str) -> dict[int, str]:
    """Tests by line, read from the text alone: pytest's default names, in classes by indentation."""
    name = PurePosixPath(path).name
    if not (name.startswith("test_") or name.endswith("_test.py")):
        return {}
    found: dict[int, str] = {}
    classes: list[tuple[int, str]] = []
    for line, content in enumerate(text.lines):
        if not (match := _TEST.match(content) or _CLASS.match(content)):
            continue
        indent = len(match[1])
        classes = [known for known in classes if known[0] < indent]
        if match.re is _CLASS:
            classes.append((indent, match[2]))
        elif len(classes) > 0 or indent == 0:
            found[line] = "::".join([path, *(name for _, name in classes), match[2]])
    return found
