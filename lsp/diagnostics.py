"""Failing tests as diagnostics, made from a snapshot. Pulled or pushed, never both (publish.py decides)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from lsprotocol import types as lsp

from . import explanation
from .cases import Case
from .describe import frame_line, frames_of, headline
from .encode import Encoded, encoded
from .places import find_line
from .snapshot import Board, Snapshot
from .turns import Turns

SOURCE = "darner"


@dataclass(frozen=True, slots=True)
class Told:
    """A file's diagnostics as the client gets them."""

    items: str
    """A JSON array."""
    id: str
    """Equal for equal diagnostics, so that a client that has them is told `unchanged`."""


def each(snapshot: Snapshot, board: Board, path: str) -> Iterator[lsp.Diagnostic]:
    """Every failing test that shows in this file of the project."""
    text = snapshot.text(board, path)
    for case, place in board.cases.about(path).shown:
        yield _diagnostic(snapshot, board, case, path, find_line(text, place, case.nodeid))


def paths(board: Board) -> list[str]:
    """The project files that hold at least one diagnostic."""
    return [path for path, file in board.cases.files.items() if file.shown]


async def told(snapshot: Snapshot, uri: str) -> Told:
    """One by one, because thousands must not hold up who asks something meanwhile."""
    located, turns = snapshot.locate(uri), Turns()
    pieces: list[str] = []
    for diagnostic in each(snapshot, *located) if located else ():
        pieces.append(encoded(diagnostic))
        await turns.rest()
    items = f"[{','.join(pieces)}]"
    return Told(items, hashlib.sha256(items.encode("utf-8", "surrogatepass")).hexdigest()[:16])


async def pull(snapshot: Snapshot, params: lsp.DocumentDiagnosticParams) -> Encoded:
    """`textDocument/diagnostic`."""
    now = await told(snapshot, params.text_document.uri)
    if params.previous_result_id == now.id:
        return Encoded(f'{{"kind":"unchanged","resultId":"{now.id}"}}')
    return Encoded(f'{{"kind":"full","resultId":"{now.id}","items":{now.items}}}')


async def pull_workspace(snapshot: Snapshot, params: lsp.WorkspaceDiagnosticParams) -> Encoded | None:
    """`workspace/diagnostic`: files that nobody has open, too. None when the client knows everything already."""
    known = {previous.uri: previous.value for previous in params.previous_result_ids}
    shown = {snapshot.uri(board, path) for board in snapshot.boards.values() for path in paths(board)}
    reports: list[str] = []
    for uri in sorted(shown | known.keys()):
        now = await told(snapshot, uri)
        if known.get(uri) != now.id:
            document = snapshot.documents.get(uri)
            about = json.dumps({"kind": "full", "uri": uri, "version": document.version if document else None})
            reports.append(f'{about[:-1]},"resultId":"{now.id}","items":{now.items}}}')
    return Encoded(f'{{"items":[{",".join(reports)}]}}') if reports else None


def _diagnostic(snapshot: Snapshot, board: Board, case: Case, path: str, line: int) -> lsp.Diagnostic:
    client = snapshot.client
    return lsp.Diagnostic(
        range=snapshot.text(board, path).line_range(line, client.encoding),
        message=headline(case.result),
        severity=lsp.DiagnosticSeverity.Error,
        code=case.nodeid,
        code_description=_described(snapshot, board, case),
        source=SOURCE,
        related_information=_related(snapshot, board, case) if client.related else None,
        data={"nodeid": case.nodeid, "root": str(board.root)} if client.diagnostic_data else None,
    )


def _described(snapshot: Snapshot, board: Board, case: Case) -> lsp.CodeDescription | None:
    """The code as a link to the long explanation, where the client can open it."""
    if snapshot.client.links_codes and snapshot.client.virtual_documents:
        return lsp.CodeDescription(explanation.uri(board, case.nodeid))
    return None


def _related(snapshot: Snapshot, board: Board, case: Case) -> list[lsp.DiagnosticRelatedInformation]:
    """One entry per frame, innermost first, with the values that its names held."""
    return [
        lsp.DiagnosticRelatedInformation(
            lsp.Location(
                snapshot.uri(board, frame.path),
                snapshot.text(board, frame.path).line_range(frame.line - 1, snapshot.client.encoding),
            ),
            f"in {frame.function}" + (f": {values}" if (values := frame_line(frame)) else ""),
        )
        for frame in reversed(frames_of(case.result))
    ]
