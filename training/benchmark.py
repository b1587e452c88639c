"""Tasks of others, by path: what weights are worth where nobody planted a bug, one greedy answer each.

    to repair   wrong source ─run─▶ evidence ─▶ the engine's own prompt ─┐
    to write    the description alone ───────────────────────────────────┴▶ answer ─▶ visible, then hidden tests

forms.py knows their forms. The hidden tests decide, and no model sees them. A task whose own known solution fails here,
as for a library that is missing, measures nothing: it is left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..engine.errors import BadInput
from .bench import Bench
from .examiner import Examiner
from .forms import Item
from .paired import Difference, difference
from .practice import Case, case_of
from .types import Mistake, Task

_KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Answered:
    """One model on one task."""

    benchmark: str
    task: str
    model: str
    """`before`, `new`, or `known`: the task's own solution."""
    correct: bool
    why: str = ""
    """What the tests said of a known solution that failed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Two models on one benchmark."""

    tasks: int
    before: float
    """Share of the tasks."""
    new: float
    gain: Difference
    unsound: int = 0
    """Further tasks, whose own solution fails here."""


def known(of: str, item: Item, place: Bench) -> Answered:
    """Whether the task's own solution passes; a task without one is believed."""
    ran = place.run(item.known, item.hidden, item.limits) if item.known else None
    right = ran is None or ran.passed
    return Answered(of, item.id, _KNOWN, right, "" if right or ran is None else ran.feedback.split("\n")[0])


def correct(item: Item, examiner: Examiner) -> bool:
    """Whether the model's greedy answer passes the visible and the hidden tests."""
    case = _case(item, examiner.bench)
    if case is None:
        return False
    answer = (examiner.repairs(case, None, 1, 0.0) if item.repairs else examiner.written(case, 1, 0.0))[0]
    hidden = item.hidden, item.limits
    return answer.passed == 1.0 and (not item.visible or examiner.bench.run(answer.code, *hidden).passed)


def _case(item: Item, place: Bench) -> Case | None:
    """None where the module does not define the function. What may not be shown only judges."""
    evidence = place.run(item.source, item.visible).feedback if item.visible else ""
    task = Task(item.id, item.name, "", item.source, item.visible or item.hidden, "benchmark", "", item.id)
    case = case_of(Mistake(item.id, task, item.source, "benchmark", "", evidence))
    if case is None:
        return None
    shown = replace(case.target, test=item.visible)
    return replace(case, target=shown, limits=item.limits, gated=item.gated)


def compared(answers: Sequence[Answered], seed: int) -> dict[str, Standing]:
    """By benchmark, on the tasks that both models answered. Raises BadInput for one of which no task can be judged."""
    names = dict.fromkeys(each.benchmark for each in answers)
    return {name: _standing([each for each in answers if each.benchmark == name], seed) for name in names}


def _standing(answers: Sequence[Answered], seed: int) -> Standing:
    by_model = {model: {a.task: float(a.correct) for a in answers if a.model == model} for model in ("before", "new")}
    both = sorted(by_model["before"].keys() & by_model["new"].keys())
    unsound = [each for each in answers if each.model == _KNOWN and not each.correct]
    if not both:
        said = f": {unsound[0].task} says {unsound[0].why}" if unsound else ""
        raise BadInput(f"No task of {answers[0].benchmark} can be judged here{said}; mend that, or take the file out.")
    before, new = ([by_model[model][task] for task in both] for model in ("before", "new"))
    shares, gain = (sum(before) / len(both), sum(new) / len(both)), difference(before, new, both, seed)
    return Standing(len(both), *shares, gain, len(unsound))
