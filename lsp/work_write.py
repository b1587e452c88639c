"""Writing: ask the engine for a body or a test, and hand the verified edit to the client; ask first where in doubt."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..engine import wire
from ..engine.reply import Reply
from ..engine.reply import chosen as reply_chosen
from ..engine.types import Patch, Repair
from ..engine.written import TestWritten, Written, evidence, tellers
from . import questions
from .describe import doubt
from .jobs import Job
from .session import Session
from .snapshot import Applied
from .work import common, shown, tell
from .work_repairs import applied, send_edit

Writer = Callable[[Session, Job, Path, str, str], Awaitable[None]]
T = TypeVar("T", Written, TestWritten)
_ADD = "Add them"
_APPLY = "Apply it"


async def implement(session: Session, job: Job, root: Path, name: str, budget: str) -> None:
    """The body of a stub: applied when the project's own tests or examples judged it, else after the user agreed."""
    params = {"name": name, "budget": budget}
    while True:
        report = await _asked(session, job, root, "write", params, Written, _ending)
        if report is None:
            return
        if not report.repairs:
            session.show(_ending(report))
            return
        reply = await _replied(session, report)
        if report.question is None or reply is None:
            break
        if why := questions.heard(root, report.question, reply):
            session.show(why)
        if why or reply != Reply():
            break  # else neither is right: other bodies are looked for
    chosen = await _chosen(session, report, reply)
    if chosen is None:
        session.show(f"{_ending(report)} Nothing was changed.")
        return
    job.basis = None  # the search is over: what is saved now is the body itself
    if await send_edit(session, session.board(root), chosen.candidate.patch, f"Implement: {evidence(report)}"):
        applied(session, root, chosen, name)
        if report.tests is not None and chosen is report.repairs[0]:  # of another body nobody knows that it passes them
            await _keep_tests(session, root, name, report.tests)


async def _keep_tests(session: Session, root: Path, name: str, tests: Patch) -> None:
    """The model's own tests, which judged the body: the user may want to look at them and to have them from now on."""
    function = name.partition("::")[2]
    asked = f"The body of {function} passes tests that the model wrote. Add them to {tests.files[0].path}?"
    if await questions.pressed(session, asked, [_ADD]) == _ADD:
        await send_edit(session, session.board(root), tests, f"Tests of {function}, written by the model")


async def _replied(session: Session, report: Written) -> Reply | None:
    if report.question is None:
        return None
    return await questions.replied(session, report.question, "bodies pass", f"darner write {shlex.quote(report.name)}")


async def _chosen(session: Session, report: Written, reply: Reply | None) -> Repair | None:
    """The body to apply; None when the user wants none of them, or cannot be asked."""
    if report.question is not None:
        at = reply and reply_chosen(report.question, reply)
        return None if at is None else report.repairs[report.question.answers[at].candidate]
    best = report.repairs[0]
    if why := doubt(best):
        asked = f"{_ending(report)} It was not applied: {why}."
        return best if await questions.pressed(session, asked, [_APPLY]) == _APPLY else None
    return best


async def write_test(session: Session, job: Job, root: Path, name: str, budget: str) -> None:
    params = {"name": name, "budget": budget}
    await _add(session, root, await _asked(session, job, root, "write_test", params, TestWritten, _told))


async def add_example(session: Session, job: Job, root: Path, last: Applied) -> None:
    """The answered question as a test of the project, in its own style."""
    example = last.example
    assert example is not None, "the command looks first"
    params: dict[str, object] = {
        "budget": session.board(root).settings.budget,
        "input": example.input,
        "output": example.output,
        "path": example.path,
        "line": example.line,
        "chosen": wire.encode(last.patch),
        "others": wire.encode(example.others),
        "model": "none",
    }
    await _add(session, root, await _asked(session, job, root, "example", params, TestWritten, _told))


async def _add(session: Session, root: Path, report: TestWritten | None) -> None:
    if report is None:
        return
    if report.patch is None:
        session.show(_told(report))
    else:
        await send_edit(session, session.board(root), report.patch, _told(report))


async def _asked(
    session: Session,
    job: Job,
    root: Path,
    method: str,
    params: dict[str, object] | dict[str, str],
    kind: type[T],
    told: Callable[[T], str],
) -> T | None:
    """None when it ended with an error, which the client has been told; else told in one sentence how it ended."""
    whole = {**common(session, root), "model": session.board(root).settings.model, **params}
    async with shown(session, job) as progress:
        report = wire.decode(await session.engine.call(method, whole, partial(tell, progress)), kind)
        progress.outcome = told(report)
        return report
    return None


def _ending(report: Written) -> str:
    """How it ended, in one sentence; which of the three judged is part of it."""
    name = report.name.partition("::")[2]
    if not report.repairs:
        return f"{name} was not written: {report.note}"
    return f"{name} was written; {evidence(report)}."


def _told(report: TestWritten) -> str:
    name = report.name.partition("::")[2]
    if report.patch is None:
        return f"No test of {name} was kept: {report.note}"
    return f"Test of {name}: kills {report.killed} of {report.mutants} wrong versions; {tellers(report)}."
