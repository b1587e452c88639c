"""Tasks of others, by path: what weights are worth where nobody planted a bug, one greedy answer each.

    to repair   wrong source ─run─▶ evidence ─▶ the engine's own prompt ─┐
    to write    the description alone ───────────────────────────────────┴▶ answer ─▶ visible, then hidden tests

forms.py knows their forms. The hidden tests decide, and no model sees them. A task whose own known solution fails here,
as for a library that is missing, measures nothing: it is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ..engine.errors import BadInput
from .bench import Bench
from .examiner import Examiner
from .forms import Item
from .meter import Metered
from .paired import Difference, difference, pass_at
from .practice import Case, Graded, case_of
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
    """Its greedy answer passes all tests."""
    plausible: bool = False
    """It passes those that were shown; where none was, all."""
    passed: int = 0
    """Of the sampled answers, those that are correct."""
    tokens: int = 0
    seconds: float = 0.0
    """Of the model, for all its answers."""
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
    more: Mapping[str, float] = field(default_factory=dict[str, float])
    """By `before_plausible` and the like: share of the tasks, tokens and seconds of one, pass@1 and pass@k."""


def known(of: str, item: Item, place: Bench) -> Answered:
    """Whether the task's own solution passes; a task without one is believed."""
    ran = place.run(item.known, item.hidden, item.limits) if item.known else None
    right = ran is None or ran.passed
    why = "" if right or ran is None else ran.feedback.split("\n")[0]
    return Answered(of, item.id, _KNOWN, right, why=why)


def answered(of: str, item: Item, name: str, examiner: Examiner) -> Answered:
    """What the model `name` makes of a task: its greedy answer, and as many samples as `examiner` is to take."""
    case = _case(item, examiner.bench)
    if case is None:
        return Answered(of, item.id, name, False)
    meter = Metered(examiner.model)
    examiner = replace(examiner, model=meter)
    ask = partial(examiner.repairs, case, None) if item.repairs else partial(examiner.written, case)
    effort = examiner.effort
    first = ask(1, 0.0)[0]
    more = ask(effort.samples, effort.temperature) if effort.samples else []
    right, passed = _correct(item, first, examiner.bench), sum(_correct(item, e, examiner.bench) for e in more)
    cost = meter.spent.tokens, round(meter.spent.seconds, 3)
    return Answered(of, item.id, name, right, first.passed == 1.0, passed, *cost)


def _correct(item: Item, answer: Graded, place: Bench) -> bool:
    """Whether it passes the visible and the hidden tests."""
    return answer.passed == 1.0 and (not item.visible or place.run(answer.code, item.hidden, item.limits).passed)


def _case(item: Item, place: Bench) -> Case | None:
    """None where the module does not define the function. What may not be shown only judges."""
    evidence = place.run(item.source, item.visible).feedback if item.visible else ""
    task = Task(item.id, item.name, "", item.source, item.visible or item.hidden, "benchmark", "", item.id)
    case = case_of(Mistake(item.id, task, item.source, "benchmark", "", evidence))
    if case is None:
        return None
    shown = replace(case.target, test=item.visible)
    return replace(case, target=shown, limits=item.limits, gated=item.gated)


def compared(answers: Sequence[Answered], seed: int, samples: int = 0) -> dict[str, Standing]:
    """By benchmark, on the tasks that both models answered. Raises BadInput for one of which no task can be judged."""
    names = dict.fromkeys(each.benchmark for each in answers)
    return {name: _standing([each for each in answers if each.benchmark == name], seed, samples) for name in names}


def _standing(answers: Sequence[Answered], seed: int, samples: int) -> Standing:
    by_model = {model: {a.task: a for a in answers if a.model == model} for model in ("before", "new")}
    both = sorted(by_model["before"].keys() & by_model["new"].keys())
    unsound = [each for each in answers if each.model == _KNOWN and not each.correct]
    if not both:
        said = f": {unsound[0].task} says {unsound[0].why}" if unsound else ""
        raise BadInput(f"No task of {answers[0].benchmark} can be judged here{said}; mend that, or take the file out.")
    chosen = {model: [rows[task] for task in both] for model, rows in by_model.items()}
    before, new = ([float(each.correct) for each in rows] for rows in chosen.values())
    shares, gain = (sum(before) / len(both), sum(new) / len(both)), difference(before, new, both, seed)
    more = {f"{model}_{kind}": value for model, rows in chosen.items() for kind, value in _more(rows, samples)}
    return Standing(len(both), *shares, gain, len(unsound), more)


def _more(rows: Sequence[Answered], samples: int) -> Iterator[tuple[str, float]]:
    for kind in ("plausible", "tokens", "seconds"):
        yield kind, sum(getattr(each, kind) for each in rows) / len(rows)
    for k in sorted({1, samples}) if samples else ():
        yield f"pass_at_{k}", sum(pass_at(k, samples, each.passed) for each in rows) / len(rows)
