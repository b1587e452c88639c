"""Running and finding tests: what is known appears while pytest reports it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from lsprotocol import types as lsp

from ..engine import wire
from ..engine.events import Phase
from ..sandbox.types import TestResult
from . import known
from .discover import tests_of
from .engine_link import Row
from .feed import RunFeed
from .jobs import Job
from .session import Session
from .turns import Turns
from .work import common, shown


class Which(Enum):
    NAMED = "named"
    ALL = "all"
    AFFECTED = "affected"
    """What the changes since the last run can affect."""


async def run_tests(
    session: Session,
    job: Job,
    root: Path,
    nodeids: tuple[str, ...],
    which: Which,
    *,
    asked: bool = True,
    coverage: bool = False,
) -> frozenset[str]:
    """Run them; answers with the tests that fail now and did not before.

    A run that nobody asked for, after a save, tells each trouble only once: a project may have no tests at all.
    """
    before = frozenset(session.board(root).cases)
    told = RunFeed(session, job, root)
    told.started(nodeids, affected=which is Which.AFFECTED, coverage=coverage)
    try:
        params = {"nodeids": list(nodeids), "affected": which is Which.AFFECTED, "coverage": coverage}
        await _run_tests(session, job, root, params, told, asked)
    finally:
        told.ended(job.outcome)
    return frozenset(session.board(root).cases) - before


async def _run_tests(session: Session, job: Job, root: Path, wanted: Row, told: RunFeed, asked: bool) -> None:
    seen: dict[str, bool] = {}
    async with shown(session, job, asked=asked) as progress:

        def on_event(name: str, data: Row) -> None:
            if name == "phase":
                progress.phase(wire.decode(data, Phase).text)
            elif name == "test":
                result = wire.decode(data, TestResult)
                seen[result.nodeid] = result.outcome in known.BAD
                known.note(session, root, result)
                told.result(result)
                progress.report(f"{len(seen)} run, {sum(seen.values())} failed")

        answer = await session.engine.call("test", {**common(session, root), **wanted}, on_event)
        ran = wire.decode(answer, wire.Ran)
        turns = Turns()
        for late in ran.late:
            known.note(session, root, late)
            if not wanted["affected"]:  # else it is one of those that were not run now
                told.result(late)
            await turns.rest()
        known.settle(session, root, ran, tuple(wanted["nodeids"]))
        if wanted["coverage"]:
            told.coverage(ran.coverage)
        progress.outcome = f"{ran.tests} run, {len(ran.failing)} failed"
        if ran.detail:
            (session.show if asked else session.show_once)(ran.detail, lsp.MessageType.Warning)


async def list_tests(session: Session, job: Job, roots: Sequence[Path], *, asked: bool) -> None:
    """Tell the client every test: as pytest names them where it may run, else as the files' text does."""
    for root in roots:
        if not session.board(root).settings.enable:
            session.notify("testTree", {"root": str(root), "complete": True, "tests": []})
            continue
        nodeids = await _collected(session, job, root, asked) if session.trusted(root) else None
        tree = await asyncio.to_thread(tests_of, session.snapshot, session.board(root), nodeids)
        session.notify("testTree", tree)


async def _collected(session: Session, job: Job, root: Path, asked: bool) -> tuple[str, ...] | None:
    """None when pytest cannot collect, which the client has been told."""
    async with shown(session, job, asked=asked, silent=not asked) as progress:

        def on_event(name: str, data: Row) -> None:
            if name == "phase":
                progress.phase(wire.decode(data, Phase).text)

        answer = await session.engine.call("collect", common(session, root), on_event)
        progress.outcome = f"{len(answer['nodeids'])} tests"
        return tuple(answer["nodeids"])
    return None
