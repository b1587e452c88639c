"""Every failing test of a suite, one after another; a repair that also mends others counts for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from functools import reduce

from ..sandbox.session import Session
from ..sandbox.types import Assurance, Limits, Outcome
from ..sandbox.verdict import passes
from .combine import combine
from .config import Budget
from .events import Done, Event
from .explain import from_facts, with_repair
from .loop import repair
from .model import Model
from .reply import Ask
from .rulings import with_ruling
from .stop import Stop
from .suite import Suite
from .trial import edits_of, ended_by_itself
from .types import Evidence, FailureReport, FixStatus, Patch, Ruling

_SLOW_S, _SLOW_FACTOR = 0.1, 20.0
"""A test that takes longer than the one, and than the other times the quickest, waits: it may well start processes."""


def mend(
    session: Session,
    suite: Suite,
    model: Model | None,
    budget: Budget,
    stop: Stop,
    *,
    ask: Ask[FailureReport] | None = None,
    rulings: Sequence[Ruling] = (),
    seed: int = 0,
) -> Iterator[Event]:
    """Repair each failing test within its own budget; one `Done` for each, in the order they were settled.

    Quick tests come first: whatever is found for them is found sooner, and mends others more often than not.

    `rulings`: what the user said of calls before; `ask` answers a question, and what it says holds for later tests too.
    """
    waiting = _quick_ones_first(suite)
    while waiting and not stop:
        report: FailureReport | None = None
        for event in repair(session, suite, waiting.pop(0), model, budget, stop, seed, rulings, ask):
            if isinstance(event, Done):
                report = event.report
            else:
                yield event
        if report is None or (stop and not report.repairs):
            return
        yield Done(report)  # what was verified before Ctrl-C is shown, though the search for more was not over
        if stop:
            return
        rulings = reduce(with_ruling, report.rulings, tuple(rulings))
        settled = _settled_too(session, report, waiting, stop)
        waiting = [nodeid for nodeid in waiting if nodeid not in settled]
        yield from (Done(_shared(report, suite, nodeid)) for nodeid in settled)


def _quick_ones_first(suite: Suite) -> list[str]:
    """The failing tests, else in the suite's order."""
    seconds = {n: told.seconds if (told := suite.result(n)) is not None else 0.0 for n in suite.failing}
    slow = max(_SLOW_S, _SLOW_FACTOR * min(seconds.values(), default=0.0))
    return sorted(suite.failing, key=lambda nodeid: seconds[nodeid] > slow)


def _settled_too(session: Session, report: FailureReport, waiting: Sequence[str], stop: Stop) -> list[str]:
    """Tests that need no search of their own: the repair mends them, or that of the same code tried everything."""
    if report.repairs:
        offered = report.repairs[: len(report.question.answers) if report.question else 1]
        mended = list(waiting)
        for one in offered:  # whichever answer is right, the test passes
            mended = _also_mended(session, one.candidate.patch, mended, stop)
        return mended
    if report.status is FixStatus.UNREPAIRED:
        return [nodeid for nodeid in waiting if nodeid in report.related]
    return []


def is_believed(report: FailureReport, least: Assurance) -> bool:
    """The first repair has at least this assurance; A is more than B."""
    return bool(report.repairs) and report.repairs[0].verdict.proof.assurance <= least


def to_apply(
    session: Session, suite: Suite, reports: Sequence[FailureReport], stop: Stop, least: Assurance = Assurance.B
) -> Patch | None:
    """One patch that makes every repaired test pass and breaks none, tried as a whole; None when there is none.

    Repairs found one by one may contradict each other: those that do are left out, latest first; so are repairs of
    less assurance than `least`.
    """
    accepted: list[Patch] = []
    targets: list[str] = []
    together: Patch | None = None
    for report in (r for r in reports if r.status is FixStatus.REPAIRED and is_believed(r, least)):
        patch = report.repairs[0].candidate.patch
        whole = combine([*accepted, patch])
        if whole is None or stop:
            continue
        wanted = {*targets, report.nodeid, *suite.passed} - {each for one in reports for each in one.forgiven}
        if patch not in accepted and accepted and not _holds(session, suite, whole, wanted, stop):
            continue
        accepted, targets, together = [*accepted, patch], [*targets, report.nodeid], whole
    return together


def _holds(session: Session, suite: Suite, patch: Patch, wanted: Set[str], stop: Stop) -> bool:
    """Everything at once, in a fresh interpreter."""
    limits = replace(
        _LIMITS, wall_s=_LIMITS.wall_s + 5 * suite.run.seconds, cpu_s=_LIMITS.cpu_s + 5 * suite.run.seconds
    )
    return wanted <= _passing(session, patch, sorted(wanted), limits, stop, fresh=True)


def _also_mended(session: Session, patch: Patch, waiting: Sequence[str], stop: Stop) -> list[str]:
    """The waiting tests that pass with the patch and still fail without it (a flaky test proves nothing)."""
    if not waiting:
        return []
    passing = _passing(session, patch, waiting, _LIMITS, stop)
    mended = [nodeid for nodeid in waiting if nodeid in passing]
    unaided = _passing(session, Patch(()), mended, _LIMITS, stop) if mended else frozenset[str]()
    return [nodeid for nodeid in mended if nodeid not in unaided]


_LIMITS = Limits(wall_s=60.0, cpu_s=60.0, test_wall_s=5.0, test_cpu_s=5.0)


def _passing(
    session: Session, patch: Patch, nodeids: Sequence[str], limits: Limits, stop: Stop, fresh: bool = False
) -> frozenset[str]:
    bounds = session.within(limits)
    run = session.run(nodeids, edits_of(patch), limits=bounds, fresh=fresh, cancelled=lambda: bool(stop))
    if not ended_by_itself(run):  # a crash, or a report that was tampered with, proves nothing
        return frozenset()
    files = (nodeid for nodeid in nodeids if "::" not in nodeid and passes(nodeid, run.tests))
    return frozenset((*files, *(test.nodeid for test in run.tests if test.outcome is Outcome.PASSED)))


def _shared(report: FailureReport, suite: Suite, nodeid: str) -> FailureReport:
    """Another test with the same ending: the repair is shared, the facts are its own."""
    explanation = report.explanation
    told = suite.result(nodeid)
    if told is not None:
        own = from_facts(Evidence(nodeid, told, (), (), "", told.seconds), report.suspects)
        explanation = with_repair(own, report.repairs[0].candidate) if report.repairs else own
    note = f"Mended by the repair of {report.nodeid}." if report.repairs else f"Fails in the code of {report.nodeid}."
    return replace(report, nodeid=nodeid, explanation=explanation, seconds=0.0, candidates_tried=0, note=note)
