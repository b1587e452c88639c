"""One model at one task as the product uses it: a project of its own, the engine's loop, and what that offers.

    to repair   visible tests, one fails ─loop.repair─▶ the first repair, confirmed from cold; its explanation ┐
    to write    a stub, its description ─write.write──▶ the body, confirmed from cold                          ┴▶ graded

What is offered is graded by the visible and then the hidden tests, which nothing of the loop saw. As in use, the clock
ends it: where the machine is slower or busier, less is found.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ..engine import explain, loop, write
from ..engine.config import NORMAL, Budget
from ..engine.errors import BadInput, ModelError, PromptTooLong
from ..engine.events import Done
from ..engine.model import Completion, Message, Model, Role, Sampling
from ..engine.stop import Stop
from ..engine.stub import find
from ..engine.suite import run_suite
from ..engine.trial import edits_of
from ..engine.types import Explanation, Origin, Repair
from ..engine.written import Wrote
from ..sandbox.session import Session
from ..sandbox.types import Detail
from . import bench
from .bench import MODULE, Bench
from .forms import Item
from .meter import Metered
from .practice import Case

KNOWN = "known"
HELD_OUT = "held-out"


class Way(StrEnum):
    """Who looks for what passes."""

    MODEL = "model"
    """The model's own part of the loop: samples, revisions on what really happened, selection, confirmation."""
    WHOLE = "whole"
    """The search before it and behind it as well."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A task, and where it is from."""

    of: str
    """Its benchmark's name, or `held-out`."""
    item: Item
    family: str
    """Tasks of one family, as the mistakes planted in one function, are no independent ones."""


@dataclass(frozen=True, slots=True)
class Used:
    """What one model came to."""

    of: str
    task: str
    family: str
    way: str
    model: str
    """`before`, `new`, or `known`: whether the task can be judged here, which its own solution shows."""
    correct: bool
    """What was offered passes the visible and the hidden tests; without hidden ones, the visible."""
    ending: str = ""
    """As the engine reports it; of a task that cannot be judged, why."""
    plausible: bool = False
    """Something was offered, and the visible tests pass with it."""
    by_model: bool = False
    """A sample of the model was offered, nothing that the search came to."""
    tried: int = 0
    """Candidates."""
    calls: int = 0
    tokens: int = 0
    model_seconds: float = 0.0
    """Of the model, its explanation included."""
    seconds: float = 0.0
    """Until the offer was confirmed, or the time was up."""
    said: int = 0
    """Sentences of the model's explanation."""
    shown: int = 0
    """Those of them that the user sees: the others name what nobody saw, or are more than five."""
    named: bool | None = None
    """The explanation names a line that the known solution changes; None where there is no line to name."""


@dataclass(frozen=True, slots=True)
class How:
    way: Way
    seconds: float
    """Most of a task, by the clock."""
    seed: int
    trusted: bool

    @property
    def budget(self) -> Budget:
        """The product's own samples and rounds in another time."""
        return replace(NORMAL, name="product", seconds=self.seconds, search=self.way is Way.WHOLE)


@dataclass(frozen=True, slots=True)
class _Offer:
    ending: str
    repairs: Sequence[Repair]
    tried: int
    seconds: float
    explanation: Explanation | None = None


def of_case(case: Case) -> Wish:
    """A held-out mistake. None of its tests is hidden."""
    mistake, task = case.mistake, case.mistake.task
    item = Item(mistake.id, task.name, mistake.wrong, True, task.tests, "", task.code, case.limits)
    return Wish(HELD_OUT, item, task.seed)


def fit(wish: Wish, place: Bench) -> Used:
    """Whether the task can be judged here, and something is there to do; looked at before any model is asked."""
    item = wish.item
    trouble = ""
    if item.known and not all(_passes(item, tests, item.known, place) for tests in (item.visible, item.hidden)):
        trouble = "its own solution fails here"
    elif item.repairs and (not item.visible or _passes(item, item.visible, item.source, place)):
        trouble = "no test that may be shown fails"
    return Used(wish.of, item.id, wish.family, "", KNOWN, not trouble, trouble)


