"""The repair loop: failing test, evidence, suspects, candidates, trial, selection, repair and explanation.

Only `Trial.confirm` makes a repair (design.md, rule 1): models and scores propose and order, they never accept.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..sandbox.partner import spare_cores
from ..sandbox.session import Session
from ..sandbox.types import CallResult
from . import behaviour, choose
from . import explain as explaining
from .case import Case, open_case
from .config import Budget
from .confirm import confirm
from .crew import Helper
from .errors import ModelError
from .events import Done, Event, Found, Located, Phase, Prose, Tried
from .evidence import Flaky, gather
from .model import Model
from .prompt import Target
from .sample import Sampler
from .search import mutations, reversal
from .stop import Stop
from .suite import Suite, run_suite
from .types import Candidate, Explanation, FailureReport, FixStatus, Origin, Patch, Question, Repair, Standing
from .withheld import withheld
from .work import Work

__all__ = ["Suite", "explain", "repair", "run_suite"]

_SEARCH_S = 12.0
_SEARCH_MOST = 1_500
_MODEL_SHARE = 0.6
"""Of the time that is left; what the model leaves unsolved goes back to the search."""
_LINGER_FACTOR, _LINGER_LEAST, _LINGER_MOST_S = 1.0, 32, 5.0
"""After the first success as many candidates again, at least 32, to see what else passes; counted, so that a busy
machine finds the same repair as a quiet one.
"""
_ENOUGH_PLAUSIBLE = 24
_MOST_BEHAVIOURS = 8
_MOST_CONFIRMED = 3
_PROSE_S = 12.0
_SHOW_EVERY = 10
_UNCHANGED = Candidate(Patch(()), Origin.MUTATION, "")


def repair(
    session: Session, suite: Suite, nodeid: str, model: Model | None, budget: Budget, stop: Stop, seed: int = 0
) -> Iterator[Event]:
    """Repair one failing test within the budget; the last event is Done. Nothing of the user's is changed."""
    began = time.monotonic()
    stop = stop.within(budget.seconds)
    if spare_cores() > 0:
        session.expect_partner()  # a second pair of hands for the search, and half of each proof
    yield Phase(nodeid, "evidence", "running the failing test under the probe")
    try:
        case = open_case(session, suite, gather(session, suite, nodeid, stop))
    except Flaky as flaky:
        yield Done(_flaky(nodeid, flaky, time.monotonic() - began))
        return
    yield Located(nodeid, case.suspects, case.explanation, case.suspected_calls)
    if kept := withheld(session.root, case.evidence.failing.failure, case.variables):
        report = _report(Work(case, stop, began), nodeid, [], None, case.explanation)
        yield Done(replace(report, note=kept))
        return
    work = Work(case, stop.within(stop.remaining_s - _reserve(suite, budget)), began, mutations(case))
    session.narrow((nodeid, *case.trial.covering, *case.trial.related))
    yield from _search(work, nodeid, limited=model is not None and budget.samples > 0)
    if not work.cures_all and model is not None and budget.samples and not work.stop:
        yield from _ask_model(work, model, budget, seed)
        yield from _search(work, nodeid, limited=False) if not work.plausible else ()
    work.stop = stop
    yield from _conclude(work, session, suite, nodeid, model if budget.samples else None, budget.prose)


def _reserve(suite: Suite, budget: Budget) -> float:
    """Seconds kept for the confirming run, at most a third of the budget."""
    return min(2.0 + 2.0 * suite.run.seconds, budget.seconds / 3)


