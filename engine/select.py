"""Ways to choose among candidates that all pass, over one frozen pool: the default, and those it is compared with.

    first        found first                               likeliest   the model's likelihood of the new function
    smallest     fewest characters changed                 judge       a model compares the code, two at a time
    agreeing     most candidates do the same (MBR-exec)    adaptive    S*: inputs that tell two apart, judged on outputs
    codet        tests that a model wrote, and agreement   margins     the same answers, by likelihood instead of points
    tests        tests that eight votes agree on           default     edit, agreement, what else changes, likelihood

papers.md 8.4 and 8.5. Whatever needs a model raises ModelError where there is none.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType

from . import agreement
from .behaviour import Cluster
from .choose import Behaviour, asked_about, likelihoods, place_of, rank, representatives, weigh
from .duel import Row, differing, fight, pair_of
from .errors import ModelError
from .model import Model
from .patch import edit_distance
from .pool import Choice, Means, Pool
from .stub import Meant

Selector = Callable[[Pool, Means], Choice]
_MOST_JUDGED = 4
"""Behaviours that meet each other two by two: six pairs, twelve answers."""


def first(pool: Pool, means: Means) -> Choice:
    return Choice(0)


def smallest(pool: Pool, means: Means) -> Choice:
    return Choice(min(range(len(pool.candidates)), key=lambda i: (edit_distance(pool.candidates[i].patch), i)))


def agreeing(pool: Pool, means: Means) -> Choice:
    """The behaviour that disagrees with the fewest others is that of the largest group; of equal ones, the first."""
    cluster = max(pool.clusters, key=lambda c: (len(c.members), -min(c.members)))
    return Choice(_smallest_of(pool, cluster))


def likeliest(pool: Pool, means: Means) -> Choice:
    best = representatives(pool.candidates, pool.clusters)
    scores = likelihoods(_model(means), {i: pool.candidates[i] for i in best}, pool.targets, means.stop)
    return Choice(max(scores, key=lambda i: scores[i])) if scores else _default_without(pool, means)


def codet(pool: Pool, means: Means) -> Choice:
    """Behaviours that pass the same of the model's tests are one group: tests passed times the root of its size."""
    model, meant = _model(means), _meant(pool)
    pairs = agreement.foretold(model, meant, means.stop, means.seed) if meant is not None else []
    passed = _passed(pool, means, [_test(meant, call, value) for call, value in pairs] if meant is not None else [])
    sizes: dict[frozenset[str], int] = defaultdict(int)
    for cluster, tests in zip(pool.clusters, passed, strict=True):
        sizes[tests] += len(cluster.members)
    scores = [len(tests) * math.sqrt(sizes[tests]) for tests in passed]
    return _highest(pool, means, scores)


def tests(pool: Pool, means: Means) -> Choice:
    """Only expected values that at least half of eight votes name are believed (papers.md 8.8)."""
    model, meant = _model(means), _meant(pool)
    said = agreement.vote(model, meant, means.stop, means.seed) if meant is not None else ()
    passed = _passed(pool, means, [text.removeprefix("assert ") for text in said])
    return _highest(pool, means, [float(len(tests)) for tests in passed])


def judge(pool: Pool, means: Means) -> Choice:
    return _tournament(pool, means, on_outputs=False, by_margin=False)


def adaptive(pool: Pool, means: Means) -> Choice:
    return _tournament(pool, means, on_outputs=True, by_margin=False)


def margins(pool: Pool, means: Means) -> Choice:
    """For models too small to answer the same in both orders: their leaning counts, with the order's part taken out."""
    return _tournament(pool, means, on_outputs=True, by_margin=True)


def default(pool: Pool, means: Means) -> Choice:
    """What the loop does (choose.py): with a model where there is one, and asking the user where two are close."""
    ranked, judged = weigh(pool, means.model, means.stop)
    text = asked_about(ranked, pool.candidates[ranked[0].best], judged)
    return Choice(ranked[0].best, ranked[1].best if text is not None else None)


