"""Writing: a stub, who judges it, bodies, trials, selection, confirmation from cold. The loop of repairs, for new code.

Only `Court.prove` makes a body one to offer (design.md, rule 1).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..sandbox.session import Session
from ..sandbox.types import Detail, Status, TestResult
from . import agreement, behaviour, choose, jury
from .checks import from_model
from .compose import compose
from .config import Budget
from .drafts import LIMITS, Draft, Drafts
from .errors import BadInput, ModelError
from .events import Event, Found, Phase, Tried
from .habits import home_of
from .jury import Jury
from .model import Model
from .prove import Court
from .reply import Ask, answered, chosen, none_agrees, ruling, told
from .rulings import about, with_ruling
from .stop import Stop
from .stub import Meant, must_be_stub, plain
from .suite import Suite
from .trial import edits_of
from .types import Candidate, Evidence, FileChange, Patch, Question, Repair, Ruling
from .written import Agreement, Judge, WriteStatus, Written, Wrote

_BODIES = 8
"""Sampled where nothing of the project judges: agreement needs voices."""
_SEARCH_SHARE = 0.5
_MOST_CONFIRMED = 3


@dataclass
class _Work:
    session: Session
    suite: Suite
    meant: Meant
    drafts: Drafts
    stop: Stop
    began: float
    jury: Jury | None
    repairs: list[Repair] = field(default_factory=list[Repair])
    agreed: Agreement | None = None
    question: Question | None = None
    chosen: str = ""
    """A sentence about the answer that the user gave."""
    waiting: tuple[str, ...] = ()
    tests: Patch | None = None
    trouble: str = ""


def write(
    session: Session,
    suite: Suite,
    meant: Meant,
    model: Model,
    budget: Budget,
    stop: Stop,
    seed: int = 0,
    rulings: Sequence[Ruling] = (),
    ask: Ask[Written] | None = None,
) -> Iterator[Event | Wrote]:
    """Write the body of a stub within the budget; the last event is Wrote. Nothing of the user's is changed.

    `suite` was run with Detail.COVERAGE; `rulings` and `ask` are as in `loop.repair`. Raises BadInput when it is no
    stub, or when nothing says what it should do.
    """
    must_be_stub(meant)
    began = time.monotonic()
    whole, stop = stop, stop.within(budget.seconds)
    own = jury.of_tests(session.root, suite, meant) or _examples(session, meant, stop)
    judges = own or jury.of_items(suite, meant)
    if judges is None and not (meant.docstring or meant.hinted):
        name = plain(meant.function.qualname)
        raise BadInput(
            f"{meant.place}: nothing says what {name} should do: it has no docstring, no type hints, and no failing "
            "test that calls it. Write one of them first."
        )
    known = about(rulings, {meant.path: meant.source})
    drafts = Drafts(session, meant, model, budget, stop, seed, judges, rulings=known)
    work = _Work(session, suite, meant, drafts, stop, began, judges)
    session.expect_fresh()
    try:
        if judges is None:
            yield from _agreed(work, budget)
        else:
            yield from _answered(work, judges, whole, ask)
    except ModelError as error:
        work.trouble = str(error)
    yield Wrote(_report(work))


def _examples(session: Session, meant: Meant, stop: Stop) -> Jury | None:
    """Those of the docstring; None where the stub itself satisfies them, for then any body does."""
    found = jury.of_doctests(session.root, meant)
    if found is None:
        return None
    run = session.run(found.nodeids, found.files, limits=LIMITS, cancelled=lambda: bool(stop))
    return None if run.status is Status.PASS else found


def _answered(work: _Work, judges: Jury, whole: Stop, ask: Ask[Written] | None) -> Iterator[Event]:
    """As judged; a question is asked while there is one, and what was said holds for what comes after it."""
    if judges.judge is Judge.TESTS:
        work.session.narrow((*judges.nodeids, *judges.keeping))
    while True:
        yield from _judged(work, judges) if not work.drafts.accepted else ()
        yield from _select(work, judges) if work.drafts.accepted else ()
        asked, left, question = time.monotonic(), work.stop.remaining_s, work.question
        reply = ask(_report(work)) if ask is not None and question is not None else None
        if reply is None or question is None:
            return
        said = ruling(question, reply)
        at = chosen(question, reply)
        if at is not None:
            repairs, work.chosen = answered(question, work.repairs, at)
            work.repairs, work.question = list(repairs), None
            work.drafts.rulings = with_ruling(work.drafts.rulings, said)
            return
        work.began += time.monotonic() - asked
        work.stop = work.drafts.stop = whole.within(left)
        work.repairs, work.question = [], None
        work.drafts.hear(said)


def _judged(work: _Work, judges: Jury) -> Iterator[Event]:
    """Real tests or examples judge: sample, revise, search near by."""
    drafts, name = work.drafts, work.meant.name
    yield Phase(name, "model", f"sampling bodies from {drafts.model.name}; {_told(judges)} judge them")
    drafts.sample()
    yield Tried(name, drafts.tried, len(drafts.accepted))
    if drafts.budget.search and not drafts.accepted and not work.stop:
        yield Phase(name, "search", "trying edits of the bodies that came nearest")
        whole, drafts.stop = drafts.stop, work.stop.within(_SEARCH_SHARE * work.stop.remaining_s)
        drafts.search()
        drafts.stop = whole
        yield Tried(name, drafts.tried, len(drafts.accepted))
    if not drafts.accepted and not work.stop:
        yield Phase(name, "model", "revising the bodies on what the tests said")
        drafts.revise()
        yield Tried(name, drafts.tried, len(drafts.accepted))


def _told(judges: Jury) -> str:
    count = len(judges.named)
    what = "test" if judges.judge is Judge.TESTS else "docstring example"
    return f"{count} {what}{'s' * (count > 1)}"


def _select(work: _Work, judges: Jury) -> Iterator[Event]:
    """Group by behaviour, confirm the best of each from cold."""
    name = work.meant.name
    yield Phase(name, "select", f"comparing {len(work.drafts.accepted)} bodies that pass")
    accepted = _as_in_the_examples(work, judges)
    candidates = [draft.candidate for draft in accepted]
    clusters, modules = _clusters(work, candidates, judges)
    ranked = _ranked(accepted, candidates, clusters)
    yield Phase(name, "confirm", "running the whole suite from cold")
    court = Court(work.session, work.suite, judges, work.meant.docstring)
    kept: list[choose.Behaviour] = []
    for one in ranked[:_MOST_CONFIRMED]:
        if work.stop:
            break
        draft = accepted[one.best]
        verdict = court.prove(draft, work.stop)
        if verdict.verified:
            kept.append(one)
            work.repairs.append(Repair(draft.candidate, verdict))
            work.waiting = draft.mark.waiting if draft.mark is not None and not work.waiting else work.waiting
            yield Found(name, work.repairs[-1])
        elif not work.trouble and not work.stop:
            work.trouble = _why_not(verdict.broken, verdict.run.detail)
    said = frozenset(one.call for one in work.drafts.rulings)
    work.question = choose.question(kept, work.repairs, False, modules, said)


def _as_in_the_examples(work: _Work, judges: Jury) -> list[Draft]:
    """Of the bodies that pass the tests, those that also do as the docstring's examples, if any does."""
    accepted = work.drafts.accepted
    examples = jury.of_doctests(work.session.root, work.meant) if judges.judge is Judge.TESTS else None
    if examples is None:
        return accepted
    marks = {id(draft): draft.mark for draft in accepted}
    held = [draft for draft in accepted if not work.stop and work.drafts.judge(draft, examples).accepts]
    for draft in accepted:
        draft.mark = marks[id(draft)]
    return held or accepted


