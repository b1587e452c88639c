"""`textDocument/codeAction`: one action per verified repair, then answers, preview, repair, explain and undo.

All from what is known now. The edit of a repair is computed when the user chose it, where the client can wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from ..engine.reply import NEITHER, outcome
from ..engine.types import Origin, Repair
from .cases import Case
from .describe import evidence, repair_title, short, test_name
from .diagnostics import SOURCE
from .edits import Confirmation, moved, reverse, standing, workspace_edit
from .lookup import Hit, hits
from .snapshot import Board, Snapshot
from .write_actions import write_actions

_CONTENT_MODIFIED = -32801


def code_actions(snapshot: Snapshot, params: lsp.CodeActionParams) -> Sequence[lsp.CodeAction | lsp.Command]:
    only, uri = params.context.only, params.text_document.uri
    found = hits(snapshot, uri, params.range) if _wanted(lsp.CodeActionKind.QuickFix, only) else ()
    actions = [action for hit in found for action in _actions(snapshot, hit, params.context.diagnostics)]
    actions += _undo(snapshot, uri) if _wanted(lsp.CodeActionKind.QuickFix, only) else ()
    actions += [action for action in write_actions(snapshot, uri, params.range) if _wanted(action.kind, only)]
    if snapshot.client.action_literals:
        return actions
    return [action.command for action in actions if action.command is not None]


def _wanted(kind: str | None, only: Sequence[str] | None) -> bool:
    return kind is None or only is None or any(kind == one or kind.startswith(f"{one}.") or not one for one in only)


def resolve(snapshot: Snapshot, action: lsp.CodeAction) -> lsp.CodeAction:
    """`codeAction/resolve`: the edit of the repair that the action's data names."""
    raw: Any = action.data
    data: Mapping[str, Any] = cast("Mapping[str, Any]", raw) if isinstance(raw, Mapping) else {}
    board = snapshot.boards.get(Path(str(data.get("root", ""))))
    case = board.cases.get(str(data.get("nodeid", ""))) if board is not None else None
    repairs = {identity(repair): repair for repair in case.repairs} if case is not None else {}
    repair = repairs.get(str(data.get("repair", "")))
    if board is None or repair is None:
        raise JsonRpcException("This repair is out of date; open the code actions again.", _CONTENT_MODIFIED)
    edit = _edit(snapshot, board, repair, str(data["nodeid"]), confirm=data.get("confirm") is True)
    if isinstance(edit, str):
        raise JsonRpcException(edit, _CONTENT_MODIFIED)
    action.edit = edit
    return action


def identity(repair: Repair) -> str:
    """Names a repair of one test as long as the server runs."""
    return f"{hash(repair.candidate.patch) & 0xFFFFFFFFFFFFFFFF:016x}"


def _actions(snapshot: Snapshot, hit: Hit, shown: Sequence[lsp.Diagnostic]) -> Iterator[lsp.CodeAction]:
    case = hit.case
    fixes = [d for d in shown if d.source == SOURCE and d.code == case.nodeid] or None
    for action in (*_repairs(snapshot, hit), *_answers(hit), *_preview(snapshot, hit)):
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


def _repairs(snapshot: Snapshot, hit: Hit) -> Iterator[lsp.CodeAction]:
    """Only a verified repair is offered, and only as an edit of exactly the text that it was verified on."""
    case = hit.case
    titles = {id(repair): repair_title(repair, case.nodeid) for repair in case.repairs}
    if case.question is not None:
        for answer in case.question.answers:
            repair = case.repairs[answer.candidate]
            says = f"Answer: {short(case.question.input, 60)} {short(outcome(answer.output), 40)}"
            titles[id(repair)] = f"{says}. {repair_title(repair, case.nodeid)}"
    for index, repair in enumerate(case.repairs):
        if repair.verdict.verified:
            action = _apply(snapshot, hit, repair, index, titles[id(repair)])
            if action is not None:
                yield action


