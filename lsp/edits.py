"""A patch as an edit of what the client has open: minimal, versioned, and only of exactly the text it was tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lsprotocol import types as lsp

from ..engine.types import FileChange, Patch
from .convert import Encoding, file_edits, shows
from .snapshot import Applied, Board, Snapshot

_NOTE = "repair"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Words beside the client's question whether to apply."""

    label: str
    description: str


def moved(snapshot: Snapshot, board: Board, patch: Patch) -> str:
    """Why the patch cannot be applied now, in one sentence; empty when it can. Cheap: no edit is computed."""
    for change in patch.files:
        if not shows(snapshot.text(board, change.path).text, change.before):
            return f"{change.path} is no longer the text that this repair was tried on; save it and repair again."
    return ""


def workspace_edit(
    snapshot: Snapshot, board: Board, patch: Patch, confirmation: Confirmation | None = None
) -> lsp.WorkspaceEdit | str:
    """The edit, or the sentence that says why there is none. Clients show a `confirmation` before they apply."""
    by_document: list[lsp.TextDocumentEdit | lsp.CreateFile] = []
    for change in patch.files:
        if not change.before and not snapshot.text(board, change.path).starts.length and not _exists(board, change):
            if not snapshot.client.creates_files:
                return f"This editor cannot make the new file {change.path} for Darner; `darner test --apply` can."
            by_document.append(lsp.CreateFile(snapshot.uri(board, change.path)))
        found = _edits(snapshot, board, change)
        if found is None:
            return moved(snapshot, board, patch) or f"{change.path} changes its encoding; apply it by `darner fix`."
        uri = snapshot.uri(board, change.path)
        document = snapshot.documents.get(uri)
        version = lsp.OptionalVersionedTextDocumentIdentifier(uri, document.version if document else None)
        annotated = [lsp.AnnotatedTextEdit(_NOTE, e.range, e.new_text) for e in found] if confirmation else found
        by_document.append(lsp.TextDocumentEdit(version, list(annotated)))
    if not snapshot.client.document_changes:
        return lsp.WorkspaceEdit(
            changes={
                e.text_document.uri: [t for t in e.edits if isinstance(t, lsp.TextEdit)]
                for e in by_document
                if isinstance(e, lsp.TextDocumentEdit)
            }
        )
    notes = (
        {_NOTE: lsp.ChangeAnnotation(confirmation.label, needs_confirmation=True, description=confirmation.description)}
        if confirmation
        else None
    )
    return lsp.WorkspaceEdit(document_changes=by_document, change_annotations=notes)


def _exists(board: Board, change: FileChange) -> bool:
    return Path(board.file(change.path)).exists()


def reverse(patch: Patch) -> Patch:
    """The patch that takes it back."""
    return Patch(tuple(replace(change, before=change.after, after=change.before) for change in patch.files))


def standing(snapshot: Snapshot, board: Board) -> tuple[Applied, ...]:
    """The repairs that are there to be taken back: without the latest ones, if the editor's own undo took them back."""
    left = board.applied
    while left and not moved(snapshot, board, left[-1].patch):
        left = left[:-1]
    return left


def _edits(snapshot: Snapshot, board: Board, change: FileChange) -> Sequence[lsp.TextEdit] | None:
    encoding: Encoding = snapshot.client.encoding
    return file_edits(snapshot.text(board, change.path).text, change.before, change.after, encoding)
