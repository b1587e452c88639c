"""A candidate is run: the failing test first, then what passed before, then everything once more from cold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..sandbox.errors import NoIsolation, SandboxError
from ..sandbox.oracle import Claim
from ..sandbox.screen import Screened
from ..sandbox.session import Session
from ..sandbox.session import open_session as open_sandbox
from ..sandbox.types import Detail, Limits, Outcome, RunResult, Status
from ..sandbox.verdict import passes
from .errors import BadEnvironment
from .evidence import runs_away
from .kindred import kindred
from .project import Project
from .stop import Stop
from .suite import SUITE_LIMITS, Suite, is_doctest
from .types import Candidate, Evidence, Patch, Verdict

# Processor time ends a candidate that loops; the wall leaves room for a busy machine, where a good one has to wait.
_SEARCH = Limits(wall_s=12.0, cpu_s=4.0, test_wall_s=4.0, test_cpu_s=0.4)
_SLOWEST_FACTOR = 10.0
"""Times the slowest test, as long a candidate's may take."""
_HASTY_FACTOR, _HASTY_S = 2.0, 0.1
"""And the first time that it is tried, of the processor; at least so much."""
_CURED_S, _ALL_CURED_S = 2.0, 8.0
_FORK_S = 1.0
_MOST_COMPARED = 3


def open_session(project: Project, *, trusted: bool) -> Session:
    """Copy and confine the project. Raises BadEnvironment with the next step."""
    try:
        return open_sandbox(project.root, project.interpreter.path, trusted=trusted, prefer=project.sandbox)
    except NoIsolation as error:
        raise BadEnvironment(str(error)) from error
    except (SandboxError, OSError) as error:
        raise BadEnvironment(f"The sandbox could not be opened: {error}") from error


def edits_of(patch: Patch) -> dict[str, bytes]:
    return {change.path: change.after for change in patch.files}


