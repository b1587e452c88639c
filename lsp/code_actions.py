"""`textDocument/codeAction`: explain, repair, and one action per verified repair. All from what is known now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types as lsp

from ..engine.types import Origin, Patch, Repair
from .convert import file_edits
from .describe import repair_title, test_name
from .diagnostics import SOURCE
from .lookup import Hit, hits
from .snapshot import Board, Case, Snapshot


def code_actions(snapshot: Snapshot, params: lsp.CodeActionParams) -> Sequence[lsp.CodeAction | lsp.Command]:
    only = params.context.only
    if only is not None and not any(lsp.CodeActionKind.QuickFix.startswith(kind) for kind in only):
        return []
    found = hits(snapshot, params.text_document.uri, params.range)
    actions = [action for hit in found for action in _actions(snapshot, hit, params.context.diagnostics)]
    if snapshot.client.action_literals:
        return actions
    return [action.command for action in actions if action.command is not None]


def workspace_edit(snapshot: Snapshot, board: Board, patch: Patch) -> lsp.WorkspaceEdit | str:
    """The patch as an edit of what the client has open, or the sentence that says why it cannot be applied."""
    by_document: list[lsp.TextDocumentEdit] = []
    for change in patch.files:
        uri = snapshot.uri(board, change.path)
        document = snapshot.documents.get(uri)
        edits = file_edits(
            snapshot.text(board, change.path).text, change.before, change.after, snapshot.client.encoding
        )
        if edits is None:
            return f"{change.path} is no longer the text that this repair was tried on; save it and repair again."
        version = lsp.OptionalVersionedTextDocumentIdentifier(uri, document.version if document else None)
        by_document.append(lsp.TextDocumentEdit(version, list(edits)))
    if snapshot.client.document_changes:
        return lsp.WorkspaceEdit(document_changes=by_document)
    changes = {e.text_document.uri: [edit for edit in e.edits if isinstance(edit, lsp.TextEdit)] for e in by_document}
    return lsp.WorkspaceEdit(changes=changes)


def _actions(snapshot: Snapshot, hit: Hit, shown: Sequence[lsp.Diagnostic]) -> Iterator[lsp.CodeAction]:
    case = hit.case
    fixes = [d for d in shown if d.source == SOURCE and d.code == case.nodeid] or None
    for index, repair in enumerate(case.repairs):
        if (action := _apply(snapshot, hit, repair, index)) is not None:
            action.diagnostics = fixes
            yield action
    arguments = {"root": str(hit.board.root), "nodeid": case.nodeid}
    for title, command in (
        (f"Repair: make {test_name(case.nodeid)} pass", "darner.repair"),
        ("Explain this failure", "darner.explain"),
    ):
        yield lsp.CodeAction(
            title, lsp.CodeActionKind.QuickFix, fixes, command=lsp.Command(title, command, arguments=[arguments])
        )


def _apply(snapshot: Snapshot, hit: Hit, repair: Repair, index: int) -> lsp.CodeAction | None:
    """Only a verified repair is offered, and only as an edit of exactly the text that it was verified on."""
    client, case = snapshot.client, hit.case
    if not repair.verdict.verified:
        return None
    title = repair_title(repair, case.nodeid)
    action = lsp.CodeAction(title, lsp.CodeActionKind.QuickFix)
    if client.llm_tag and repair.candidate.origin is Origin.MODEL:
        action.tags = [lsp.CodeActionTag.LlmGenerated]
    edit = workspace_edit(snapshot, hit.board, repair.candidate.patch)
    if isinstance(edit, str):
        action.disabled = lsp.CodeActionDisabled(edit)
        return action if client.disabled else None
    if client.action_literals:
        action.edit = edit
    else:
        arguments = {"root": str(hit.board.root), "nodeid": case.nodeid, "index": index}
        action.command = lsp.Command(title, "darner.applyRepair", arguments=[arguments])
    if client.preferred and index == 0 and _certain(case):
        action.is_preferred = True
    return action


def _certain(case: Case) -> bool:
    """One behaviour is left: nothing has to be asked."""
    return case.question is None
