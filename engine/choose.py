"""Which verified candidate to offer, and whether the choice is the user's.

Behaviours first (clusters of equal outputs), then one score per behaviour: how much likelier the model finds the new
function than the old one, given its description; without a model, how often developers make such an edit there.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..sandbox.types import CallResult
from .behaviour import Cluster, difference, shown
from .model import Model
from .patch import changed_lines
from .pool import Pool
from .prompt import Target, write
from .source import Source
from .stop import Stop
from .types import Answer, Candidate, Origin, Question, Repair

_MOST_WEIGHED = 8
_KEPT_LINES = 3
_LIKELY_NATS = 2.5
_PRIOR_NATS = 0.7
_AGREEMENT_NATS = 0.25
_PRIOR_WEIGHT, _PRIOR_ALONE = 0.5, 0.8
"""Beside a model's likelihood, and without one."""
_LOST_NATS, _GONE_NATS, _IDLE_NATS, _MOST_LOST = 0.2, 0.4, 0.8, 3
_CHANGED_NATS, _RAISES_NATS = 0.2, 0.5
_LINE_NATS = 0.25
_MOST_COMPARED = 6
"""Of one behaviour: what an edit drops is found by parsing the file twice."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One cluster with the candidate that stands for it."""

    cluster: Cluster
    best: int
    score: float
    """Natural-log units; larger is better; comparable within one failing test only."""


def rank(
    candidates: Sequence[Candidate],
    clusters: Sequence[Cluster],
    likelihoods: Mapping[int, float] | None,
    original: Mapping[str, CallResult] = MappingProxyType({}),
) -> tuple[Behaviour, ...]:
    """Behaviours, best first. `likelihoods` is by candidate index, as `representatives` chose them; `original` holds
    what the unrepaired code gives on the inputs of the clusters.
    """
    ranked: list[Behaviour] = []
    for cluster, best in zip(clusters, representatives(candidates, clusters), strict=True):
        candidate = candidates[best]
        weight = _PRIOR_ALONE if likelihoods is None else _PRIOR_WEIGHT
        score = weight * _log_prior(candidate) + _AGREEMENT_NATS * math.log(_voices(candidates, cluster))
        score -= lost(candidate) + _distance(cluster, original)
        if likelihoods is not None:
            score += likelihoods.get(best, 0.0)
        if candidate.origin is Origin.REVERT:
            score += 1_000.0  # taking back an edit that broke a test needs no guess
        ranked.append(Behaviour(cluster, best, score))
    return tuple(sorted(ranked, key=lambda behaviour: -behaviour.score))


def _distance(cluster: Cluster, original: Mapping[str, CallResult]) -> float:
    """How much else changes: a repair that alters fewer of the answers nobody complained about is likelier meant."""
    common = [text for text in cluster.outputs if text in original and original[text].exception is None]
    if not common:
        return 0.0
    changed = sum(shown(cluster.outputs[text]) != shown(original[text]) for text in common)
    raising = sum(cluster.outputs[text].exception is not None for text in common)
    return (_CHANGED_NATS * changed + _RAISES_NATS * raising) / len(common)


def lost(candidate: Candidate) -> float:
    """What the edit drops of the code's data flow, in nats: values that are no longer read, names never again, a loop
    whose turns are all the same.
    """
    if candidate.origin is not Origin.MUTATION:
        return 0.0
    found = 0.0
    for change in candidate.patch.files:
        old, new = ast.parse(change.before), ast.parse(change.after)
        before, after = _reads(old), _reads(new)
        fewer = before.total() - after.total()
        gone = sum(after[name] == 0 for name in before)
        found += _LOST_NATS * min(max(fewer, 0), _MOST_LOST) + _GONE_NATS * gone
        found += _IDLE_NATS * max(_idle_loops(new) - _idle_loops(old), 0)
    return found


def _reads(tree: ast.AST) -> Counter[str]:
    return Counter(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _idle_loops(tree: ast.AST) -> int:
    """Loops in which nothing reads what they go through."""
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.For | ast.AsyncFor))
    targets = ((loop, {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}) for loop in loops)
    return sum(bool(names) and names.isdisjoint(_reads(loop)) for loop, names in targets)


def representatives(candidates: Sequence[Candidate], clusters: Sequence[Cluster]) -> tuple[int, ...]:
    """One candidate per cluster: a reversal, else the likeliest edit that drops least, over few lines.

    A line put in is no smaller an edit than a line changed.
    """

    def cost(index: int) -> tuple[bool, float]:
        candidate = candidates[index]
        size = _LINE_NATS * max(changed_lines(candidate.patch) - 2, 0)
        return candidate.origin is not Origin.REVERT, size - _PRIOR_ALONE * _log_prior(candidate)

    def best(cluster: Cluster) -> int:
        likely = sorted(cluster.members, key=cost)[:_MOST_COMPARED]
        return min(likely, key=lambda i: (cost(i)[0], cost(i)[1] + lost(candidates[i])))

    return tuple(best(cluster) for cluster in clusters)


