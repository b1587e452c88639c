"""The sandbox for asynchronous callers: a bounded queue before a few sessions, each run cancellable.

    pool = await Sandbox.open(spec)
    verdict = await pool.run(edits, tests, limits, Oracle.SPLIT)

Every run is one of `Session`'s (session.py), in a thread; nothing is decided here that is not decided there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from .assurance import OPPOSITE, assured
from .controls import must_fail
from .errors import SandboxError
from .session import Session, open_session
from .split import split
from .types import Assurance, Limits, Outcome, RunResult, Status, TestResult

T = TypeVar("T")
_RUNS = 3


class Oracle(StrEnum):
    """How much is asked before a pass is called one."""

    TRIAL = "trial"
    """One run in a fork. At most C."""
    COLD = "cold"
    """One run in a fresh interpreter. At most C."""
    SPLIT = "split"
    """Cold, and for every test its twin and a split run: A or B where nothing is left to doubt."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What is opened, and how much of it at a time."""

    root: Path
    python: Path
    trusted: bool = False
    sessions: int = 1
    """Runs at a time; each has a copy of the project of its own."""
    waiting: int = 64
    """Runs that may wait; one more is refused."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one candidate came to."""

    status: Status
    assurance: Assurance
    run: RunResult
    """The kernel's and the supervisor's evidence."""
    reasons: tuple[str, ...] = ()
    """Why the assurance is not higher."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The project as it stands, run several times."""

    tests: tuple[TestResult, ...]
    """Of the first run: ids, outcomes, seconds."""
    flaky: frozenset[str]
    """Tests whose outcome was not the same every time."""
    peak_bytes: int
    """The largest resident size of a run."""


class Sandbox:
    """Where everything begins."""

    @staticmethod
    async def open(spec: Spec) -> Pool:
        """Copy the project once for every session. Raises NoIsolation and WorkspaceError as `open_session` does."""
        opened: list[Session] = []
        try:
            for _ in range(spec.sessions):
                opened.append(await asyncio.to_thread(open_session, spec.root, spec.python, trusted=spec.trusted))
        except BaseException:
            for session in opened:
                session.close()
            raise
        return Pool(opened, spec.waiting)


class Pool:
    """A few sessions on one project. Close it when done."""

    def __init__(self, sessions: Sequence[Session], waiting: int) -> None:
        self._sessions = tuple(sessions)
        self._free: asyncio.Queue[Session] = asyncio.Queue()
        for session in sessions:
            self._free.put_nowait(session)
        self._room = waiting + len(sessions)

    async def run(
        self,
        edits: Mapping[str, bytes],
        tests: Sequence[str],
        limits: Limits | None = None,
        oracle: Oracle = Oracle.TRIAL,
    ) -> Verdict:
        """Run these tests with `edits` in place. A cancelled caller ends the run.

        Raises SandboxError when too many wait already.
        """
        bounds = limits or Limits()
        return await self._taking_turns(
            lambda session, stopped: _judged(session, edits, tests, bounds, oracle, stopped)
        )

    async def baseline(self, tests: Sequence[str] = ()) -> Baseline:
        """The tests (all when empty) on the project as it stands, three times."""
        return await self._taking_turns(lambda session, stopped: _baseline(session, tests, stopped))

    async def close(self) -> None:
        for session in self._sessions:
            await asyncio.to_thread(session.close)

    async def _taking_turns(self, work: Callable[[Session, Callable[[], bool]], T]) -> T:
        async with self._session() as session:
            stopped = threading.Event()
            running = asyncio.ensure_future(asyncio.to_thread(work, session, stopped.is_set))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                stopped.set()
                await asyncio.wait([running])
                raise

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[Session]:
        if self._room <= 0:
            raise SandboxError("Too many candidates wait for the sandbox already; wait for some of them first.")
        self._room -= 1
        try:
            session = await self._free.get()
            try:
                yield session
            finally:
                self._free.put_nowait(session)
        finally:
            self._room += 1


def _judged(
    session: Session,
    edits: Mapping[str, bytes],
    tests: Sequence[str],
    limits: Limits,
    oracle: Oracle,
    stopped: Callable[[], bool],
) -> Verdict:
    run = session.run(tests, edits, limits=limits, fresh=oracle is not Oracle.TRIAL, cancelled=stopped)
    if run.status is not Status.PASS:
        return Verdict(run.status, Assurance.D, run)
    if oracle is not Oracle.SPLIT:
        return Verdict(run.status, Assurance.C, run, ("only run beside pytest",))
    levels = [_examined(session, edits, test.nodeid, limits, stopped) for test in run.tests]
    level = max((level for level, _ in levels), default=Assurance.C)
    reasons = tuple(dict.fromkeys(reason for _, why in levels for reason in why))
    return Verdict(Status.TAMPERED if OPPOSITE in reasons else run.status, level, run, reasons)


def _examined(
    session: Session, edits: Mapping[str, bytes], nodeid: str, limits: Limits, stopped: Callable[[], bool]
) -> tuple[Assurance, tuple[str, ...]]:
    control = must_fail(
        session.root, nodeid, edits, lambda files: session.run((nodeid,), files, limits=limits, cancelled=stopped)
    )
    return assured(control, split(session, nodeid, edits, limits, stopped), session.report)


def _baseline(session: Session, tests: Sequence[str], stopped: Callable[[], bool]) -> Baseline:
    runs = [session.run(tests, cancelled=stopped) for _ in range(_RUNS)]
    outcomes: dict[str, set[Outcome]] = {}
    for run in runs:
        for test in run.tests:
            outcomes.setdefault(test.nodeid, set()).add(test.outcome)
    flaky = frozenset(nodeid for nodeid, seen in outcomes.items() if len(seen) > 1)
    return Baseline(runs[0].tests, flaky, max(run.peak_bytes for run in runs))
