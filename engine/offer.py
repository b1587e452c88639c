"""Candidates that pass are told apart, ranked and run from cold: what is verified, best first, and what to ask of it.

Only `confirm` makes a repair (design.md, rule 1): models and scores order, they never accept.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from . import choose
from .confirm import confirm
from .errors import ModelError
from .events import Event, Found, Phase
from .minimise import plainer
from .model import Model
from .pool import Pool, pool_of
from .trial import ended_by_itself
from .types import Candidate, Question, Repair, Verdict
from .work import Work

_MOST_CONFIRMED = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """What a selection came to."""

    repairs: tuple[Repair, ...] = ()
    """Verified from cold, best first."""
    question: Question | None = None
    untold: str = ""
    """Why what passes is told apart by the tests alone."""
    trouble: str = ""
    forgiven: tuple[str, ...] = ()
    """Tests that the repairs were not held to."""

    @property
    def uncured(self) -> tuple[str, ...]:
        return self.repairs[0].verdict.uncured if self.repairs else ()

    def or_better(self, other: Offer) -> Offer:
        """The one that leaves fewer of the tests failing that show the same fault; this one where neither does."""
        if not (self.repairs and other.repairs):
            return self if self.repairs else other
        return other if len(other.uncured) < len(self.uncured) else self


def selected(work: Work, model: Model | None) -> Generator[Event, None, Offer]:
    """What is verified from cold, best first, and what to ask of it; none where each breaks another test."""
    if not work.plausible:
        return Offer()
    case, nodeid = work.case, work.case.evidence.nodeid
    yield Phase(nodeid, "select", f"comparing {len(work.plausible)} candidates that pass")
    pool = pool_of(case, work.plausible, work.stop)
    ranked, judged = _ranked(work, pool, model)
    yield Phase(nodeid, "confirm", "running the whole suite from cold")
    kept, repairs = yield from _confirmed(work, ranked)
    kept, repairs = _best_first(kept, repairs)
    rivals = sum(len(one.verdict.uncured) == len(repairs[0].verdict.uncured) for one in repairs)
    said = frozenset(one.call for one in work.rulings)
    question = choose.question(kept[:rivals], repairs[:rivals], judged, pool.modules, said)
    if question is not None:
        question = plainer(case.trial.session, question, repairs, nodeid, work.stop, said)
    return Offer(tuple(repairs), question, pool.untold, work.trouble, work.case.trial.forgiven)


def _confirmed(
    work: Work, ranked: Sequence[choose.Behaviour]
) -> Generator[Event, None, tuple[list[choose.Behaviour], list[Repair]]]:
    """Who passes everything from cold. Who breaks what an earlier one broke is not run so long."""
    kept: list[choose.Behaviour] = []
    repairs: list[Repair] = []
    refuted = len(work.refuted)
    for number, one in enumerate(ranked):
        if len(repairs) >= _MOST_CONFIRMED or work.stop:
            break
        candidate = work.plausible[one.best]
        if len(work.refuted) > refuted and _breaks_the_same(work, candidate):
            continue
        work.case.trial.session.expect_fresh(min(_MOST_CONFIRMED - len(repairs), len(ranked) - number))
        verdict = yield from _judged(work, candidate)
        if verdict.verified:
            kept.append(one)
            repairs.append(Repair(candidate, verdict))
            yield Found(work.case.evidence.nodeid, repairs[-1])
        elif verdict.broken and (verdict.complete or ended_by_itself(verdict.run)):
            work.refute(candidate, verdict.broken)
        elif not verdict.complete and not repairs and not work.stop:
            work.trouble = verdict.run.detail
    return kept, repairs


def _breaks_the_same(work: Work, candidate: Candidate) -> bool:
    """It fails the tests that an earlier one broke; a run that was cut short refutes nobody."""
    told = work.case.trial.quick(candidate, work.stop)
    if told.broken and ended_by_itself(told.run):
        work.refute(candidate, ())
    return bool(told.broken)


def _judged(work: Work, candidate: Candidate) -> Generator[Event, None, Verdict]:
    """From cold; once more, where what it broke fails with the code as it stands, too."""
    verdict = confirm(work.case, candidate, work.stop)
    if not (verdict.complete and verdict.broken) or work.compared:
        return verdict
    yield Phase(work.case.evidence.nodeid, "confirm", "running everything unchanged: does that fail anyway?")
    if not work.forgives(verdict.broken):
        return verdict
    told = work.case.trial.quick(candidate, work.stop)
    return told if told.broken else confirm(work.case, candidate, work.stop)


def _best_first(kept: list[choose.Behaviour], repairs: list[Repair]) -> tuple[list[choose.Behaviour], list[Repair]]:
    """Who leaves fewer tests of the same fault failing comes first, then who left no doubt, whatever the score."""
    verdicts = [one.verdict for one in repairs]
    order = sorted(range(len(repairs)), key=lambda i: (len(verdicts[i].uncured), not verdicts[i].proof.believed))
    return [kept[i] for i in order], [repairs[i] for i in order]


def _ranked(work: Work, pool: Pool, model: Model | None) -> tuple[tuple[choose.Behaviour, ...], bool]:
    """Behaviours of the plausible candidates, best first, and whether a model weighed them."""
    try:
        return choose.weigh(pool, model, work.stop)
    except ModelError as error:
        work.trouble = str(error)
        return choose.weigh(pool, None, work.stop)