def weigh(pool: Pool, model: Model | None, stop: Stop) -> tuple[tuple[Behaviour, ...], bool]:
    """The behaviours of a pool, best first, and whether a model weighed them: it is shown the most promising alone.

    Raises ModelError.
    """
    clusters, scores = pool.clusters, None
    if model is not None and len(clusters) > 1 and not stop:
        best = rank(pool.candidates, clusters, None, pool.original)[:_MOST_WEIGHED]
        found = likelihoods(model, {b.best: pool.candidates[b.best] for b in best}, pool.targets, stop)
        scores = found or None  # a server may give no likelihoods: then nobody judged
        clusters = tuple(b.cluster for b in best)
    return rank(pool.candidates, clusters, scores, pool.original), scores is not None


def asked_about(
    ranked: Sequence[Behaviour], first: Candidate, judged: bool, besides: Collection[str] = ()
) -> str | None:
    """The input on which the two best differ, where the choice between them is the user's: they are about as good.

    `first` stands for the best. `judged` says whether a model weighed them: its scores are finer than priors alone.
    None: a reversal needs no guess, one is clearly better, or nothing that can be shown tells them apart.
    """
    if len(ranked) < 2 or first.origin is Origin.REVERT:
        return None
    if ranked[0].score - ranked[1].score > (_LIKELY_NATS if judged else _PRIOR_NATS):
        return None
    return difference(ranked[0].cluster, ranked[1].cluster, besides)


def question(
    ranked: Sequence[Behaviour],
    repairs: Sequence[Repair],
    judged: bool,
    modules: Mapping[str, str],
    besides: Collection[str] = (),
) -> Question | None:
    """Ask when the choice is the user's; `repairs` are in the order of `ranked`.

    `modules`: where each input is called. `besides`: the user has said already what these give.
    """
    text = asked_about(ranked, repairs[0].candidate, judged, besides) if len(repairs) > 1 else None
    if text is None:
        return None
    answers = tuple(Answer(shown(ranked[i].cluster.outputs[text]), i) for i in (0, 1))
    return Question(text, answers, modules.get(text, ""))


def likelihoods(
    model: Model, candidates: Mapping[int, Candidate], targets: Mapping[tuple[str, str], Target], stop: Stop
) -> dict[int, float]:
    """log P(new function) - log P(old function), both given the description, by candidate index.

    What follows the last changed line is cut after three lines in both: it adds cost and hardly a difference.
    """
    by_target: dict[tuple[str, str], list[int]] = {}
    for index, candidate in candidates.items():
        place = place_of(candidate, targets)
        if place is not None:
            by_target.setdefault(place, []).append(index)
    found: dict[int, float] = {}
    for place, indices in by_target.items():
        target = targets[place]
        pairs = [_cut(target.text, text_after(target, candidates[i])) for i in indices]
        flat = [text for pair in pairs for text in pair]
        unique = list(dict.fromkeys(flat))
        scores = dict(zip(unique, model.score(write(target), [f"```python\n{t}" for t in unique], stop), strict=False))
        for index, (old, new) in zip(indices, pairs, strict=True):
            if old in scores and new in scores:
                found[index] = scores[new] - scores[old]
    return found


def place_of(candidate: Candidate, targets: Mapping[tuple[str, str], Target]) -> tuple[str, str] | None:
    """The target function that a candidate edits, by its line."""
    for (path, name), target in targets.items():
        if path == candidate.path and target.function.first_line <= candidate.line <= target.function.end_line:
            return path, name
    return None


def text_after(target: Target, candidate: Candidate) -> str:
    """The target function as the candidate leaves it."""
    change = next((c for c in candidate.patch.files if c.path == target.source.path), None)
    if change is None:
        return target.text
    after = Source.parse(change.path, change.after)
    same = [f for f in after.functions() if f.qualname == target.function.qualname]
    return after.text_of(same[0]) if same else target.text


def _cut(old: str, new: str) -> tuple[str, str]:
    """Both texts up to three lines behind their last difference."""
    a, b = old.splitlines(), new.splitlines()
    same = 0
    while same < min(len(a), len(b)) and a[-1 - same] == b[-1 - same]:
        same += 1
    drop = max(same - _KEPT_LINES, 0)
    return "\n".join(a[: len(a) - drop]), "\n".join(b[: len(b) - drop])


def _log_prior(candidate: Candidate) -> float:
    return math.log(max(candidate.prior, 1e-6))


def _voices(candidates: Sequence[Candidate], cluster: Cluster) -> int:
    """Different edits that do the same agree with each other."""
    return len({candidates[i].patch for i in cluster.members})
