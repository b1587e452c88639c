"""The split oracle: pytest and the tests in one sandbox, the candidate's functions alone in another.

    tests' sandbox  ──ask──▶  this process, which only passes on  ──▶  candidate's sandbox
    (no text of the candidate is there)                        (no test runs there, and nothing of it is believed)

Whatever the candidate does to its own process, it can only answer: with plain data, which pytest then judges elsewhere.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import wire
from .errors import SandboxError
from .session import Session
from .stand_in import CannotSplit, stand_in
from .types import Detail, Limits, RunResult, Status, TestResult
from .verdict import judge, passes
from .wire import Malformed, Row

_START_S = 30.0


@dataclass(frozen=True, slots=True)
class Split:
    """How a split run ended. UNSUPPORTED says nothing of the candidate."""

    status: Status
    detail: str = ""
    """One clause for everything but PASS."""
    asked: int = 0
    """Calls of the candidate's functions."""
    seconds: float = 0.0


def split(
    session: Session, nodeid: str, edits: Mapping[str, bytes], limits: Limits, cancelled: Callable[[], bool]
) -> Split:
    """Run one test in the session's partner, asking the candidate (`edits`) in the session. Raises nothing."""
    began = time.monotonic()
    try:
        stands = {path: stand_in(_read(session, path), data) for path, data in edits.items()}
        partner = session.partner()
    except CannotSplit as reason:
        return Split(Status.UNSUPPORTED, str(reason))
    except SandboxError as error:
        return Split(Status.INFRA, str(error))
    halves = _Halves(partner, session, limits, cancelled)
    run = halves.run(nodeid, stands, edits)
    return _judged(run, halves, nodeid, time.monotonic() - began)


def _read(session: Session, path: str) -> bytes:
    try:
        return (session.root / path).read_bytes()
    except OSError as error:
        raise CannotSplit(f"it makes a new file {path}") from error


def _judged(run: RunResult, halves: _Halves, nodeid: str, seconds: float) -> Split:
    asked, unsupported = halves.asked, halves.unsupported
    if unsupported:
        return Split(Status.UNSUPPORTED, f"the test and the candidate exchange {unsupported}", asked, seconds)
    if halves.ended_alone and run.status is not Status.PASS:
        return Split(Status.FAIL, "the candidate ended its own process", asked, seconds)
    if run.status not in (Status.PASS, Status.FAIL):
        return Split(run.status, run.detail, asked, seconds)
    passed = passes(nodeid, run.tests)
    if run.status is Status.PASS and passed and not asked:
        return Split(Status.UNSUPPORTED, "the test never asks for what the candidate changed", asked, seconds)
    status = Status.PASS if run.status is Status.PASS and passed else Status.FAIL
    return Split(status, "" if status is Status.PASS else _failure(run), asked, seconds)


def _failure(run: RunResult) -> str:
    said = next((f"{t.failure.exception}: {t.failure.message}" for t in run.tests if t.failure is not None), "")
    return f"the test does not pass there ({' '.join(said.split())[:120] or 'no report'})"


class _Halves:
    """Both runs at once; each row that one half says is heard by the other."""

    def __init__(self, tests: Session, candidate: Session, limits: Limits, cancelled: Callable[[], bool]) -> None:
        self._tests, self._candidate = tests, candidate
        self._limits, self._cancelled = limits, cancelled
        self._serving = threading.Event()
        self._gone = threading.Event()
        self._over = threading.Event()
        self.asked = 0
        self.unsupported = ""

    @property
    def ended_alone(self) -> bool:
        """The candidate's process ended before the tests had."""
        return self._gone.is_set() and not self._over.is_set()

    def run(self, nodeid: str, stands: Mapping[str, bytes], edits: Mapping[str, bytes]) -> RunResult:
        server = threading.Thread(target=self._serve, args=(edits,), daemon=True)
        server.start()
        self._serving.wait(_START_S)
        began = time.monotonic()
        found: list[TestResult] = []

        def on_row(row: Row) -> None:
            if "say" in row:
                self._pass_on(self._candidate, row)
            elif "test" in row:
                found.append(wire.test_result(row["test"]))
            elif "finished" in row:
                self._note(row)

        request: dict[str, object] = {"do": "half", "nodeids": [nodeid], "detail": str(Detail.VERDICTS)}
        rows, end = self._tests.talk.hold(request, stands, self._limits, self._is_over, on_row)
        if not self._gone.is_set():
            self._over.set()
            self._quietly(self._candidate.talk.stop)
        server.join()
        said = [row for row in rows if "say" not in row]
        return judge([nodeid], found, said, end, time.monotonic() - began, self._limits)

    def _serve(self, edits: Mapping[str, bytes]) -> None:
        def on_row(row: Row) -> None:
            if "serving" in row:
                self._serving.set()
            elif "say" in row:
                self._pass_on(self._tests, row)

        try:
            self._candidate.talk.hold({"do": "answers"}, edits, self._limits, self._over_or_cancelled, on_row)
        except SandboxError:  # what is asked of it then is never answered, and that ends the tests' half too
            pass
        finally:
            self._gone.set()
            self._serving.set()

    def _note(self, row: Row) -> None:
        asked, unsupported = row.get("asked"), row.get("unsupported")
        if not isinstance(asked, int) or not isinstance(unsupported, str):
            raise Malformed("the tests' half does not say what it asked")
        self.asked, self.unsupported = asked, wire.clean(unsupported)[:200]

    def _pass_on(self, other: Session, row: Row) -> None:
        self._quietly(lambda: other.talk.say(json.dumps(row["say"])))

    def _quietly(self, work: Callable[[], None]) -> None:
        try:
            work()
        except SandboxError:  # its own run reports the end of its server
            self._gone.set()

    def _is_over(self) -> bool:
        return self._gone.is_set() or self._cancelled()

    def _over_or_cancelled(self) -> bool:
        return self._over.is_set() or self._cancelled()
