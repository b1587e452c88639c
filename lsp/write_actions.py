"""Code actions that write: "Implement NAME" in a stub, "Write a test for NAME" on a `def`, an answer as a test."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ..engine.protected import is_test_path
from .edits import standing
from .functions import function_at
from .questions import title
from .snapshot import Snapshot


def write_actions(snapshot: Snapshot, uri: str, span: lsp.Range) -> Iterator[lsp.CodeAction]:
    located = snapshot.locate(uri)
    if located is None or not snapshot.client.applies_edits:
        return
    board, path = located
    yield from _examples(snapshot, uri)
    if is_test_path(path) or not path.endswith(".py"):
        return
    spot = function_at(snapshot.text(board, path), span.start.line)
    if spot is None:
        return
    arguments = {"root": str(board.root), "name": f"{path}::{spot.name}"}
    if spot.stub:
        yield _action(f"Implement {spot.name}", "darner.implement", arguments, lsp.CodeActionKind.QuickFix, snapshot)
    elif span.start.line == spot.line:
        title = f"Write a test for {spot.name}"
        yield _action(title, "darner.writeTest", arguments, lsp.CodeActionKind.Refactor, snapshot)


def _examples(snapshot: Snapshot, uri: str) -> Iterator[lsp.CodeAction]:
    """The last repair that was chosen by an answer: its example may stay as a test."""
    for board, _ in snapshot.around(uri):
        last = next(reversed(standing(snapshot, board)), None)
        if last is not None and last.example is not None:
            arguments = {"root": str(board.root)}
            yield _action(title(last.example), "darner.addExample", arguments, lsp.CodeActionKind.QuickFix, snapshot)


def _action(
    title: str, command: str, arguments: dict[str, str], kind: lsp.CodeActionKind, snapshot: Snapshot
) -> lsp.CodeAction:
    tags = [lsp.CodeActionTag.LlmGenerated] if snapshot.client.llm_tag and command != "darner.addExample" else None
    return lsp.CodeAction(title, kind, command=lsp.Command(title, command, arguments=[arguments]), tags=tags)
