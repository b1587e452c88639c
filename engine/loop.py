"""The repair loop: failing test, evidence, suspects, candidates, trial, selection, repair and explanation.

Only `confirm` makes a repair (design.md, rule 1): models and scores propose and order, they never accept.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

from ..sandbox.session import Session
from . import explain as explaining
from .case import Case, open_case
from .config import Budget
from .crew import expect_help
from .errors import ModelError
from .events import Done, Event, Located, Offered, Phase, Prose, Seen
from .evidence import Flaky, compared, enters_no_more, first_look
from .hunt import hunt
from .model import Model
from .offer import Offer, selected
from .pool import targets_of
from .reply import Ask, Reply, chosen, none_agrees, ruling, settled, told
from .rulings import about
from .search import mutations
from .stop import Stop
from .suite import Suite
from .types import Explanation, FailureReport, FixStatus, Repair, Ruling, Standing
from .withheld import withheld
from .work import Work

_MOST_NAMED = 3
_PROSE_S = 12.0


def repair(
    session: Session,
    suite: Suite,
    nodeid: str,
    model: Model | None,
    budget: Budget,
    stop: Stop,
    seed: int = 0,
    rulings: Sequence[Ruling] = (),
    ask: Ask[FailureReport] | None = None,
) -> Iterator[Event]:
    """Repair one failing test within the budget; the last event is Done. Nothing of the user's is changed.

    `rulings`: what the user said of calls. `ask` answers a question; while it waits for the user, no time is used up.
    """
    began = time.monotonic()
    whole, stop = stop, stop.within(budget.seconds)
    expect_help(session)
    yield Phase(nodeid, "evidence", "running the failing test under the probe")
    try:
        case = yield from _examined(session, suite, nodeid, stop)
    except Flaky as flaky:
        yield Done(_flaky(nodeid, flaky, time.monotonic() - began))
        return
    if kept := withheld(session.root, case.evidence.failing.failure, case.variables):
        report = _report(Work(case, stop, began), nodeid, Offer(), case.explanation)
        yield Done(replace(report, note=kept))
        return
    work = begin(case, budget, stop, began, about(rulings, case.sources))
    reserve = _reserve(suite, budget)
    while True:
        offer = yield from _offered(work, model, budget, stop, seed)
        report = yield from _explained(work, model if budget.samples else None, offer, budget.prose)
        asked, left = time.monotonic(), stop.remaining_s
        reply = ask(report) if ask is not None and report.question is not None else None
        if report.question is None or reply is None or chosen(report.question, reply) is not None:
            yield Done(_as_answered(report, reply, case.explanation) if reply is not None else report)
            return
        work.began += time.monotonic() - asked
        stop = whole.within(max(left, reserve))
        work.stop = stop.within(stop.remaining_s - reserve)
        work.hear(ruling(report.question, reply))


def _offered(work: Work, model: Model | None, budget: Budget, stop: Stop, seed: int) -> Generator[Event, None, Offer]:
    """Hunt and select; once more behind what a run of everything refuted, or showed to cure some of the failures alone.

    What was verified first stays, where nothing better is found in the time that is left.
    """
    offer, reserve = Offer(), _reserve(work.case.trial.suite, budget)
    while True:
        yield from hunt(work, model, budget, seed + work.rounds) if not work.plausible else ()
        work.stop, work.rounds, refuted = stop, work.rounds + 1, len(work.refuted)
        found = yield from selected(work, model if budget.samples else None)
        before, offer = offer, offer.or_better(found)
        if offer is not before and offer.repairs:
            yield Offered(work.case.evidence.nodeid, offer.repairs, offer.question)
        left = stop.within(stop.remaining_s - reserve)
        if not found.repairs and len(work.refuted) > refuted and _goes_on(work, model, left):
            work.stop = left
            work.set_aside()
        elif offer is not before and offer.repairs and work.missed(offer.repairs[0]) and not left:
            alike = f"{len(offer.uncured)} more fail alike; looking for a cure of all"
            yield Phase(work.case.evidence.nodeid, "search", alike)
            work.stop = left
            work.widen(offer.repairs[0])
        else:
            return offer


def _as_answered(report: FailureReport, reply: Reply, facts: Explanation) -> FailureReport:
    """The prose and the place that were told are of the repair that was first: another one begins from the facts."""
    answered = settled(report, reply)
    if not answered.repairs or answered.repairs[0] is report.repairs[0]:
        return answered
    return replace(answered, explanation=explaining.with_repair(facts, answered.repairs[0].candidate))


def _examined(session: Session, suite: Suite, nodeid: str, stop: Stop) -> Generator[Event, None, Case]:
    """The case, announced twice: what the test shows by itself, and that beside other tests. Raises Flaky."""
    seen = first_look(session, suite, nodeid, stop)
    first = open_case(session, suite, seen)
    yield Seen(nodeid, first.explanation)
    case = open_case(session, suite, compared(session, suite, seen, stop), first)
    yield Located(nodeid, case.suspects, case.explanation, case.suspected_calls)
    return case


def begin(case: Case, budget: Budget, stop: Stop, began: float, rulings: tuple[Ruling, ...] = ()) -> Work:
    """Nothing tried yet; its stop leaves time for the confirming run."""
    case = case.heeding(rulings)
    session, trial = case.trial.session, case.trial
    session.narrow((trial.nodeid, *trial.covering, *trial.related))
    hunting = stop.within(stop.remaining_s - _reserve(trial.suite, budget))
    return Work(case, hunting, began, mutations(case), rulings=rulings)


def _reserve(suite: Suite, budget: Budget) -> float:
    """Seconds kept for the confirming run, at most a third of the budget."""
    return min(2.0 + 2.0 * suite.run.seconds, budget.seconds / 3)


def conclude(work: Work, model: Model | None, prose: bool) -> Iterator[Event]:
    """Select by behaviour, confirm from cold, explain, report; the last event is Done."""
    report = yield from _concluded(work, model, prose)
    yield Done(report)


def _concluded(work: Work, model: Model | None, prose: bool) -> Generator[Event, None, FailureReport]:
    offer = yield from selected(work, model)
    return (yield from _explained(work, model, offer, prose))


def _goes_on(work: Work, model: Model | None, left: Stop) -> bool:
    """There is time for more, and somebody has more to propose."""
    return not left and (model is not None or not work.exhausted or bool(work.unsure))


def _explained(work: Work, model: Model | None, offer: Offer, prose: bool) -> Generator[Event, None, FailureReport]:
    case, nodeid, repairs = work.case, work.case.evidence.nodeid, offer.repairs
    explanation = explaining.with_repair(case.explanation, repairs[0].candidate) if repairs else case.explanation
    report = _report(work, nodeid, offer, explanation)
    if model is not None and prose and not work.stop:
        yield Phase(nodeid, "explain", f"asking {model.name} to explain")
        text = yield from _prose(work, model, repairs)
        report = replace(report, explanation=_with_prose(explanation, text, confirmed=bool(repairs)))
    return report


def _prose(work: Work, model: Model, repairs: Sequence[Repair]) -> Generator[Event, None, str]:
    """What the model says, announced sentence by sentence as it is written."""
    candidate = repairs[0].candidate if repairs else None
    targets = list(targets_of(work.case, [candidate]).values()) if candidate else []
    targets = targets or work.case.targets(most=1)
    if not targets:
        return ""
    said = SimpleQueue[str | None]()
    stop = work.stop.within(_PROSE_S)
    with ThreadPoolExecutor(1) as beside:
        writing = beside.submit(explaining.write_prose, model, targets[0], candidate, stop, said.put)
        writing.add_done_callback(lambda _: said.put(None))
        while (text := said.get()) is not None:
            yield Prose(work.case.evidence.nodeid, text)
    try:
        return writing.result()
    except ModelError as error:
        work.trouble = str(error)
        return ""


def _with_prose(explanation: Explanation, prose: str, confirmed: bool) -> Explanation:
    standing = Standing.CONFIRMED if confirmed else Standing.HYPOTHESIS
    return replace(explanation, prose=prose.strip(), standing=standing if prose.strip() else explanation.standing)


def _report(work: Work, nodeid: str, offer: Offer, explanation: Explanation) -> FailureReport:
    repairs, question = offer.repairs, offer.question
    status = FixStatus.AMBIGUOUS if question else FixStatus.REPAIRED if repairs else FixStatus.UNREPAIRED
    return FailureReport(
        nodeid=nodeid,
        status=status,
        repairs=repairs,
        explanation=explanation,
        seconds=time.monotonic() - work.began,
        candidates_tried=work.tried,
        question=question,
        suspects=work.case.suspects,
        related=_as_hopeless(work) if work.exhausted else (),
        rulings=work.rulings,
        note=_note(work, offer),
        untold=offer.untold,
        forgiven=_forgiven(work, offer),
    )


def _as_hopeless(work: Work) -> tuple[str, ...]:
    evidence = work.case.evidence
    return tuple(test.nodeid for test in evidence.related if enters_no_more(test, evidence.failing))


def _forgiven(work: Work, offer: Offer) -> tuple[str, ...]:
    return offer.forgiven if offer.repairs else work.case.trial.forgiven


def _note(work: Work, offer: Offer) -> str:
    if work.stop.cancelled:
        return "Cancelled; nothing was changed."
    said = "; ".join(told(one) for one in work.rulings)
    said = f"As you said: {said}." if said else ""
    parts = (offer.trouble, said, offer.untold) if offer.repairs else (_why_none(work),)
    return " ".join(part for part in (*parts, _uncounted(_forgiven(work, offer))) if part)


def _uncounted(forgiven: Sequence[str]) -> str:
    names = ", ".join(forgiven[:_MOST_NAMED]) + (
        f" and {len(forgiven) - _MOST_NAMED} more" * (len(forgiven) > _MOST_NAMED)
    )
    return f"Not counted, for it fails from cold with the code as it stands, too: {names}." if forgiven else ""


def _why_none(work: Work) -> str:
    if work.trouble:
        return work.trouble
    if not work.case.sources:
        none = "No file of the project that a repair may change takes part in this failure."
        return " ".join(work.case.unread) or none
    return " ".join((*work.case.unread, _how_it_ended(work)))


def _how_it_ended(work: Work) -> str:
    if work.untested and work.stop:
        return "A candidate passes this test, but the budget ended before the whole suite had run; give more seconds."
    if work.overruled:
        none = "the search has no others to try" if work.exhausted else "none that agrees was found; try --budget deep"
        return none_agrees(work.rulings, work.overruled, none)
    if work.plausible or work.refuted:
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
        case = yield from _examined(session, suite, nodeid, stop)
    except Flaky as flaky:
        yield Done(_flaky(nodeid, flaky, time.monotonic() - began))
        return
    work = Work(case, stop, began)
    prose = (yield from _prose(work, model, [])) if model is not None else ""
    report = _report(work, nodeid, Offer(), _with_prose(case.explanation, prose, confirmed=False))
    yield Done(replace(report, note=work.trouble))
