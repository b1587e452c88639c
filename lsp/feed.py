"""What a client with a test tree and a status item is told, when it asked for it; docs/lsp.md has the fields.

Comfort only: every other surface says the same by standard messages.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ..engine.coverage import FileCoverage
from ..sandbox.types import Failure, TestResult
from . import explanation
from .describe import headline
from .engine_link import EngineError, Row
from .jobs import Job
from .places import definition, find_line, places, project_frames, test_path
from .repairs import repairs_of
from .session import Session
from .snapshot import Board, Snapshot

_ABOUT_S = 1.0
"""How long a busy or stopped engine is waited for, before the rest is told without it."""


class RunFeed:
    """One run of tests: `darner/testRun` when it starts and ends, between them its results and its coverage."""

    def __init__(self, session: Session, job: Job, root: Path) -> None:
        self._session = session
        self._about: dict[str, object] = {"job": job.id, "root": str(root)}
        self._root = root

    def started(self, tests: Sequence[str], *, affected: bool, coverage: bool) -> None:
        asked = {"tests": list(tests) or None, "affected": affected, "coverage": coverage}
        self._run({"state": "started", **asked, "outcome": ""})

    def result(self, result: TestResult) -> None:
        if "testResult" in self._session.snapshot.client.told:
            row = test_row(self._session.snapshot, self._session.board(self._root), result)
            self._session.notify("testResult", self._about | row)

    def coverage(self, files: Sequence[FileCoverage]) -> None:
        """`darner/testCoverage`: the statements in functions, with the number of tests that executed each."""
        snapshot, board = self._session.snapshot, self._session.board(self._root)
        rows = [
            {
                "uri": snapshot.uri(board, file.path),
                "statements": [
                    {"line": each.line - 1, "endLine": each.end_line - 1, "tests": each.tests}
                    for each in file.statements
                ],
            }
            for file in files
        ]
        self._session.notify("testCoverage", self._about | {"files": rows})

    def ended(self, outcome: str) -> None:
        self._run({"state": "ended", "tests": None, "affected": False, "coverage": False, "outcome": outcome})

    def _run(self, row: dict[str, object]) -> None:
        self._session.notify("testRun", self._about | row)


def test_row(snapshot: Snapshot, board: Board, result: TestResult) -> dict[str, object]:
    """One outcome. `uri` and `line`, from 0, are the test's own."""
    path = test_path(result.nodeid)
    row: dict[str, object] = {
        "id": result.nodeid,
        "outcome": result.outcome.value,
        "seconds": result.seconds,
        "uri": snapshot.uri(board, path),
        "line": definition(snapshot.text(board, path), result.nodeid) or 0,
    }
    return row | _failure(snapshot, board, result, result.failure) if result.failure is not None else row


def _failure(snapshot: Snapshot, board: Board, result: TestResult, failure: Failure) -> dict[str, object]:
    """`at` is the line that carries the diagnostic. `expected` and `actual` are null but for a failing `==`."""
    place = places(result)[0]
    compared = failure.operator == "=="
    return {
        "message": headline(result),
        "text": failure.text,
        "at": {
            "uri": snapshot.uri(board, place.path),
            "line": find_line(snapshot.text(board, place.path), place, result.nodeid),
        },
        "frames": [
            {"uri": snapshot.uri(board, frame.path), "line": frame.line - 1, "function": frame.function}
            for frame in project_frames(result)
        ],
        "actual": failure.left if compared else None,
        "expected": failure.right if compared else None,
    }


def candidates(session: Session, root: Path, nodeid: str) -> None:
    """`darner/candidates`: what a repair found, as `darner.showRepairs` answers it."""
    session.notify("candidates", repairs_of(session.snapshot, session.board(root), nodeid))


def explained(session: Session, root: Path, nodeid: str) -> None:
    """`darner/explanation`: as `darner.showExplanation` answers it."""
    session.notify("explanation", explanation.shown(session.snapshot, session.board(root), nodeid))


async def status(session: Session) -> dict[str, object]:
    """What is open, trusted, failing and running, and what the engine has loaded. Starts nothing."""
    about: Row = {}
    engine = "running" if session.engine_running() else "not started"
    if session.engine_running() and not session.shutting_down:
        asking = asyncio.ensure_future(_about(session))
        await asyncio.wait({asking}, timeout=_ABOUT_S)
        if asking.done():
            about = asking.result()
        else:
            engine = "not answering"
            session.in_background(asking)  # not cancelled: an engine that ignores a cancel is killed
    return {
        "version": session.server.version,
        "engine": engine,
        "model": "",
        "device": "",
        "queued": 0,
        "tokens_per_second": None,
        "sandbox": {},
        **about,
        "jobs": [{"job": job.id, "title": job.title} for job in session.jobs.running],
        "projects": [
            {"root": str(root), "trusted": session.trusted(root), "failing": sorted(board.cases)}
            for root, board in session.snapshot.boards.items()
        ],
    }


async def _about(session: Session) -> Row:
    with contextlib.suppress(EngineError):
        return await session.engine.call("about", {}, lambda _name, _data: None)
    return {}


def log_end(session: Session, job: Job, seconds: float) -> None:
    """A line in the client's log for each long work: how long, and where it ran. No values and no source."""

    async def tell() -> None:
        now = await status(session)
        model = f", {now['model']} on {now['device']}" if now["model"] else ""
        tiers = sorted({str(each["backend"]) for each in cast("dict[str, Row]", now["sandbox"]).values()})
        sandbox = f", sandbox {' and '.join(tiers)}" if tiers else ""
        how = "cancelled" if job.cancelled else "ended"
        session.log(f"{job.title}: {how} after {seconds:.1f} s{model}{sandbox}")

    if not session.shutting_down:
        session.in_background(tell())


def tell_status(session: Session) -> None:
    """Send `darner/status` soon, to a client that asked for it."""

    async def tell() -> None:
        session.notify("status", await status(session))

    if "status" in session.snapshot.client.told and not session.shutting_down:
        session.in_background(tell())
