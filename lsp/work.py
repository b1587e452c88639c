"""What the jobs do: ask the engine, keep the board up to date while it answers, and tell the client how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from ..engine import wire
from ..engine.blame import where
from ..engine.events import Found, Located, Phase, Tried
from ..engine.types import FailureReport, FixStatus, Patch
from ..sandbox.types import Outcome, Status, TestResult
from .code_actions import workspace_edit
from .describe import evidence, short, test_name
from .engine_link import CANCELLED, EngineError, Row
from .feed import RunFeed
from .jobs import Job
from .progress import Progress
from .session import Session
from .snapshot import Board, Case

_BAD = frozenset({Outcome.FAILED, Outcome.ERROR})
_WHOLE = frozenset({Status.PASS, Status.FAIL, Status.CRASH, Status.OOM, Status.TIMEOUT})
"""Runs after which every test has an outcome: after a crash the engine asks the tests one by one."""


async def run_tests(session: Session, job: Job, root: Path, nodeids: tuple[str, ...], *, asked: bool = True) -> None:
    """Run these tests (all when empty); failures appear while they are reported.

    A run that nobody asked for, after a save, tells each trouble only once: a project may have no tests at all.
    """
    feed = RunFeed(session, job, root)
    feed.started(nodeids)
    try:
        await _run_tests(session, job, root, nodeids, feed, asked)
    finally:
        feed.ended(job.outcome)


async def _run_tests(
    session: Session, job: Job, root: Path, nodeids: tuple[str, ...], feed: RunFeed, asked: bool
) -> None:
    seen: dict[str, bool] = {}
    async with _shown(session, job, asked=asked) as progress:

        def on_event(name: str, data: Row) -> None:
            if name == "phase":
                progress.phase(wire.decode(data, Phase).text)
            elif name == "test":
                result = wire.decode(data, TestResult)
                seen[result.nodeid] = result.outcome in _BAD
                _note(session, root, result)
                feed.result(result)
                progress.report(f"{len(seen)} run, {sum(seen.values())} failed")

        answer = await session.engine.call("test", {**_common(session, root), "nodeids": list(nodeids)}, on_event)
        ran = wire.decode(answer, wire.Ran)
        _settle(session, root, ran, nodeids)
        for late in (result for result in ran.failing if result.nodeid not in seen):
            feed.result(late)
        progress.outcome = f"{ran.tests} run, {len(ran.failing)} failed"
        if ran.detail:
            (session.show if asked else session.show_once)(ran.detail, lsp.MessageType.Warning)


async def repair(session: Session, job: Job, root: Path, nodeid: str, budget: str, apply: bool) -> None:
    """Look for a verified repair; apply it when it is the only behaviour that is left and `apply` says so."""
    if nodeid not in session.board(root).cases:
        await run_tests(session, job, root, ())
    report = await _loop(session, job, root, nodeid, "repair", {"budget": budget})
    if report is None:
        return
    if report.status is FixStatus.REPAIRED and apply:
        await apply_repair(session, root, report.nodeid, 0)
    elif report.status is not FixStatus.REPAIRED:
        session.show(_ending(report))


async def explain(session: Session, job: Job, root: Path, nodeid: str) -> None:
    """Facts, then the model's prose if there is one; the hover shows all of it."""
    if nodeid not in session.board(root).cases:
        await run_tests(session, job, root, ())
    report = await _loop(session, job, root, nodeid, "explain", {})
    if report is not None:
        session.show(f"{report.explanation.summary} Hover over the failing line for the facts.")


async def apply_repair(session: Session, root: Path, nodeid: str, index: int) -> None:
    """Send the verified edit to the client; refuse with a sentence when the text has moved on."""
    board = session.board(root)
    case = board.cases.get(nodeid)
    if case is None or not 0 <= index < len(case.repairs):
        session.show(f"There is no verified repair for {nodeid}; run darner.repair first.", lsp.MessageType.Warning)
        return
    best = case.repairs[index]
    await _send_edit(session, board, best.candidate.patch, f"Repair {test_name(nodeid)}: {evidence(best, nodeid)}")


async def _send_edit(session: Session, board: Board, patch: Patch, label: str) -> None:
    edit = workspace_edit(session.snapshot, board, patch)
    if isinstance(edit, str):
        session.show(edit, lsp.MessageType.Warning)
        return
    if not session.snapshot.client.applies_edits:
        session.show("This editor cannot apply edits for Darner; use the code action on the failing line.")
        return
    try:
        answer = await session.server.workspace_apply_edit_async(lsp.ApplyWorkspaceEditParams(edit, label))
    except JsonRpcException as error:
        session.show(f"The editor refused the repair: {error.message}", lsp.MessageType.Warning)
        return
    if not answer.applied:
        reason = f": {answer.failure_reason}" if answer.failure_reason else ""
        session.show(f"The editor did not apply the repair{reason}.", lsp.MessageType.Warning)