def _ranked(
    accepted: list[Draft], candidates: list[Candidate], clusters: tuple[behaviour.Cluster, ...]
) -> tuple[choose.Behaviour, ...]:
    """What more completions came to is likelier right."""
    voices = {
        best: math.log(sum(accepted[i].voices for i in cluster.members))
        for cluster, best in zip(clusters, choose.representatives(candidates, clusters), strict=True)
    }
    return choose.rank(candidates, clusters, voices)


def _clusters(
    work: _Work, candidates: list[Candidate], judges: Jury
) -> tuple[tuple[behaviour.Cluster, ...], Mapping[str, str]]:
    """By what they do on the calls that the judging tests make, and on calls near them; and where each is called."""
    alone: tuple[tuple[behaviour.Cluster, ...], Mapping[str, str]]
    alone = (behaviour.Cluster(tuple(range(len(candidates))), {}),), {}
    if len(candidates) < 2 or work.stop:
        return alone
    edits = {**edits_of(candidates[0].patch), **judges.files}
    stop, some = work.stop, judges.nodeids[: jury.AT_ONCE]
    run = work.session.run(some, edits, limits=LIMITS, detail=Detail.EVIDENCE, cancelled=lambda: bool(stop))
    if not run.tests:
        return alone
    evidence = _evidence(run.tests)
    inputs = behaviour.inputs_for(evidence, [(work.meant.path, work.meant.function.qualname)])
    extra = tuple(FileChange(path, b"", data) for path, data in judges.files.items())
    whole = [replace(c, patch=Patch((*c.patch.files, *extra))) for c in candidates]
    return behaviour.cluster(work.session, whole, inputs, evidence.nodeid, stop), behaviour.modules_of(inputs)


