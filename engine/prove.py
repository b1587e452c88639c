"""Before a body is shown: the whole suite from cold, its jury from cold, then all that could show that it only seems to
pass (as confirm.py does for repairs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..sandbox import oracle
from ..sandbox.assurance import OPPOSITE
from ..sandbox.oracle import Claim
from ..sandbox.session import Session
from ..sandbox.types import Control, Limits, Outcome, Status
from .drafts import LIMITS, Draft
from .examination import examination
from .gate import doubts
from .jury import Jury, apart, examples_in
from .source import Source
from .stop import Stop
from .suite import SUITE_LIMITS, Suite, is_doctest
from .trial import Trial, edits_of, ended_by_itself
from .types import Candidate, Proof, Verdict
from .written import Judge

BY_A_MODEL = "it was judged by tests that a model wrote, not by yours"


@dataclass(frozen=True, slots=True)
class Court:
    """The last instance, for one function."""

    session: Session
    suite: Suite
    jury: Jury
    known: str
    """The docstring: what it says a body may hold."""

    def prove(self, draft: Draft, stop: Stop) -> Verdict:
        """The verdict that makes a body one to offer, or says why it is none."""
        passed = draft.mark.passed if draft.mark is not None else ()
        verdict = self._suite(draft.candidate, passed, stop)
        if not verdict.verified:
            return verdict
        claim = self._claim(draft.candidate, passed)
        said = oracle.verdict(self.session, claim, lambda: bool(stop), lambda: self._doubts(draft.candidate))
        if said.control is Control.FOOLED:
            tampered = replace(said.run, status=Status.TAMPERED, detail=f"It proves nothing: {OPPOSITE}.")
            return replace(verdict, complete=False, run=tampered)
        if not claim.holds_in(said.run):
            return replace(verdict, target_passed=False, run=said.run)
        proof = Proof(said.assurance, said.control, said.split.status, said.reasons, said.second)
        return replace(verdict, run=said.run, proof=proof)

    def _claim(self, candidate: Candidate, passed: Sequence[str]) -> Claim:
        """That the body satisfies its jury: what the suite says of it is known by then."""
        return Claim(
            passed[0],
            {**edits_of(candidate.patch), **self.jury.files},
            passing=frozenset(passed),
            tests=tuple(self.jury.nodeids),
            cold=self._limits,
            alone=Trial(self.session, self.suite, passed[0], (), (), LIMITS).patient,
            reread=is_doctest(passed[0]),
        )

    @property
    def _limits(self) -> Limits:
        seconds = 60.0 + 5.0 * self.suite.run.seconds
        return self.session.within(replace(SUITE_LIMITS, wall_s=seconds, cpu_s=seconds))

    def _doubts(self, candidate: Candidate) -> list[str]:
        if self.jury.judge is Judge.AGREEMENT:
            return [BY_A_MODEL]
        first = self.jury.nodeids[0]
        if not (self.jury.files or is_doctest(first)):
            return _untold(doubts(candidate, examination(self.session.root, first)), self.known)
        source = Source.parse(candidate.path, candidate.patch.files[0].before)
        return _untold(doubts(candidate, examples_in(source.tree)), apart(self.known)[1])

    def _suite(self, candidate: Candidate, passed: Sequence[str], stop: Stop) -> Verdict:
        """Everything that passed before, and the jury where it is part of the suite, in a fresh interpreter."""
        before = tuple(sorted(self.suite.passed))
        run = self.suite.run
        if self.suite.results:
            names = () if ended_by_itself(run) else (*self.jury.nodeids, *before)
            edits, limits = edits_of(candidate.patch), self._limits
            run = self.session.run(names, edits, limits=limits, fresh=True, cancelled=lambda: bool(stop))
        kept = {test.nodeid for test in run.tests if test.outcome is Outcome.PASSED}
        broken = tuple(nodeid for nodeid in before if nodeid not in kept)
        return Verdict(
            target_passed=bool(passed) and (bool(self.jury.files) or kept.issuperset(passed)),
            passed_before=len(before),
            still_passing=len(before) - len(broken),
            broken=broken,
            run=run,
            complete=not self.suite.results or ended_by_itself(run),
        )


def _untold(found: Sequence[str], words: str) -> list[str]:
    """Doubts but those of a literal that stands in these words: the user asked for it."""
    literals = [one.removeprefix("it holds ").removesuffix(", which the test draws on").strip("'\"") for one in found]
    return [one for one, literal in zip(found, literals, strict=True) if not literal or literal not in words]