def used(wish: Wish, name: str, model: Model, how: How, place: Bench) -> Used:
    """What the model `name` comes to. Raises ModelError where it could not answer."""
    item, heard = wish.item, _Heard(model)
    heard.status()  # loads it: what it costs to begin is not of this task
    work = _repaired if item.repairs else _written
    with bench.project(item.source, item.visible, trusted=how.trusted) as session:
        offer = work(session, item, heard, how, place.stop)
    if heard.trouble is not None:
        raise heard.trouble
    code = _code(offer)
    plausible = bool(code) and _passes(item, item.visible, code, place)
    found = Used(wish.of, item.id, wish.family, how.way, name, plausible and _passes(item, item.hidden, code, place))
    found = replace(found, ending=offer.ending, plausible=plausible, by_model=_by_model(offer), tried=offer.tried)
    spent = heard.spent
    found = replace(found, calls=spent.calls, tokens=spent.tokens, model_seconds=round(spent.seconds, 3))
    return _told(replace(found, seconds=round(offer.seconds, 3)), item, offer.explanation, heard)


def _repaired(session: Session, item: Item, model: Model, how: How, stop: Stop) -> _Offer:
    """The first failing test, as a user has it repaired."""
    suite = run_suite(session, (), stop)
    if not suite.failing:
        return _Offer("nothing fails", (), 0, 0.0)
    events = loop.repair(session, suite, suite.failing[0], model, how.budget, stop, how.seed)
    report = next((event.report for event in events if isinstance(event, Done)), None)
    if report is None:
        raise KeyboardInterrupt  # nothing but a cancel ends the events early
    return _Offer(report.status, report.repairs, report.candidates_tried, report.seconds, report.explanation)


def _written(session: Session, item: Item, model: Model, how: How, stop: Stop) -> _Offer:
    suite = run_suite(session, (), stop, detail=Detail.COVERAGE, may_be_empty=True)
    try:
        events = write.write(
            session, suite, find(session.root, f"{MODULE}::{item.name}"), model, how.budget, stop, how.seed
        )
        report = next((event.report for event in events if isinstance(event, Wrote)), None)
    except BadInput as refusal:
        return _Offer(str(refusal), (), 0, 0.0)
    if report is None:
        raise KeyboardInterrupt
    return _Offer(report.status, report.repairs, report.candidates_tried, report.seconds)


def _code(offer: _Offer) -> str:
    """The module with what is offered first; empty where nothing is."""
    edits = edits_of(offer.repairs[0].candidate.patch) if offer.repairs else {}
    return edits.get(MODULE, b"").decode("utf-8", "replace")


def _by_model(offer: _Offer) -> bool:
    return bool(offer.repairs) and offer.repairs[0].candidate.origin is Origin.MODEL


def _passes(item: Item, tests: str, code: str, place: Bench) -> bool:
    return not tests or place.run(code, tests, item.limits).passed


def _told(found: Used, item: Item, explanation: Explanation | None, heard: _Heard) -> Used:
    """With what its explanation is worth."""
    if explanation is None:
        return found
    said, shown = (len(explain.sentences(text)) for text in (heard.prose, explanation.prose))
    lines = faulty_lines(item.source, item.known) if item.known else frozenset[int]()
    named = explanation.file == MODULE and explanation.line in lines if lines else None
    return replace(found, said=said, shown=shown, named=named)


def faulty_lines(source: str, fixed: str) -> frozenset[int]:
    """Lines of the source, from 1, that the known fix changes; what it adds stands beside its neighbours."""
    before, after = source.splitlines(), fixed.splitlines()
    found: set[int] = set()
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "insert" and any(text.strip() for text in after[j1:j2]):
            found |= {_code_at(before, i1 - 1, -1) + 1, _code_at(before, i1, 1) + 1}
        elif tag in ("replace", "delete"):
            found |= {n + 1 for n in range(i1, i2) if before[n].strip()}
    return frozenset(found)


def _code_at(lines: list[str], start: int, step: int) -> int:
    """The nearest line that is not empty."""
    while 0 <= start < len(lines) and not lines[start].strip():
        start += step
    return start


class _Heard(Metered):
    """Remembers what it wrote for the user to read, and that it failed: the loop goes on without a model."""

    prose = ""
    trouble: ModelError | None = None

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        try:
            found = super().sample(messages, sampling, stop, on_text, on_completion)
        except PromptTooLong:
            raise  # less is asked then, as in use
        except ModelError as error:
            self.trouble = error
            raise
        if sampling.role is Role.AUDITOR:
            self.prose = "".join(each.text for each in found)
        return found
