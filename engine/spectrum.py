"""Which lines, and which ways from one line to the next, are peculiar to the failing tests.

Ochiai, ef / sqrt((ef + nf) * (ef + ep)), Abreu et al. 2006, over the failing test, those related to it and the passing
ones beside it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable
from typing import TypeVar

from ..sandbox.types import Outcome, TestResult
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
    own = _ways(evidence.failing)

    def seen(test: TestResult) -> frozenset[Way]:
        return _ways(test) | _hidden(test, own) if test.outcome is Outcome.PASSED else _ways(test)

    return _ochiai(evidence, seen)


def _ochiai(evidence: Evidence, seen: Callable[[TestResult], frozenset[Key]]) -> dict[Key, float]:
    failing = [evidence.failing, *evidence.related]
    failed = Counter(key for test in failing for key in seen(test))
    passed = Counter(key for test in evidence.passing for key in seen(test))
    return {key: failed[key] / math.sqrt(len(failing) * (failed[key] + passed[key])) for key in seen(evidence.failing)}


def _ways(test: TestResult) -> frozenset[Way]:
    """None over a gap of the trace, and none to an end that it does not hold."""
    if test.trace is None:
        return frozenset()
    found: set[Way] = set()
    last: dict[int, int] = {}
    seen: Counter[int] = Counter()
    for step in test.trace.steps:
        activation = test.trace.activations[step.activation]
        if seen[step.activation] != activation.unbroken:
            found.add((activation.path, last.get(step.activation, 0), step.line))
        last[step.activation] = step.line
        seen[step.activation] += 1
    for number, line in last.items():
        activation = test.trace.activations[number]
        if activation.unbroken < 0 or not test.trace.cut:
            found.add((activation.path, line, -1))
    return frozenset(found)


def _hidden(test: TestResult, wanted: frozenset[Way]) -> frozenset[Way]:
    """Those of these ways that it may have gone where its trace holds nothing: it ran both lines."""
    if test.trace is None:
        return frozenset()
    broken = {one.path for one in test.trace.activations if one.unbroken >= 0}
    ran = {path: {0, -1, *lines} for path, lines in test.lines if test.trace.cut or path in broken}
    return frozenset(way for way in wanted if {way[1], way[2]} <= ran.get(way[0], set()))
