"""Is one model better than another on the same tasks? Differences by task, resampled by family."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_DRAWS = 4_000
_FEWEST = 5
"""Families; fewer have no interval to speak of."""


@dataclass(frozen=True, slots=True)
class Difference:
    """New less base, as shares in [-1, 1], with the interval that holds 95 % of the resampled means."""

    mean: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Zero lies below the interval."""
        return self.low > 0.0


def difference(base: Sequence[float], new: Sequence[float], families: Sequence[str], seed: int = 0) -> Difference:
    """Paired bootstrap. Tasks of one family, as the mistakes planted in one function, are drawn together.

    At least one task. The same seed gives the same interval.
    """
    members: dict[str, list[float]] = defaultdict(list)
    for before, after, family in zip(base, new, families, strict=True):
        members[family].append(after - before)
    sums = [(math.fsum(each), len(each)) for each in members.values()]
    if len(sums) < _FEWEST:
        return Difference(_mean(sums), -1.0, 1.0)
    chance = random.Random(seed)
    means = sorted(_mean(chance.choices(sums, k=len(sums))) for _ in range(_DRAWS))
    return Difference(_mean(sums), means[round(0.025 * _DRAWS)], means[round(0.975 * _DRAWS)])


def _mean(sums: Sequence[tuple[float, int]]) -> float:
    return math.fsum(total for total, _ in sums) / sum(size for _, size in sums)


def pass_at(k: int, n: int, passed: int) -> float:
    """Chance that one of `k` of `n` samples passes, when `passed` of all do: 1 - C(n-c, k) / C(n, k) (Chen et al.)."""
    return 1.0 - math.comb(n - passed, k) / math.comb(n, k)