@dataclass(frozen=True, slots=True)
class Trial:
    """Everything needed to run candidates for one failing test."""

    session: Session
    suite: Suite
    nodeid: str
    covering: tuple[str, ...]
    """Tests that passed and execute suspicious files, nearest first."""
    related: tuple[str, ...]
    """Other failing tests that execute about the same code."""
    limits: Limits
    kindred: tuple[str, ...] = ()
    """Failing tests with the same exception at the same line, those among the related or not: what the fault's repair
    cures, too.
    """
    hasty_s: float = _HASTY_S
    """Of the processor, for one test of a candidate that is tried for the first time."""
    forgiven: tuple[str, ...] = ()
    """Tests that passed and fail from cold with the code as it stands, too: no candidate is held to them there."""
    endless: bool = False
    """The failing test did not end: how it fails unchanged is not run again for comparison."""

    def quick(self, candidate: Candidate, stop: Stop) -> Verdict:
        """The failing test, then the covering ones, in one fork; ends at the first failure."""
        nodeids = (self.nodeid, *self.covering)
        run = self._run(candidate.patch, nodeids, Detail.VERDICTS, stop)
        return self._verdict(run, self.covering)

    def screen(
        self, candidates: Sequence[Candidate], stop: Stop, hasty: bool, whole: bool
    ) -> tuple[tuple[Verdict, bool] | None, ...]:
        """As `quick`, all in one run, of those that fail; None for who may pass. Shorter when the time was up.

        `hasty`: several in one process, each with little time, for many never end. With each, whether that is sure:
        what ran there before may be why it failed, or the little time. `whole`: who does not cure the related failures
        too has failed.
        """
        nodeids = (self.nodeid, *self.covering, *(self.related if whole else ()))
        edits = [edits_of(candidate.patch) for candidate in candidates]
        short = hasty and not whole  # the related tests may need more, and who cures them is not tried twice
        limits = self._curing if whole else replace(self.limits, test_cpu_s=self.hasty_s) if short else self.limits
        found = self.session.screen.failures(nodeids, edits, hasty and not self.endless, limits, lambda: bool(stop))

        def told(one: Screened | None) -> tuple[Verdict, bool] | None:
            verdict = None if one is None else self._verdict(one.run, self.covering)
            if one is None or verdict is None:
                return None
            if verdict.target_passed and not verdict.broken and not (whole and one.run.status is Status.FAIL):
                return None
            return verdict, one.alone and not (short and _ran_out(one.run))

        return tuple(told(one) for one in found)

    def unchanged(self, stop: Stop) -> RunResult:
        """The failing test as it stands, told as briefly as a candidate's run."""
        return self._run(Patch(()), (self.nodeid,), Detail.VERDICTS, stop)

    def judged_also_by(self, nodeids: Sequence[str]) -> Trial:
        """With these tests among those that each candidate is run on, and the time that they take."""
        longer = self._with_time_for(nodeids)
        return replace(longer, covering=(*nodeids, *self.covering))

    def curing_also(self, nodeids: Sequence[str]) -> Trial:
        """With these among the failing tests that a candidate should cure, and the time that they take."""
        longer = self._with_time_for(nodeids)
        return replace(longer, related=(*self.related, *nodeids))

    def _with_time_for(self, nodeids: Sequence[str]) -> Trial:
        seconds = [test.seconds for test in self.suite.results if test.nodeid in nodeids]
        slowest, total = max(seconds, default=0.0), _SLOWEST_FACTOR * sum(seconds)
        limits = replace(
            self.limits,
            test_cpu_s=max(self.limits.test_cpu_s, _SLOWEST_FACTOR * slowest),
            test_wall_s=max(self.limits.test_wall_s, _SLOWEST_FACTOR * slowest),
            wall_s=self.limits.wall_s + total,
            cpu_s=self.limits.cpu_s + total,
        )
        return replace(self, limits=limits, hasty_s=max(self.hasty_s, _HASTY_FACTOR * slowest))

    def forgiving(self, nodeids: Collection[str]) -> Trial:
        """Without these tests among those that have to pass from cold."""
        suite = replace(self.suite, passed=self.suite.passed - {*nodeids})
        return replace(self, suite=suite, forgiven=(*self.forgiven, *sorted(nodeids)))

    def passing(self, nodeids: Sequence[str], stop: Stop) -> tuple[str, ...]:
        """Those of the tests that pass together, in this order, with the code as it stands."""
        if not nodeids:
            return ()
        run = self._run(Patch(()), nodeids, Detail.OUTCOMES, stop)
        seen = {test.nodeid for test in run.tests if test.outcome is Outcome.PASSED}
        return tuple(nodeid for nodeid in nodeids if nodeid in seen) if ended_by_itself(run) else ()

    def uncured(self, candidate: Candidate, stop: Stop) -> tuple[str, ...]:
        """The related failures that still fail: a repair of the fault cures them all."""
        if not self.related:
            return ()
        longer = replace(self, limits=self._curing)
        run = longer._run(candidate.patch, self.related, Detail.OUTCOMES, stop)
        told = run.tests if ended_by_itself(run) or run.status is Status.TIMEOUT else ()
        return tuple(nodeid for nodeid in self.related if not passes(nodeid, told))

    @property
    def _curing(self) -> Limits:
        """How long tests took to fail says little of how long they may take to pass."""
        one = max(self.limits.test_cpu_s, _CURED_S)
        return replace(
            self.limits,
            test_cpu_s=one,
            cpu_s=self.limits.cpu_s + _ALL_CURED_S,
            wall_s=self.limits.wall_s + _ALL_CURED_S,
        )

    def look(self, candidate: Candidate, nodeid: str, stop: Stop) -> RunResult:
        """One test alone, with frames and locals: feedback for a model."""
        return self._run(candidate.patch, (nodeid,), Detail.OUTCOMES, stop)

    def look_closely(self, candidate: Candidate, nodeid: str, stop: Stop) -> RunResult:
        """One test with all its steps, and the nearest that passed, for comparison."""
        return self._run(candidate.patch, (nodeid, *self.covering[:_MOST_COMPARED]), Detail.EVIDENCE, stop)

    @property
    def patient(self) -> Limits:
        """For the few runs that decide how far a repair is believed: a busy machine must not look like a doubt."""
        limits = self.limits
        return replace(limits, wall_s=limits.wall_s + 30, cpu_s=limits.cpu_s + 30, test_wall_s=limits.test_wall_s + 20)

    def claim(self, candidate: Candidate) -> Claim:
        """That the candidate repairs the test and breaks none: only what the oracle makes of this makes a repair."""
        return Claim(
            self.nodeid,
            edits_of(candidate.patch),
            passing=self.suite.passed,
            tests=self._everything,
            cold=self._cold,
            alone=self.patient,
            reread=is_doctest(self.nodeid),
        )

    @property
    def _everything(self) -> tuple[str, ...]:
        """A test that ends its process would end the whole run too: then the tests are named, without it."""
        return () if ended_by_itself(self.suite.run) else (self.nodeid, *sorted(self.suite.passed))

    @property
    def _cold(self) -> Limits:
        seconds = 60.0 + 5.0 * self.suite.run.seconds
        return self.session.within(replace(SUITE_LIMITS, wall_s=seconds, cpu_s=seconds))

    def unsteady(self, broken: Sequence[str], stop: Stop) -> frozenset[str]:
        """Of tests that a candidate seems to break: those that fail from cold with the code as it stands, too."""
        tests, limits, cancelled = self._everything, self._cold, lambda: bool(stop)
        run = self.session.run(tests, limits=limits, detail=Detail.OUTCOMES, fresh=True, cancelled=cancelled)
        failed = {test.nodeid for test in run.tests if test.outcome in (Outcome.FAILED, Outcome.ERROR)}
        return frozenset(broken) & failed if ended_by_itself(run) else frozenset()

    def whole(self, run: RunResult) -> Verdict:
        """What a run of everything in a fresh interpreter says."""
        return replace(self._verdict(run, tuple(sorted(self.suite.passed))), complete=ended_by_itself(run))

    def _run(self, patch: Patch, nodeids: Sequence[str], detail: Detail, stop: Stop) -> RunResult:
        limits = self.limits
        return self.session.run(nodeids, edits_of(patch), limits=limits, detail=detail, cancelled=lambda: bool(stop))

    def _verdict(self, run: RunResult, before: Sequence[str]) -> Verdict:
        seen = {test.nodeid: test.outcome for test in run.tests}
        whole = ended_by_itself(run)
        broken = tuple(nodeid for nodeid in sorted(before) if seen.get(nodeid) is not Outcome.PASSED)
        return Verdict(
            target_passed=whole and passes(self.nodeid, run.tests),
            passed_before=len(before),
            still_passing=len(before) - len(broken),
            broken=broken,
            run=run,
        )