def _answers(hit: Hit) -> Iterator[lsp.CodeAction]:
    """What else the user may say than that one of the repairs is right."""
    if hit.case.question is None:
        return
    arguments = {"root": str(hit.board.root), "nodeid": hit.case.nodeid}
    asked = short(hit.case.question.input, 60)
    for title, command, said in (
        (f"Answer: neither is right for {asked}; look for another repair", "darner.answer", {"answer": NEITHER}),
        (f"Answer: write what {asked} should give", "darner.writeAnswer", {}),
    ):
        action = lsp.Command(title, command, arguments=[{**arguments, **said}])
        yield lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, command=action)


def _apply(snapshot: Snapshot, hit: Hit, repair: Repair, index: int, title: str) -> lsp.CodeAction | None:
    client, board, case = snapshot.client, hit.board, hit.case
    action = lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, tags=_tags(snapshot, repair))
    if trouble := moved(snapshot, board, repair.candidate.patch):
        action.disabled = lsp.CodeActionDisabled(trouble)
        return action if client.disabled else None
    arguments = {"root": str(board.root), "nodeid": case.nodeid, "index": index}
    if not client.action_literals:
        action.command = lsp.Command(title, "darner.applyRepair", arguments=[arguments])
        return action
    accepted = {**arguments, "repair": identity(repair)}
    action.command = lsp.Command("Remember that it was applied", "darner.applied", arguments=[accepted])
    if client.resolves_edits:
        action.data = accepted
    else:
        edit = _edit(snapshot, board, repair, case.nodeid, confirm=False)
        action.edit = edit if isinstance(edit, lsp.WorkspaceEdit) else None
    if client.preferred and index == 0 and _certain(case, repair):
        action.is_preferred = True
    return action


def _preview(snapshot: Snapshot, hit: Hit) -> Iterator[lsp.CodeAction]:
    """The best repair, shown before it is applied. A second way only: VS Code leaves its boxes unticked."""
    client, case = snapshot.client, hit.case
    verified = [repair for repair in case.repairs if repair.verdict.verified]
    if not verified or not client.action_literals or moved(snapshot, hit.board, verified[0].candidate.patch):
        return
    title = f"Preview repair: {short(verified[0].candidate.description, 100)}"
    action = lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, tags=_tags(snapshot, verified[0]))
    arguments = {"root": str(hit.board.root), "nodeid": case.nodeid}
    if client.annotations and client.document_changes and client.resolves_edits:
        action.data = {**arguments, "repair": identity(verified[0]), "confirm": True}
        yield action
    elif client.virtual_documents:
        action.command = lsp.Command(title, "darner.openExplanation", arguments=[arguments])
        yield action


def _undo(snapshot: Snapshot, uri: str) -> Iterator[lsp.CodeAction]:
    """Take back the last repair of this session, as long as its files hold what it wrote."""
    for board, path in snapshot.around(uri):
        last = next(reversed(standing(snapshot, board)), None)
        if last is None or path not in {change.path for change in last.patch.files}:
            continue
        if moved(snapshot, board, reverse(last.patch)):
            continue
        title = f"Undo repair: {short(last.description, 100)}"
        command = lsp.Command(title, "darner.undo", arguments=[{"root": str(board.root)}])
        yield lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, command=command)


def _edit(snapshot: Snapshot, board: Board, repair: Repair, nodeid: str, *, confirm: bool) -> lsp.WorkspaceEdit | str:
    words = Confirmation(short(repair.candidate.description, 100), evidence(repair, nodeid)) if confirm else None
    return workspace_edit(snapshot, board, repair.candidate.patch, words)


def _tags(snapshot: Snapshot, repair: Repair) -> list[lsp.CodeActionTag] | None:
    by_model = repair.candidate.origin is Origin.MODEL
    return [lsp.CodeActionTag.LlmGenerated] if snapshot.client.llm_tag and by_model else None


def _certain(case: Case, repair: Repair) -> bool:
    """One behaviour is left, and nothing says that it only seems to pass: nothing has to be asked."""
    return case.question is None and repair.verdict.proof.believed
