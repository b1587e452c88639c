"""What has been tried for one failing test: candidates taken from the search, tried once, and kept when they pass."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from ..sandbox.partner import spare_cores
from ..sandbox.types import Status
from .case import Case
from .evidence import runs_away
from .frontier import Failure, Frontier, change_of, failure_in, failure_of, is_pair
from .rulings import obeys, with_ruling
from .search import allowed, identity
from .stop import Stop
from .trial import Trial
from .types import Candidate, Repair, Ruling, Verdict

_MOST_PARTIAL = 4
"""Candidates kept that cure only some of the failing tests; from then on only who cures them all is looked for."""
_MOST_ASIDE, _WEIGHED_MOST_S = 24, 8.0
_MOST_WIDENED = 40
"""Tests that fail alike, quickest first, that a candidate should cure beside those that were looked at."""
_MOST_JUDGES = 8
"""Tests that are added, at a time, to those that judge each candidate."""
_LEAST_AT_ONCE, _MOST_AT_ONCE = 4, 16
"""Candidates of one screen: as many as were tried so far, for what the first ones change decides which come next."""


@dataclass
class Work:
    """What has been tried for one failing test so far."""

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
    unsure: list[Candidate] = field(default_factory=list[Candidate])
    """Failed in a process in which others had run before, or for lack of time."""
    hasty: bool = True
    """Several are tried in one process, each with little time; who fails for that may pass when it is tried again."""
    failure: Failure | None = None
    enough: int = sys.maxsize
    """Candidates, after which no more are wanted."""
    exhausted: bool = False
    """The search has no candidate left; what it found is all that it can find."""
    rulings: tuple[Ruling, ...] = ()
    """What the user said of calls of this code."""
    overruled: int = 0
    """Candidates that pass the tests and contradict that."""
    refuted: list[tuple[tuple[str, bytes], ...]] = field(default_factory=list[tuple[tuple[str, bytes], ...]])
    """Candidates that passed, and broke another test when the whole suite ran."""
    rounds: int = 0
    """Hunts so far: each draws a model's answers from a seed of its own."""
    aside: list[Candidate] = field(default_factory=list[Candidate])
    """They pass, and others cure more; wanted again when those are refuted, or the user's answer goes against them."""
    verified: Repair | None = None
    """Cures some of the tests that fail alike: from then on only who cures more is wanted."""
    compared: bool = False
    """The whole suite ran from cold with the code as it stands, to see which tests that breaks."""
    trouble: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def cures_some(self) -> bool:
        """The failing test alone, or with some of those that fail in the same code; the search goes on for more."""
        return self.cured < len(self.case.trial.related)

    @property
    def cures_all(self) -> bool:
        return bool(self.plausible) and self.cured == len(self.case.trial.related)

    @property
    def partial(self) -> bool:
        """Something is verified already, and leaves tests failing which raised the same at the same line."""
        return self.verified is not None

    @property
    def floor(self) -> int:
        """Related failures that are cured already; -1 where nothing is verified."""
        return len({*self.case.trial.related} - {*self.verified.verdict.uncured}) if self.verified is not None else -1

    def heeds(self, candidate: Candidate, trial: Trial | None = None) -> bool:
        """It does what the user said, as far as that was said."""
        session = (trial or self.case.trial).session
        if not self.rulings or obeys(session, candidate, self.rulings, self.case.evidence.nodeid, self.stop):
            return True
        self.overruled += 1
        return False

    def hear(self, ruling: Ruling) -> None:
        """The user said something: what passed and contradicts it is set aside, and where nothing is left, the search
        can go on.
        """
        self.rulings = with_ruling(self.rulings, ruling)
        self.case = self.case.heeding(self.rulings)
        self.verified = None
        self._weigh_again([candidate for candidate in self._passing if self.heeds(candidate)])
        self.enough = sys.maxsize

    def refute(self, candidate: Candidate, broken: Iterable[str]) -> None:
        """It passed, and broke these tests elsewhere: the fastest of them judge each candidate from now on."""
        self.refuted.append(identity(candidate.patch))
        self._add_judges({*broken} - {*self.case.trial.covering})

    def _add_judges(self, nodeids: Iterable[str]) -> None:
        """Those that pass here, too, in one run with the others' code imported."""
        trial = self.case.trial
        seconds = {test.nodeid: test.seconds for test in trial.suite.results}
        added = trial.passing(sorted(nodeids, key=lambda nodeid: seconds.get(nodeid, 0.0))[:_MOST_JUDGES], self.stop)
        if added:
            trial = trial.judged_also_by(added)
            self.case = replace(self.case, trial=trial)
            trial.session.narrow((trial.nodeid, *trial.covering, *trial.related))

    def missed(self, repair: Repair) -> frozenset[str]:
        """What it leaves failing and was not wanted so far. A file that could not be imported is for the whole run."""
        return frozenset(n for n in repair.verdict.uncured if "::" in n and n not in self.case.trial.related)

    def widen(self, repair: Repair) -> None:
        """It leaves tests failing that fail alike: who cures them, too, is looked for, first among what passed."""
        trial, missed = self.case.trial, self.missed(repair)
        seconds = {test.nodeid: test.seconds for test in trial.suite.results}
        more = {nodeid for nodeid in trial.kindred if "::" in nodeid} - {*trial.related}
        quick = sorted(more, key=lambda nodeid: (nodeid not in missed, seconds.get(nodeid, 0.0), nodeid))
        trial = trial.curing_also(quick[:_MOST_WIDENED])
        trial.session.narrow((trial.nodeid, *trial.covering, *trial.related))
        self.case, self.verified = replace(self.case, trial=trial), repair
        self.pool.build_on(repair.candidate)
        self._weigh_again([c for c in self._passing if c is not repair.candidate])
        self._put_aside([repair.candidate])
        self.enough, self.exhausted = sys.maxsize, False

    @property
    def _passing(self) -> list[Candidate]:
        """All that no run of everything refuted, what cures most first."""
        return [c for c in (*self.plausible, *self.aside) if identity(c.patch) not in self.refuted]

    def _weigh_again(self, candidates: Sequence[Candidate]) -> None:
        """By what they cure of what is wanted now, as far as there is time; the rest waits."""
        self.plausible, self.aside, self.cured = [], [], 0
        stop = self.stop.within(_WEIGHED_MOST_S)
        for candidate in candidates:
            if stop:
                self._put_aside([candidate])
            else:
                self.accept(candidate)

    def forgives(self, broken: Sequence[str]) -> bool:
        """Some of the tests that a candidate seems to break fail without it, too: from cold they count no longer, and
        judge where they pass. Asked once.
        """
        if self.compared:
            return False
        self.compared = True
        unsteady = self.case.trial.unsteady(broken, self.stop)
        if unsteady:
            self.case = replace(self.case, trial=self.case.trial.forgiving(unsteady))
            self._add_judges(unsteady - {*self.case.trial.covering})
        return bool(unsteady)

    @property
    def untested(self) -> list[Candidate]:
        """They pass, and no run of everything has refuted them."""
        return [candidate for candidate in self.plausible if identity(candidate.patch) not in self.refuted]

    def set_aside(self) -> None:
        """What was refuted, and what fails the tests that judge by now: the search goes on behind it."""
        self._weigh_again([c for c in self._passing if not self.case.trial.quick(c, self.stop).broken])
        self.enough, self.exhausted = sys.maxsize, False

    def take(self) -> Candidate | None:
        """The next candidate of the search that nobody has tried, for `run`; None when there is none."""
        with self.lock:
            waiting = chain(reversed(self.returned), self.pool)
            found = next((c for c in waiting if self._claim(c)), None)
            self.returned = [c for c in self.returned if identity(c.patch) not in self.seen]
            return found

    def begin_again(self) -> bool:
        """Nothing passed: who failed in haste is tried once more, in a process of its own and with time.

        False where there is nothing to try again.
        """
        with self.lock:
            if self.plausible or not self.unsure:
                return False
            again, self.unsure, self.hasty = self.unsure, [], False
            for candidate in reversed(again):
                self._give_back(candidate)
        return True

    def attempt(self, candidate: Candidate) -> Verdict | None:
        """Run a candidate that was not tried before; None when it was."""
        return self.run(candidate, self.case.trial, self.stop) if self._claim(candidate) else None

    def advance(self, trial: Trial, stop: Stop) -> bool:
        """Try the search's next candidates: at once those that fail, each by itself who may pass. False: none is left.

        May run in two threads at once, each with a trial and a stop of its own (crew.py).
        """
        with self.lock:
            whole = self.cures_some and len(self.plausible) >= _MOST_PARTIAL
            most = min(max(self.tried, _LEAST_AT_ONCE), _MOST_AT_ONCE, max(self.enough - self.tried, 1))
        taken = list(islice(iter(self.take, None), most))
        if not taken:
            return False
        waiting = taken[::-1]
        try:
            screened = trial.screen(taken, stop, self.hasty, whole) if len(taken) > 1 else ()
            for told in screened or (None,):
                if told is None and stop:
                    break
                self._settle(waiting[-1], told, trial, stop)
                waiting.pop()
        finally:  # also when the user's files changed, or at Ctrl-C: whoever goes on finds them here
            for candidate in waiting:
                self._give_back(candidate)
        return True

    def _settle(self, candidate: Candidate, told: tuple[Verdict, bool] | None, trial: Trial, stop: Stop) -> None:
        """`told`: how a screen saw it fail, and whether that is sure."""
        if told is None:
            self.run(candidate, trial, stop)
            return
        self._tell(candidate, told[0])
        if not told[1]:
            self.unsure.append(candidate)

    def run(self, candidate: Candidate, trial: Trial, stop: Stop) -> Verdict:
        """Run a candidate that was taken; remember it when the failing test and those that cover it pass."""
        verdict = trial.quick(candidate, stop)
        with self.lock:
            if verdict.run.status is Status.ABORT:
                self._give_back(candidate)
                return verdict
            self._tell(candidate, verdict)
            passed = verdict.target_passed and not verdict.broken
            if passed and allowed(self.case, candidate) and self.heeds(candidate, trial):
                verdict = replace(verdict, uncured=self.accept(candidate, trial))
        return verdict

    def _claim(self, candidate: Candidate) -> bool:
        key = identity(candidate.patch)
        with self.lock:
            known = key in self.seen
            self.seen.add(key)
        return not known

    def _give_back(self, candidate: Candidate) -> None:
        with self.lock:
            self.seen.discard(identity(candidate.patch))
            self.returned.append(candidate)

    def _tell(self, candidate: Candidate, verdict: Verdict) -> None:
        with self.lock:
            self.tried += 1
            change = change_of(verdict.run, self.case.evidence.nodeid, self.failure)
            self.pool.learn(candidate, change, broke_others=bool(verdict.broken))

    def learn_failure(self) -> None:
        """How the test fails unchanged, told as briefly as a candidate's run: what the order of the search compares."""
        evidence = self.case.evidence
        known = evidence.again or (evidence.failing if runs_away(evidence.failing) else None)
        if self.failure is None and known is not None:  # another run tells nothing new, or costs its whole limit
            self.failure = failure_in(known)
        if self.failure is None:
            self.failure = failure_of(self.case.trial.unchanged(self.stop), self.case.evidence.nodeid)

    def accept(self, candidate: Candidate, trial: Trial | None = None) -> tuple[str, ...]:
        """Keep only the candidates that cure most of the related failures; of those that cure no more, the smaller.

        Those that it does not cure.
        """
        uncured = (trial or self.case.trial).uncured(candidate, self.stop)
        cured = len(self.case.trial.related) - len(uncured)
        if cured < self.cured or cured <= self.floor:
            self._put_aside([candidate])
            return uncured
        if cured > self.cured:
            self._put_aside(self.plausible)
            self.plausible, self.cured = [], cured
        many = self.cures_some and len(self.plausible) >= _MOST_PARTIAL
        if many or (self.plausible and is_pair(candidate)):
            self._put_aside([candidate])
            return uncured
        self.plausible.append(candidate)
        self._expect_confirmation()
        if self.cures_some:
            self.pool.build_on(candidate)
        else:
            self.pool.build_no_more()
        return uncured

    def _put_aside(self, candidates: Sequence[Candidate]) -> None:
        """Second edits on top of one may still cure what it leaves."""
        self.aside = [*candidates, *self.aside][:_MOST_ASIDE]
        for candidate in candidates if self.partial else ():
            self.pool.build_on(candidate)

    def _expect_confirmation(self) -> None:
        self.case.trial.session.expect_fresh()  # it will be confirmed there, and making one takes longer than a run
        if spare_cores() > 0:  # and here
            self.case.trial.session.expect_partner()
