"""Whether a pass is to be believed: the whole suite from cold, twins that must fail, the split run, a second backend.

    session   cold ──passed─────────┐
    partner   twins ──not fooled────┴──▶ split ──says nothing──▶ cold again, in another backend

The first two take place at once, where there is a core for each; whichever refutes the claim ends the other.
What the command line, the language server and training call; a trial (`Session.run`) alone proves little.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from .assurance import OPPOSITE, Second, assured
from .controls import must_fail
from .errors import SandboxError
from .partner import spare_cores
from .session import Session
from .split import Split, split
from .types import Assurance, Control, Detail, Limits, Outcome, RunResult, Status
from .verdict import passes

_ENDED = (Status.PASS, Status.FAIL)
_NOT_SPLIT = Split(Status.UNSUPPORTED, "it was not tried")


@dataclass(frozen=True, slots=True)
class Claim:
    """A candidate that seems to repair a test."""

    nodeid: str
    edits: Mapping[str, bytes]
    passing: frozenset[str]
    """Tests that passed before and must still."""
    tests: tuple[str, ...]
    """What the cold run is asked for; all when empty."""
    cold: Limits
    """Of a cold run."""
    alone: Limits
    """Of a run of the test alone."""
    reread: bool = False
    """The test is read when it is collected (a doctest), so each of its twins needs a fresh interpreter."""

    def holds_in(self, run: RunResult) -> bool:
        """The run is whole, the test passed, and so did all that passed before; others may fail as they did."""
        return run.status in _ENDED and not self.missing_in(run)

    def missing_in(self, run: RunResult) -> tuple[str, ...]:
        passed = {test.nodeid for test in run.tests if test.outcome is Outcome.PASSED}
        own = frozenset[str]() if passes(self.nodeid, run.tests) else {self.nodeid}
        return tuple(sorted(self.passing - passed | own))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a claim came to. Evidence is the kernel's and the supervisor's."""

    run: RunResult
    """The cold one."""
    assurance: Assurance = Assurance.D
    control: Control = Control.NONE
    split: Split = _NOT_SPLIT
    second: str = ""
    """The other backend in which it passed from cold as well; empty when that was not so, or was not needed."""
    reasons: tuple[str, ...] = ()
    """Why the assurance is not A."""


def verdict(
    session: Session, claim: Claim, cancelled: Callable[[], bool], doubts: Callable[[], Sequence[str]] = lambda: ()
) -> Verdict:
    """Every proof in turn; ends at the first that refutes the claim. `doubts` are asked for when none did.

    Raises WorkspaceError when the user's files changed meanwhile: then nothing said here would be true of them.
    """
    said = _verdict(session, claim, cancelled, doubts)
    session.look_at_sources()
    return said


def _verdict(
    session: Session, claim: Claim, cancelled: Callable[[], bool], doubts: Callable[[], Sequence[str]]
) -> Verdict:
    with _Twins(session, claim, cancelled) as twins:
        cold = session.run(claim.tests, claim.edits, limits=claim.cold, fresh=True, cancelled=twins.over)
        if not twins.fooled and not claim.holds_in(cold):
            return Verdict(cold)
        control = twins.control()
    if control is Control.FOOLED:
        return Verdict(cold, control=control, reasons=(OPPOSITE,))
    apart = split(session, claim.nodeid, claim.edits, claim.alone, cancelled)
    second = _second(session, claim, cold, cancelled) if apart.status is Status.UNSUPPORTED else Second()
    level, reasons = assured(control, apart, second, doubts(), confined=session.confined)
    return Verdict(cold, level, control, apart, second.backend, reasons)


class _Twins:
    """The must-fail control: in the partner while a cold run goes on, or afterwards where that cannot be."""

    def __init__(self, session: Session, claim: Claim, cancelled: Callable[[], bool]) -> None:
        self._session, self._claim, self._cancelled = session, claim, cancelled
        self._found: Control | None = None
        self._left = False
        self._thread = threading.Thread(target=self._work, name="darner-twins", daemon=True) if spare_cores() else None

    @property
    def fooled(self) -> bool:
        return self._found is Control.FOOLED

    def over(self) -> bool:
        """Nobody needs the cold run any more."""
        return self.fooled or self._cancelled()

    def control(self) -> Control:
        if self._thread is not None:
            self._thread.join()
        return self._asked(self._session) if self._found is None else self._found

    def _work(self) -> None:
        try:
            self._found = self._asked(self._session.partner())
        except (SandboxError, OSError):
            return  # the session is asked instead, and tells what is wrong

    def _asked(self, session: Session) -> Control:
        claim = self._claim

        def alone(files: Mapping[str, bytes]) -> RunResult:
            limits, over = claim.alone, lambda: self._left or self._cancelled()
            fresh, detail = claim.reread, Detail.VERDICTS
            return session.run((claim.nodeid,), files, limits=limits, detail=detail, fresh=fresh, cancelled=over)

        return must_fail(session.root, claim.nodeid, claim.edits, alone)

    def __enter__(self) -> _Twins:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True
        if self._thread is not None:
            self._thread.join()


def _second(session: Session, claim: Claim, cold: RunResult, cancelled: Callable[[], bool]) -> Second:
    """Where else it passed from cold. The first cold run counts when it took place elsewhere already."""
    if cold.backend != session.report.backend:
        return Second(cold.backend)
    again = session.run(claim.tests, claim.edits, limits=claim.cold, elsewhere=True, cancelled=cancelled)
    if again.status is Status.INFRA:
        return Second(trouble=again.detail)
    if claim.holds_in(again):
        return Second(again.backend)
    missing = claim.missing_in(again)
    what = again.detail if again.status not in _ENDED else f"{missing[0]} does not pass there"
    return Second(trouble=f"in {again.backend} {what}")
