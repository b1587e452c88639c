"""Repairs and explanations: ask the engine, keep what it finds, and hand edits to the client."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from ..engine import wire
from ..engine.events import Located, Offered, Seen
from ..engine.reply import chosen
from ..engine.rest import reason_to_rest
from ..engine.settings import NO_MODEL
from ..engine.trace import after
from ..engine.types import FailureReport, FixStatus, Patch, Repair
from . import explanation, feed, known, questions
from .describe import doubt, evidence, short, test_name
from .edits import reverse, standing, workspace_edit
from .engine_link import EngineError, Row
from .jobs import Job
from .session import Session
from .snapshot import Applied, Board
from .work import common, shown, tell
from .work_tests import Which, run_tests

_MOST_UNDO = 20


async def repair(session: Session, job: Job, root: Path, nodeid: str, budget: str, apply: bool) -> None:
    """Look for a verified repair; apply it when nothing is left to ask or to doubt and `apply` says so.

    The user is asked as long as two behaviours are left and neither of them is right.
    """
    nodeid = await _failing(session, job, root, nodeid)
    while True:
        report = await _loop(session, job, root, nodeid, "repair", {"budget": budget})
        if report is None:
            return
        feed.candidates(session, root, report.nodeid)
        if report.question is None or not (apply and session.snapshot.client.asks):
            break
        command = f"darner fix {shlex.quote(report.nodeid)}"
        reply = await questions.replied(session, report.question, "repairs cure this test and differ", command)
        if reply is None:
            return
        at = chosen(report.question, reply)
        if at is not None:
            await apply_repair(session, root, report.nodeid, report.question.answers[at].candidate)
            return
        if why := questions.heard(root, report.question, reply):
            session.show(why, lsp.MessageType.Warning)
            return
        questions.set_aside(session, root, report.nodeid, report.question, reply)
    if report.status is FixStatus.REPAIRED and apply:
        if why := doubt(report.repairs[0]):
            session.show(f"{_ending(report)} It was not applied: {why}. The code action applies it.")
        else:
            await apply_repair(session, root, report.nodeid, 0)
    elif report.status is not FixStatus.REPAIRED and (apply or report.question is None):
        session.show(_ending(report))  # `apply: false`: the client shows what was found, and asks, in its own way


async def _failing(session: Session, job: Job, root: Path, nodeid: str) -> str:
    """The failing test that is meant; when none is known, every test runs first."""
    if session.board(root).cases.meant(nodeid) not in session.board(root).cases:
        await run_tests(session, job, root, (), Which.ALL)
    return session.board(root).cases.meant(nodeid)


async def look_ahead(session: Session, job: Job, root: Path, nodeids: Sequence[str]) -> None:
    """A quick search that nobody asked for, at low priority; what it finds waits in the code actions."""
    for nodeid in nodeids:
        if (tired := reason_to_rest()) or not session.board(root).settings.watch:
            job.why = tired
            return
        if nodeid not in session.board(root).cases:
            continue
        extra: dict[str, object] = {"budget": "quick", "background": True, "model": NO_MODEL}
        report = await _loop(session, job, root, nodeid, "repair", extra, asked=False)
        if report is not None and report.repairs:
            feed.candidates(session, root, report.nodeid)


async def explain(session: Session, job: Job, root: Path, nodeid: str) -> None:
    """Facts, then the model's prose if there is one; shown as a document where the client can."""
    nodeid = await _failing(session, job, root, nodeid)
    report = await _loop(session, job, root, nodeid, "explain", {})
    if report is None:
        return
    client = session.snapshot.client
    if "explanation" in client.told:
        feed.explained(session, root, report.nodeid)
    elif client.virtual_documents:
        await show_explanation(session, root, report.nodeid)
    else:
        session.show(f"{report.explanation.summary} Hover over the failing line for the facts.")


async def show_explanation(session: Session, root: Path, nodeid: str) -> None:
    """Open the virtual document (explanation.py) beside what the user looks at."""
    uri = explanation.uri(session.board(root), nodeid)
    with contextlib.suppress(JsonRpcException):
        await session.server.window_show_document_async(lsp.ShowDocumentParams(uri, take_focus=False))


async def apply_repair(session: Session, root: Path, nodeid: str, index: int) -> None:
    """Send the verified edit to the client; refuse with a sentence when the text has moved on."""
    board = session.board(root)
    case = board.cases.get(nodeid)
    if case is None or not 0 <= index < len(case.repairs):
        session.show(f"There is no verified repair for {nodeid}; run darner.repair first.", lsp.MessageType.Warning)
        return
    best = case.repairs[index]
    label = f"Repair {test_name(nodeid)}: {evidence(best, nodeid)}"
    if await send_edit(session, board, best.candidate.patch, label):
        applied(session, root, best, nodeid)