def _evidence(tests: tuple[TestResult, ...]) -> Evidence:
    return Evidence(tests[0].nodeid, tests[0], tests[1:], (), "", tests[0].seconds)


def _agreed(work: _Work, budget: Budget) -> Iterator[Event]:
    """Nothing of the project judges: bodies first, then the model's tests, then who agrees with whom."""
    drafts, name, model = work.drafts, work.meant.name, work.drafts.model
    yield Phase(name, "model", f"sampling bodies from {model.name}; no test of the project judges them")
    drafts.budget = replace(budget, samples=max(budget.samples, _BODIES))
    drafts.sample()
    if work.stop or not drafts.found:
        return
    yield Phase(name, "votes", f"asking {model.name} for tests, {agreement.VOTES} votes on every expected value")
    judges = agreement.jury_of(model, work.session, work.meant, work.stop, drafts.seed)
    if isinstance(judges, str):
        work.trouble = work.trouble or judges
        return
    work.jury = judges
    for draft in drafts.found.values():
        if not work.stop:
            drafts.judge(draft, judges)
    yield Tried(name, drafts.tried, len(drafts.accepted))
    bodies = [draft for draft in drafts.found.values() if not draft.overruled]
    found = agreement.agree(work.session, work.meant, bodies, judges, work.stop)
    if found is None:
        work.trouble = "No body agrees both with the model's own tests and with a second body."
        return
    work.agreed = found.agreement
    yield Phase(name, "confirm", "running the whole suite from cold")
    verdict = Court(work.session, work.suite, judges, work.meant.docstring).prove(found.draft, work.stop)
    if verdict.verified:
        work.repairs.append(Repair(found.draft.candidate, verdict))
        work.tests = _offered(work, found.draft)
        yield Found(name, work.repairs[-1])
    elif not work.stop:
        work.trouble = _why_not(verdict.broken, verdict.run.detail)


def _offered(work: _Work, draft: Draft) -> Patch | None:
    """The model's tests that hold, as a test in the style of the project; None when it does not run there."""
    session, meant = work.session, work.meant
    held = [check for text in _held(work, draft) for check in from_model(text, meant)]
    if not held or work.stop:
        return None
    try:
        composed = compose(session.root, meant, home_of(session.root, work.suite, meant), held)
    except BadInput:  # the file of the tests cannot hold it
        return None
    edits = {**edits_of(draft.candidate.patch), **edits_of(composed.patch)}
    stop = work.stop
    run = session.run((composed.nodeid,), edits, limits=LIMITS, cancelled=lambda: bool(stop))
    return composed.patch if run.status is Status.PASS else None


def _held(work: _Work, draft: Draft) -> list[str]:
    """The assert statements of the jury that the body satisfies; its tests are numbered in their order."""
    passed = {nodeid.rpartition("_")[2] for nodeid in draft.mark.passed} if draft.mark is not None else set[str]()
    named = work.jury.named if work.jury is not None else ()
    return [text for number, text in enumerate(named, 1) if str(number) in passed]


def _why_not(broken: tuple[str, ...], detail: str) -> str:
    if broken:
        return f"A body passes its tests, but {broken[0]}, which passed before, then fails."
    return detail or "A body passed its tests, and failed them when everything ran again from cold."


def _report(work: _Work) -> Written:
    judges = work.jury
    return Written(
        name=work.meant.name,
        status=WriteStatus.WRITTEN if work.repairs else WriteStatus.UNWRITTEN,
        judge=judges.judge if judges is not None else None,
        judged_by=judges.named if judges is not None else (),
        repairs=tuple(work.repairs),
        seconds=time.monotonic() - work.began,
        candidates_tried=work.drafts.tried,
        agreement=work.agreed,
        tests=work.tests,
        waiting=work.waiting,
        question=work.question,
        rulings=work.drafts.rulings,
        note=_note(work),
    )


def _note(work: _Work) -> str:
    drafts = work.drafts
    if work.stop.cancelled:
        return "Cancelled; nothing was changed."
    if work.repairs:
        said = "; ".join(told(one) for one in drafts.rulings)
        return work.chosen or (f"As you said: {said}." if said else "")
    if work.trouble:
        return work.trouble
    if not drafts.found:
        why = f" {drafts.rubbish[0]}" if drafts.rubbish else ""
        return f"{drafts.model.name} wrote no body that could be tried.{why}"
    if overruled := sum(draft.overruled for draft in drafts.passing):
        return none_agrees(drafts.rulings, overruled, "none that agrees was written; try --budget deep")
    if work.stop:
        return f"None of {drafts.tried} bodies passed before the budget ended; try --budget deep."
    return f"None of {drafts.tried} bodies passed; more about the function in its docstring would help."
