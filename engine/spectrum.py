"""Which lines, and which ways from one line to the next, are peculiar to the failing tests.

Ochiai, ef / sqrt((ef + nf) * (ef + ep)), Abreu et al. 2006, over the failing test, those related to it and the passing
ones beside it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable
from typing import TypeVar

from ..sandbox.types import TestResult
from .evidence import executed_lines
from .types import Evidence

Place = tuple[str, int]
Way = tuple[str, int, int]
"""Path, line, and the next line in the same activation; 0 before its first and -1 after its last."""
Key = TypeVar("Key", bound=Hashable)


def lines(evidence: Evidence) -> dict[Place, float]:
    """Of every project line that the failing test runs."""
    return _ochiai(evidence, executed_lines)


def ways(evidence: Evidence) -> dict[Way, float]:
    """Of every step from line to line that the failing test takes, as far as its trace goes."""
    return _ochiai(evidence, _ways)


def _ochiai(evidence: Evidence, seen: Callable[[TestResult], frozenset[Key]]) -> dict[Key, float]:
    failing = [evidence.failing, *evidence.related]
    failed = Counter(key for test in failing for key in seen(test))
    passed = Counter(key for test in evidence.passing for key in seen(test))
    return {key: failed[key] / math.sqrt(len(failing) * (failed[key] + passed[key])) for key in seen(evidence.failing)}


def _ways(test: TestResult) -> frozenset[Way]:
    if test.trace is None:
        return frozenset()
    found: set[Way] = set()
    last: dict[int, int] = {}
    for step in test.trace.steps:
        path = test.trace.activations[step.activation].path
        found.add((path, last.get(step.activation, 0), step.line))
        last[step.activation] = step.line
    found |= {(test.trace.activations[n].path, line, -1) for n, line in last.items()}
    return frozenset(found)
