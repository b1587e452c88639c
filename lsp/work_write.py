"""Writing: ask the engine for a body or a test, and hand the verified edit to the client; ask first where in doubt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from string import ascii_uppercase
from typing import TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from ..engine import wire
from ..engine.types import Repair
from ..engine.written import TestWritten, Written, evidence, tellers
from .describe import doubt, short
from .jobs import Job
from .progress import Progress
from .session import Session
from .snapshot import Applied
from .work import common, shown, tell
from .work_repairs import applied, send_edit

Writer = Callable[[Session, Job, Path, str, str], Awaitable[None]]
T = TypeVar("T", Written, TestWritten)
_ADD = "Add it"
_APPLY = "Apply it"


async def implement(session: Session, job: Job, root: Path, name: str, budget: str) -> None:
    """The body of a stub: applied when the project's own tests or examples judged it, else after the user agreed."""
    params = {"name": name, "budget": budget}
    async with shown(session, job) as progress:
        report = await _asked(session, root, "write", params, progress, Written)
        progress.outcome = _ending(report)
    if not report.repairs:
        session.show(_ending(report))
        return
    chosen = await _chosen(session, report)
    if chosen is None:
        session.show(f"{_ending(report)} Nothing was changed.")
    elif await send_edit(session, session.board(root), chosen.candidate.patch, f"Implement: {evidence(report)}"):
        applied(session, root, chosen, name)


async def _chosen(session: Session, report: Written) -> Repair | None:
    """The body to apply; None when the user wants none of them, or cannot be asked."""
    if report.question is not None:
        letters = zip(ascii_uppercase, report.question.answers, strict=False)
        buttons = {f"{letter}: {short(answer.output, 40)}": answer.candidate for letter, answer in letters}
        text = f"Two bodies pass. Which is right for {short(report.question.input, 80)}?"
        button = await _ask(session, text, list(buttons))
        return report.repairs[buttons[button]] if button in buttons else None
    best = report.repairs[0]
    if why := doubt(best):
        asked = f"{_ending(report)} It was not applied: {why}."
        return best if await _ask(session, asked, [_APPLY]) == _APPLY else None
    return best


async def write_test(session: Session, job: Job, root: Path, name: str, budget: str) -> None:
    async with shown(session, job) as progress:
        report = await _asked(session, root, "write_test", {"name": name, "budget": budget}, progress, TestWritten)
        progress.outcome = _told(report)
    await _add(session, root, report)


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
    async with shown(session, job) as progress:
        report = await _asked(session, root, "example", params, progress, TestWritten)
        progress.outcome = _told(report)
    await _add(session, root, report)


async def _add(session: Session, root: Path, report: TestWritten) -> None:
    if report.patch is None:
        session.show(_told(report))
    else:
        await send_edit(session, session.board(root), report.patch, _told(report))


async def _asked(
    session: Session,
    root: Path,
    method: str,
    params: dict[str, object] | dict[str, str],
    progress: Progress,
    kind: type[T],
) -> T:
    whole = {**common(session, root), "model": session.board(root).settings.model, **params}
    return wire.decode(await session.engine.call(method, whole, partial(tell, progress)), kind)


async def _ask(session: Session, text: str, buttons: list[str]) -> str:
    """The button that the user pressed; empty for none, and where the client has none."""
    if not session.snapshot.client.asks:
        return ""
    actions = [lsp.MessageActionItem(title) for title in buttons]
    params = lsp.ShowMessageRequestParams(lsp.MessageType.Info, text, actions)
    try:
        answer = await session.server.window_show_message_request_async(params)
    except JsonRpcException:
        return ""
    return answer.title if answer is not None else ""


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
