"""What has been tried for one failing test: candidates taken from the search, tried once, and kept when they pass."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ..sandbox.partner import spare_cores
from ..sandbox.types import Status
from .case import Case
from .evidence import runs_away
from .frontier import Failure, Frontier, change_of, failure_in, failure_of, is_pair
from .search import allowed, identity
from .stop import Stop
from .trial import Trial
from .types import Candidate, Verdict

_MOST_PARTIAL = 12
"""Candidates kept that cure only some of the failing tests: they must not end the search by their number."""


@dataclass
class Work:
    """What has been tried for one failing test so far. `attempt` and `take` may be called from two threads."""

    case: Case
    stop: Stop
    began: float
    pool: Frontier = field(default_factory=lambda: Frontier(()))
    """Mutants not yet tried, best first."""
    tried: int = 0
    plausible: list[Candidate] = field(default_factory=list[Candidate])
    seen: set[tuple[tuple[str, bytes], ...]] = field(default_factory=set[tuple[tuple[str, bytes], ...]])
    cured: int = 0
    """Related failures that the plausible candidates cure, at best."""
    returned: list[Candidate] = field(default_factory=list[Candidate])
    """Taken, and given back when the run was cancelled."""
    failure: Failure | None = None
    exhausted: bool = False
    """The search has no candidate left; what it found is all that it can find."""
    trouble: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def cures_some(self) -> bool:
        """The failing test alone, or with some of those that fail in the same code; the search goes on for more."""
        return self.cured < len(self.case.trial.related)

    @property
    def cures_all(self) -> bool:
        return bool(self.plausible) and self.cured == len(self.case.trial.related)

    def take(self) -> Candidate | None:
        """The next candidate of the search that nobody has tried; None when there is none."""
        with self.lock:
            if self.returned:
                return self.returned.pop()
            return next((c for c in self.pool if identity(c.patch) not in self.seen), None)

    def attempt(self, candidate: Candidate, trial: Trial | None = None, stop: Stop | None = None) -> Verdict | None:
        """Run a candidate once; remember it when the failing test and those that cover it pass.

        `trial` and `stop` are a helper's own (crew.py); it may run at the same time as another attempt.
        """
        trial, stop = trial or self.case.trial, stop or self.stop
        key = identity(candidate.patch)
        with self.lock:
            if key in self.seen:
                return None
            self.seen.add(key)
        verdict = trial.quick(candidate, stop)
        with self.lock:
            if verdict.run.status is Status.ABORT:
                self.seen.discard(key)
                self.returned.append(candidate)
                return verdict
            self.tried += 1
            change = change_of(verdict.run, self.case.evidence.nodeid, self.failure)
            self.pool.learn(candidate, change, broke_others=bool(verdict.broken))
            if verdict.target_passed and not verdict.broken and allowed(self.case, candidate):
                self.accept(candidate, trial)
        return verdict

    def learn_failure(self) -> None:
        """How the test fails unchanged, told as briefly as a candidate's run: what the order of the search compares."""
        failing = self.case.evidence.failing
        if self.failure is None and runs_away(failing):  # it would again, and cost its whole limit
            self.failure = failure_in(failing)
        if self.failure is None:
            self.failure = failure_of(self.case.trial.unchanged(self.stop), self.case.evidence.nodeid)

    def accept(self, candidate: Candidate, trial: Trial | None = None) -> None:
        """Keep only the candidates that cure most of the related failures; of those that cure no more, the smaller."""
        cured = (trial or self.case.trial).also_passing(candidate, self.stop)
        if cured > self.cured:
            self.plausible.clear()
            self.cured = cured
        elif cured < self.cured or (self.plausible and is_pair(candidate)):
            return
        if self.cures_some and len(self.plausible) >= _MOST_PARTIAL:
            return
        self.plausible.append(candidate)
        self.case.trial.session.expect_fresh()  # it will be confirmed there, and making one takes longer than a run
        if spare_cores() > 0:  # and here
            self.case.trial.session.expect_partner()
        if self.cures_some:
            self.pool.build_on(candidate)