SELECTORS: Mapping[str, Selector] = MappingProxyType({
    "first": first,
    "smallest": smallest,
    "agreeing": agreeing,
    "codet": codet,
    "tests": tests,
    "likeliest": likeliest,
    "judge": judge,
    "adaptive": adaptive,
    "margins": margins,
    "default": default,
})  # fmt: skip

_LOOKS_AT_EDITS = frozenset(("first", "smallest"))
"""Ways that see no behaviours: one of them or many is the same to these."""


def select(name: str, pool: Pool, means: Means) -> Choice:
    """One behaviour needs no choice, and no model: its plainest edit. Raises ModelError."""
    if len(pool.clusters) == 1 and name not in _LOOKS_AT_EDITS:
        return Choice(_smallest_of(pool, pool.clusters[0]))
    return SELECTORS[name](pool, means)


def _tournament(pool: Pool, means: Means, *, on_outputs: bool, by_margin: bool) -> Choice:
    """Every two of the most promising behaviours meet; nobody scores on outputs: they meet again on code alone."""
    contestants = [b.best for b in _ranked(pool)[:_MOST_JUDGED]]
    scores = _points(pool, means, contestants, on_outputs, by_margin)
    again = on_outputs and len(set(scores.values())) == 1
    if again:
        scores = _points(pool, means, contestants, False, by_margin)
    if len(set(scores.values())) == 1:
        return _default_without(pool, means)
    return Choice(max(contestants, key=lambda i: scores[i]), fallback=again)


def _points(
    pool: Pool, means: Means, contestants: Sequence[int], on_outputs: bool, by_margin: bool
) -> Mapping[int, float]:
    _model(means)
    scores = dict.fromkeys(contestants, 0.0)
    for one, other in combinations(contestants, 2):
        pair = pair_of(pool, pool.candidates[one], pool.candidates[other])
        if pair is None:
            continue
        rows: Sequence[Row] = differing(means, pool, one, other, pair) if on_outputs else ()
        duel = fight(means, pair, rows)
        if duel is not None:
            scores[one] += duel.margin if by_margin else duel.first
            scores[other] += -duel.margin if by_margin else duel.second
    return scores


def _passed(pool: Pool, means: Means, expressions: Sequence[str]) -> list[frozenset[str]]:
    """Of each behaviour, the expressions that come out true."""
    path = next(iter(pool.targets), ("", ""))[0]
    best = representatives(pool.candidates, pool.clusters)
    if not expressions:
        return [frozenset[str]() for _ in best]
    given = [means.run(pool.candidates[i], path, expressions) for i in best]
    return [frozenset(text for text, result in row.items() if result.result == "True") for row in given]


def _highest(pool: Pool, means: Means, scores: Sequence[float]) -> Choice:
    """Of the best behaviours, the one with the best prior; where all are equal, that is said to be a fallback."""
    if len(set(scores)) == 1:
        return _default_without(pool, means)
    best = [cluster for cluster, score in zip(pool.clusters, scores, strict=True) if score == max(scores)]
    return Choice(rank(pool.candidates, best, None, pool.original)[0].best)


def _default_without(pool: Pool, means: Means) -> Choice:
    return Choice(_ranked(pool)[0].best, fallback=True)


def _ranked(pool: Pool) -> tuple[Behaviour, ...]:
    return rank(pool.candidates, pool.clusters, None, pool.original)


def _smallest_of(pool: Pool, cluster: Cluster) -> int:
    return representatives(pool.candidates, [cluster])[0]


def _meant(pool: Pool) -> Meant | None:
    """The function that most candidates edit; the model is shown its head alone."""
    places = [p for c in pool.candidates if (p := place_of(c, pool.targets)) is not None]
    if not places:
        return None
    target = pool.targets[max(dict.fromkeys(places), key=places.count)]
    return Meant(target.source, target.function)


def _test(meant: Meant, call: str, value: str) -> str:
    return agreement.statement(meant, call, value).removeprefix("assert ")


def _model(means: Means) -> Model:
    if means.model is None:
        raise ModelError("This way of choosing asks a model; name one that is on this machine.")
    return means.model