def _search(work: Work, nodeid: str, limited: bool) -> Iterator[Event]:
    """Reversals, then mutants; lingers a little after the first success to see whether others behave differently."""
    slow = work.case.trial.session.slow_because or work.case.trial.session.repeats_because
    alone = f", each with its own imports: {slow}" if slow else ""
    yield Phase(nodeid, "search", f"trying edits of suspicious lines{alone}")
    stop = work.stop.within(_SEARCH_S) if limited else work.stop
    if not work.tried:
        undone = reversal(work.case, stop)
        if undone is not None:
            work.accept(undone)
            work.tried += 1
            return
    enough: int | None = None
    work.learn_failure()
    with Helper(work.case.trial, work.take, work.attempt, stop):
        while not (stop or (limited and work.tried >= _SEARCH_MOST) or len(work.plausible) >= _ENOUGH_PLAUSIBLE):
            candidate = work.take()
            if candidate is None:
                work.exhausted = True
                break
            work.attempt(candidate)
            if work.cures_all and enough is None:
                enough = work.tried + max(_LINGER_LEAST, round(_LINGER_FACTOR * work.tried))
                stop = stop.within(_LINGER_MOST_S)
            if enough is not None and work.tried >= enough:
                break
            if work.tried % _SHOW_EVERY == 0:
                yield Tried(nodeid, work.tried, len(work.plausible))
    yield Tried(nodeid, work.tried, len(work.plausible))


def _ask_model(work: Work, model: Model, budget: Budget, seed: int) -> Iterator[Event]:
    nodeid = work.case.evidence.nodeid
    yield Phase(nodeid, "model", f"sampling repairs from {model.name}")
    try:
        share = work.stop.within(_MODEL_SHARE * min(work.stop.remaining_s, budget.seconds))
        Sampler(model, work.case, budget, seed, work.attempt, share).run()
    except ModelError as error:
        work.trouble = str(error)
    yield Tried(nodeid, work.tried, len(work.plausible))


def _conclude(
    work: Work, session: Session, suite: Suite, nodeid: str, model: Model | None, prose: bool
) -> Iterator[Event]:
    """Select by behaviour, confirm from cold, explain, report."""
    case = work.case
    repairs: list[Repair] = []
    question: Question | None = None
    if work.plausible:
        yield Phase(nodeid, "select", f"comparing {len(work.plausible)} candidates that pass")
        ranked, judged = _ranked(work, session, model)
        yield Phase(nodeid, "confirm", "running the whole suite from cold")
        kept: list[choose.Behaviour] = []
        for one in ranked:
            if len(repairs) >= _MOST_CONFIRMED or work.stop:
                break
            verdict = confirm(case, work.plausible[one.best], work.stop)
            if verdict.verified:
                kept.append(one)
                repairs.append(Repair(work.plausible[one.best], verdict))
                yield Found(nodeid, repairs[-1])
            elif not verdict.complete and not repairs and not work.stop:
                work.trouble = verdict.run.detail
        kept, repairs = _believed_first(kept, repairs)
        question = choose.question(kept, repairs, judged)
    explanation = explaining.with_repair(case.explanation, repairs[0].candidate) if repairs else case.explanation
    report = _report(work, nodeid, repairs, question, explanation)
    if model is not None and prose and not work.stop:
        yield Phase(nodeid, "explain", f"asking {model.name} to explain")
        text = _prose(work, model, repairs)
        yield Prose(nodeid, text)
        report = replace(report, explanation=_with_prose(explanation, text, confirmed=bool(repairs)))
    yield Done(report)


def _believed_first(kept: list[choose.Behaviour], repairs: list[Repair]) -> tuple[list[choose.Behaviour], list[Repair]]:
    """A repair that left a doubt stands behind those that left none, whatever its score."""
    order = sorted(range(len(repairs)), key=lambda i: not repairs[i].verdict.proof.believed)
    return [kept[i] for i in order], [repairs[i] for i in order]


def _ranked(work: Work, session: Session, model: Model | None) -> tuple[tuple[choose.Behaviour, ...], bool]:
    """Behaviours of the plausible candidates, best first, and whether a model weighed them."""
    candidates = work.plausible
    targets = _targets(work.case, candidates)
    places = [(path, name) for path, name in targets]
    inputs = behaviour.inputs_for(work.case.evidence, places)
    clusters = behaviour.cluster(session, candidates, inputs, work.case.evidence.nodeid, work.stop)
    scores: dict[int, float] | None = None
    if model is not None and len(clusters) > 1 and not work.stop:
        best = choose.rank(candidates, clusters, None)[:_MOST_BEHAVIOURS]
        try:
            scores = choose.likelihoods(model, {b.best: candidates[b.best] for b in best}, targets, work.stop)
        except ModelError as error:
            work.trouble = str(error)
        clusters = tuple(b.cluster for b in best)
    original: Mapping[str, CallResult] = {}
    if len(clusters) > 1 and not work.stop:
        original = behaviour.outputs(session, _UNCHANGED, inputs, work.case.evidence.nodeid, work.stop)
    return choose.rank(candidates, clusters, scores, original), scores is not None