def _ran_out(run: RunResult) -> bool:
    return any(runs_away(test) for test in run.tests)


def ended_by_itself(run: RunResult) -> bool:
    """PASS or FAIL: the report is whole and was not forged; other tests may fail as they did before."""
    return run.status in (Status.PASS, Status.FAIL)


def trial_for(session: Session, suite: Suite, evidence: Evidence) -> Trial:
    """Limits from what the tests took before: a candidate that needs ten times that has failed."""
    covering = tuple(test.nodeid for test in evidence.passing)
    seconds = [test.seconds for test in suite.results if test.nodeid in covering]
    if not runs_away(evidence.failing):  # how long it ran then says nothing of how long its repair may take
        seconds.append(evidence.seconds)
    slowest, total = max(seconds, default=0.0), sum(seconds)
    limits = replace(
        session.within(_SEARCH),
        test_cpu_s=max(_SEARCH.test_cpu_s, _SLOWEST_FACTOR * slowest),
        test_wall_s=max(_SEARCH.test_wall_s, _SLOWEST_FACTOR * slowest),
        wall_s=max(_SEARCH.wall_s, _FORK_S + _SLOWEST_FACTOR * (total + slowest)),
        cpu_s=max(_SEARCH.cpu_s, _FORK_S + _SLOWEST_FACTOR * (total + slowest)),
    )
    related = tuple(test.nodeid for test in evidence.related)
    hasty_s = max(_HASTY_S, _HASTY_FACTOR * slowest)
    endless = runs_away(evidence.failing)
    kin = kindred(suite, evidence.failing)
    return Trial(session, suite, evidence.nodeid, covering, related, limits, kin, hasty_s, endless=endless)
