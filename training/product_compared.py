"""Two models as the product uses them, on the same tasks: asked, kept on disk, compared.

held-out mistakes, benchmarks ─fit─▶ each way, each model ─ledger─▶ shares, costs, paired difference with interval
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..engine.model import Model
from .bench import Bench
from .forms import Item
from .ledger import Ledger
from .paired import Difference, difference
from .practice import Case
from .product import KNOWN, How, Used, Wish, fit, of_case, used

_MEANS = ("correct", "plausible", "by_model", "tried", "calls", "tokens", "model_seconds", "seconds")


@dataclass(frozen=True, slots=True)
class InUse:
    """Two models on the tasks of one benchmark, one way."""

    tasks: int
    before: Mapping[str, float]
    """Shares and means of a task, by kind."""
    new: Mapping[str, float]
    correct: Difference
    plausible: Difference


def wishes(cases: Sequence[Case], tasks: Sequence[tuple[str, Item]], most: int, seed: int) -> list[Wish]:
    """So many held-out mistakes, drawn, and so many tasks of each benchmark, which are drawn already."""
    chosen = [of_case(case) for case in random.Random(seed).sample(cases, len(cases))[:most]]
    for name in dict.fromkeys(of for of, _ in tasks):
        chosen += [Wish(name, item, item.id) for of, item in tasks if of == name][:most]
    return chosen


def sit(
    asked: Sequence[Wish], models: Mapping[str, Model], hows: Sequence[How], place: Bench, ledger: Ledger
) -> tuple[Used, ...]:
    """Ask what was not asked yet; all that is known then.

    Raises KeyboardInterrupt when the run was cancelled, ModelError where a model cannot answer.
    """
    known = {(each.of, each.task, each.way, each.model): each for each in (Used(**row) for row in ledger.rows)}

    def keep(found: Used) -> Used:
        if place.stop:
            raise KeyboardInterrupt  # what a cancelled run gave means nothing
        ledger.add(asdict(found))
        return known.setdefault((found.of, found.task, found.way, found.model), found)

    for wish in asked:
        key = wish.of, wish.item.id
        if not (known.get((*key, "", KNOWN)) or keep(fit(wish, place))).correct:
            continue
        for how in hows:
            for name, model in models.items():
                if (*key, how.way, name) not in known:
                    keep(used(wish, name, model, how, place))
    return tuple(known.values())


def compared(found: Sequence[Used], seed: int) -> dict[str, dict[str, InUse]]:
    """By benchmark and way, on the tasks that both models worked on; nothing where there is none."""
    names = dict.fromkeys((each.of, each.way) for each in found if each.model != KNOWN)
    report: dict[str, dict[str, InUse]] = {}
    for of, way in names:
        report.setdefault(of, {})[way] = _standing([e for e in found if (e.of, e.way) == (of, way)], seed)
    return report


def as_json(found: Sequence[Used], report: Mapping[str, Mapping[str, InUse]]) -> dict[str, Any]:
    """For the report: `unfit` says why, by task, of those that cannot be judged here."""
    unfit = {f"{each.of} {each.task}": each.ending for each in found if each.model == KNOWN and not each.correct}
    by_way = {of: {way: asdict(each) for way, each in ways.items()} for of, ways in report.items()}
    return {"tasks": by_way, "unfit": unfit}


def worse(report: Mapping[str, Mapping[str, InUse]]) -> bool:
    """Somewhere less is correct than before, by the whole interval."""
    return any(each.correct.high < 0.0 for ways in report.values() for each in ways.values())


def figures(report: Mapping[str, Mapping[str, InUse]]) -> Iterator[tuple[str, float]]:
    """For the manifest, as `held-out_model_new_correct`."""
    for of, ways in report.items():
        for way, each in ways.items():
            for name, means in (("before", each.before), ("new", each.new)):
                yield from ((f"{of}_{way}_{name}_{kind}", value) for kind, value in means.items())
            yield from ((f"{of}_{way}_gain_{end}", value) for end, value in asdict(each.correct).items())


def _standing(rows: Sequence[Used], seed: int) -> InUse:
    by_model = {model: {each.task: each for each in rows if each.model == model} for model in ("before", "new")}
    both = sorted(by_model["before"].keys() & by_model["new"].keys())
    before, new = ([of[task] for task in both] for of in by_model.values())

    def gain(kind: str) -> Difference:
        old, now = ([float(getattr(each, kind)) for each in rows] for rows in (before, new))
        return difference(old, now, [each.family for each in before], seed)

    return InUse(len(both), dict(_means(before)), dict(_means(new)), gain("correct"), gain("plausible"))


def _means(rows: Sequence[Used]) -> Iterator[tuple[str, float]]:
    for kind in _MEANS:
        yield kind, sum(float(getattr(each, kind)) for each in rows) / len(rows)
    if said := sum(each.said for each in rows):
        yield "sentences", said / len(rows)
        yield "sentences_shown", sum(each.shown for each in rows) / said
    if named := [each.named for each in rows if each.named is not None]:
        yield "line_named", sum(named) / len(named)