def _targets(case: Case, candidates: list[Candidate]) -> Mapping[tuple[str, str], Target]:
    found: dict[tuple[str, str], Target] = {}
    for candidate in candidates:
        source = case.sources.get(candidate.path)
        function = source.function_at(candidate.line) if source is not None else None
        if function is not None:
            found[candidate.path, function.qualname] = case.target(candidate.path, function)
    return found


def _prose(work: Work, model: Model, repairs: list[Repair]) -> str:
    candidate = repairs[0].candidate if repairs else None
    targets = list(_targets(work.case, [candidate]).values()) if candidate else []
    targets = targets or work.case.targets(most=1)
    if not targets:
        return ""
    try:
        return explaining.write_prose(model, targets[0], candidate, work.stop.within(_PROSE_S))
    except ModelError as error:
        work.trouble = str(error)
        return ""


def _with_prose(explanation: Explanation, prose: str, confirmed: bool) -> Explanation:
    standing = Standing.CONFIRMED if confirmed else Standing.HYPOTHESIS
    return replace(explanation, prose=prose.strip(), standing=standing if prose.strip() else explanation.standing)


def _report(
    work: Work, nodeid: str, repairs: list[Repair], question: Question | None, explanation: Explanation
) -> FailureReport:
    status = FixStatus.AMBIGUOUS if question else FixStatus.REPAIRED if repairs else FixStatus.UNREPAIRED
    return FailureReport(
        nodeid=nodeid,
        status=status,
        repairs=tuple(repairs),
        explanation=explanation,
        seconds=time.monotonic() - work.began,
        candidates_tried=work.tried,
        question=question,
        suspects=work.case.suspects,
        related=work.case.trial.related,
        note=_note(work, repairs),
    )


def _note(work: Work, repairs: list[Repair]) -> str:
    if work.stop.cancelled:
        return "Cancelled; nothing was changed."
    if repairs:
        return work.trouble
    if work.trouble:
        return work.trouble
    if not work.case.sources:
        return "No file of the project that a repair may change takes part in this failure."
    if work.plausible and work.stop:
        return "A candidate passes this test, but the budget ended before the whole suite had run; give more seconds."
    if work.plausible:
        return "Candidates passed this test, but each broke another when the whole suite ran."
    if work.exhausted:
        return f"None of {work.tried} candidates passed, and the search has no others to try."
    return f"None of {work.tried} candidates passed before the budget ended; try --budget deep."


def _flaky(nodeid: str, flaky: Flaky, seconds: float) -> FailureReport:
    explanation = Explanation(flaky.note, nodeid.split("::")[0], 1, ())
    return FailureReport(nodeid, FixStatus.FLAKY, (), explanation, seconds, 0, note=flaky.note)


def explain(session: Session, suite: Suite, nodeid: str, model: Model | None, stop: Stop) -> Iterator[Event]:
    """Facts at once, then prose; no repair is sought."""
    began = time.monotonic()
    try:
        case = open_case(session, suite, gather(session, suite, nodeid, stop))
    except Flaky as flaky:
        yield Done(_flaky(nodeid, flaky, time.monotonic() - began))
        return
    work = Work(case, stop, began)
    yield Located(nodeid, case.suspects, case.explanation, case.suspected_calls)
    prose = _prose(work, model, []) if model is not None else ""
    yield Prose(nodeid, prose)
    report = _report(work, nodeid, [], None, _with_prose(case.explanation, prose, confirmed=False))
    yield Done(replace(report, note=work.trouble))