def applied(session: Session, root: Path, repair: Repair, nodeid: str) -> None:
    """The client has it: it can be undone, as long as its text stands."""
    board = session.board(root)
    example = questions.example_of(session, root, nodeid, repair)
    entry = Applied(repair.candidate.patch, repair.candidate.description, nodeid, example)
    session.put(replace(board, applied=(*board.applied, entry)[-_MOST_UNDO:]))
    if example is not None:
        questions.remember(session, root, example)
    _tell_engine(session, root, entry, applied=True)


async def undo(session: Session, root: Path) -> None:
    """Take back the last repair that was applied here in this session, and still stands."""
    board = session.board(root)
    left = standing(session.snapshot, board)
    for gone in reversed(board.applied[len(left) :]):
        _taken_back(session, root, gone)
    if not left:
        session.show("No repair of this session stands here; there is nothing to undo.")
        return
    last = left[-1]
    if await send_edit(session, board, reverse(last.patch), f"Undo: {short(last.description, 100)}"):
        _taken_back(session, root, last)


def _taken_back(session: Session, root: Path, entry: Applied) -> None:
    """By us, or by the editor's own undo: nothing is left of it, nor of the answer that chose it."""
    board = session.board(root)
    session.put(replace(board, applied=tuple(each for each in board.applied if each is not entry)))
    if entry.example is not None:
        questions.take_back(session, root, entry.example)
    _tell_engine(session, root, entry, applied=False)


def _tell_engine(session: Session, root: Path, entry: Applied, *, applied: bool) -> None:
    """For the trace of the run that found it, from which the weights may learn: nobody waits for that."""

    async def tell_it() -> None:
        with contextlib.suppress(EngineError):
            params = {"root": str(root), "nodeid": entry.nodeid, "after": after(entry.patch), "applied": applied}
            await session.engine.call("decided", params, lambda _name, _data: None)

    if session.engine_running():
        session.in_background(tell_it())


async def send_edit(session: Session, board: Board, patch: Patch, label: str) -> bool:
    """True when the client applied it; otherwise it has been told why not."""
    edit = workspace_edit(session.snapshot, board, patch)
    if isinstance(edit, str):
        session.show(edit, lsp.MessageType.Warning)
        return False
    if not session.snapshot.client.applies_edits:
        session.show("This editor cannot apply edits for Darner; use the code action on the failing line.")
        return False
    try:
        answer = await session.server.workspace_apply_edit_async(lsp.ApplyWorkspaceEditParams(edit, label))
    except JsonRpcException as error:
        session.show(f"The editor refused the repair: {error.message}", lsp.MessageType.Warning)
        return False
    if not answer.applied:
        reason = f": {answer.failure_reason}" if answer.failure_reason else ""
        session.show(f"The editor did not apply the repair{reason}.", lsp.MessageType.Warning)
    return answer.applied


async def _loop(
    session: Session,
    job: Job,
    root: Path,
    nodeid: str,
    method: str,
    extra: Mapping[str, object],
    *,
    asked: bool = True,
) -> FailureReport | None:
    """One run of the repair loop. None when it ended with an error, which the client has been told."""
    params = {**common(session, root), "nodeid": nodeid, "model": session.board(root).settings.model, **extra}
    offered: list[Offered] = []
    async with shown(session, job, asked=asked) as progress:

        def on_event(name: str, data: Row) -> None:
            tell(progress, name, data)
            if name == "seen":
                known.seen(session, root, wire.decode(data, Seen))
            if name == "located":
                known.located(session, root, wire.decode(data, Located))
            if name == "offered" and not job.stopping:
                offered.append(wire.decode(data, Offered))

        try:
            report = wire.decode(await session.engine.call(method, params, on_event), FailureReport)
        except asyncio.CancelledError:
            if offered and not job.why:  # the user's own cancel: of the search for more, not of what is verified
                known.offered(session, root, offered[-1])
                job.why = "Cancelled; nothing was changed. The repair that was verified by then is in the code actions."
            raise
        known.keep(session, root, report, sought=method == "repair")
        progress.outcome = _ending(report) if method == "repair" else report.explanation.summary
        return report
    return None


def _ending(report: FailureReport) -> str:
    """How a repair ended, in one sentence."""
    name = test_name(report.nodeid)
    if report.status is FixStatus.REPAIRED:
        best = report.repairs[0]
        return f"{short(best.candidate.description, 100)}: {evidence(best, report.nodeid)}."
    if report.status is FixStatus.AMBIGUOUS and report.question is not None:
        answers = " or ".join(short(answer.output, 60) for answer in report.question.answers)
        return (
            f"Repairs of {name} differ: for {short(report.question.input, 80)} they give {answers}. "
            "Answer with the code actions on the failing line."
        )
    if report.status is FixStatus.FLAKY:
        return f"{name} is flaky: it failed, then passed with nothing changed. {report.note}".strip()
    return report.note or f"No verified repair of {name} was found ({report.candidates_tried} candidates tried)."
