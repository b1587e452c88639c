"""Failing tests as diagnostics: pure functions over a snapshot. Pulled or pushed, never both (session.py decides)."""

from __future__ import annotations

import hashlib

from lsprotocol import types as lsp

from . import explanation
from .describe import frame_line, frames_of, headline
from .places import find_line
from .snapshot import Board, Case, Snapshot

SOURCE = "darner"


def of_document(snapshot: Snapshot, board: Board, path: str) -> list[lsp.Diagnostic]:
    """Every failing test that shows in this file of the project."""
    text = snapshot.text(board, path)
    return [
        _diagnostic(snapshot, board, case, path, find_line(text, place, case.nodeid))
        for case, place in board.shows.get(path, ())
    ]


def paths(board: Board) -> frozenset[str]:
    """The project files that hold at least one diagnostic."""
    return frozenset(board.shows)


def at(snapshot: Snapshot, uri: str) -> list[lsp.Diagnostic]:
    located = snapshot.locate(uri)
    return of_document(snapshot, *located) if located else []


def result_id(diagnostics: list[lsp.Diagnostic]) -> str:
    """Equal for equal diagnostics, so that a client that has them is told `unchanged`."""
    return hashlib.sha256(repr(diagnostics).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def pull(snapshot: Snapshot, params: lsp.DocumentDiagnosticParams) -> lsp.DocumentDiagnosticReport:
    """`textDocument/diagnostic`."""
    found = at(snapshot, params.text_document.uri)
    if params.previous_result_id == result_id(found):
        return lsp.RelatedUnchangedDocumentDiagnosticReport(result_id=result_id(found))
    return lsp.RelatedFullDocumentDiagnosticReport(items=found, result_id=result_id(found))


def pull_workspace(snapshot: Snapshot, params: lsp.WorkspaceDiagnosticParams) -> lsp.WorkspaceDiagnosticReport | None:
    """`workspace/diagnostic`: files that nobody has open, too. None when the client knows everything already."""
    known = {previous.uri: previous.value for previous in params.previous_result_ids}
    found = {
        snapshot.uri(board, path): of_document(snapshot, board, path)
        for board in snapshot.boards.values()
        for path in paths(board)
    }
    reports: list[lsp.WorkspaceDocumentDiagnosticReport] = []
    for uri in sorted(found.keys() | known.keys()):
        items = found.get(uri, [])
        if known.get(uri) == result_id(items):
            continue
        document = snapshot.documents.get(uri)
        reports.append(
            lsp.WorkspaceFullDocumentDiagnosticReport(
                uri=uri, items=items, version=document.version if document else None, result_id=result_id(items)
            )
        )
    return lsp.WorkspaceDiagnosticReport(items=reports) if reports else None


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