async def _loop(
    session: Session, job: Job, root: Path, nodeid: str, method: str, extra: dict[str, str]
) -> FailureReport | None:
    """One run of the repair loop. None when it ended with an error, which the client has been told."""
    params = {**_common(session, root), "nodeid": nodeid, "model": session.board(root).settings.model, **extra}
    async with _shown(session, job) as progress:

        def on_event(name: str, data: Row) -> None:
            if name == "phase":
                progress.phase(wire.decode(data, Phase).text)
            elif name == "tried":
                progress.report(f"{wire.decode(data, Tried).count} tried")
            elif name == "located":
                found = wire.decode(data, Located)
                _update(session, root, found.nodeid, suspects=found.suspects, explanation=found.explanation)
            elif name == "found":
                progress.report(f"found {short(wire.decode(data, Found).repair.candidate.description, 80)}")

        report = wire.decode(await session.engine.call(method, params, on_event), FailureReport)
        _keep(session, root, report, sought=method == "repair")
        progress.outcome = _ending(report) if method == "repair" else report.explanation.summary
        return report
    return None


@asynccontextmanager
async def _shown(session: Session, job: Job, *, asked: bool = True) -> AsyncGenerator[Progress]:
    """Progress around one call of the engine. An EngineError ends here, told once; a cancel is told and passed on."""
    progress = Progress(session.server, job.id, job.title, session.snapshot.client.progress)
    begun = asyncio.create_task(progress.begin())
    try:
        yield progress
    except asyncio.CancelledError:
        progress.outcome = "Cancelled; nothing was changed."
        raise
    except EngineError as error:
        progress.outcome = str(error)
        if error.code != CANCELLED:
            (session.show if asked else session.show_once)(str(error), lsp.MessageType.Error)
    except Exception as error:
        progress.outcome = f"{job.title} failed inside Darner: {where(error, frames=1)}."
        session.show_once(progress.outcome, lsp.MessageType.Error)
        raise  # the job logs it
    finally:
        begun.cancel()
        progress.end()
        job.outcome = progress.outcome


def _common(session: Session, root: Path) -> dict[str, object]:
    return {"root": str(root), "python": session.board(root).settings.interpreter}


def _note(session: Session, root: Path, result: TestResult) -> None:
    """One test's outcome, as it is reported. What is known about an unchanged failure stays."""
    board = session.board(root)
    old = board.cases.get(result.nodeid)
    if result.outcome not in _BAD:
        if old is None:
            return
        session.put(board.without(frozenset({result.nodeid})))
    elif old is not None and old.result.failure == result.failure:
        session.put(board.with_case(replace(old, result=result)))
    else:
        session.put(board.with_case(Case(result)))
    session.changed()


def _settle(session: Session, root: Path, ran: wire.Ran, nodeids: tuple[str, ...]) -> None:
    """The end of a run: what it did not report any more is gone, if it was asked for and the run was whole."""
    for result in ran.failing:
        _note(session, root, result)
    if ran.status not in _WHOLE:
        return
    failing = {result.nodeid for result in ran.failing}
    board = session.board(root)
    gone = frozenset(known for known in board.cases if known not in failing and _asked(known, nodeids))
    if gone:
        session.put(board.without(gone))
        session.changed()


def _asked(nodeid: str, asked: tuple[str, ...]) -> bool:
    return not asked or any(nodeid == a or nodeid.startswith((f"{a}::", f"{a}[")) for a in asked)


def _update(session: Session, root: Path, nodeid: str, **news: object) -> None:
    board = session.board(root)
    if (case := board.cases.get(nodeid)) is not None:
        session.put(board.with_case(replace(case, **news)))
        session.changed()


def _keep(session: Session, root: Path, report: FailureReport, *, sought: bool) -> None:
    """What a repair found replaces what was known; only the explanation does when nothing was sought."""
    nodeid = report.nodeid
    _update(session, root, nodeid, suspects=report.suspects, explanation=report.explanation)
    if sought:
        verified = tuple(repair for repair in report.repairs if repair.verdict.verified)
        _update(session, root, nodeid, repairs=verified, question=report.question, note=report.note)


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
            "Choose one with the code actions on the failing line."
        )
    if report.status is FixStatus.FLAKY:
        return f"{name} is flaky: it failed, then passed with nothing changed. {report.note}".strip()
    return report.note or f"No verified repair of {name} was found ({report.candidates_tried} candidates tried)."
