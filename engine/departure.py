"""Where the failing run of a function first leaves the way that a passing run of it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ..sandbox.types import Activation, TestResult, Trace
from .protected import is_test_path

_MOST_ACTIVATIONS = 200

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Departure:
    path: str
    line: int
    """The last statement that both ran; 0 when they differ from the first on."""
    failing_next: int
    """The line that the failing run went to; -1: it ended there."""
    passing_next: int
    failing: Activation
    passing: Activation
    nodeid: str
    """Of the passing test."""
    values: tuple[tuple[str, str], ...]
    """What the failing run's names held there, as far as they were seen."""


def departure(
    failed: TestResult, passed: Iterable[TestResult], within: Collection[str] | None = None
) -> Departure | None:
    """The first, in order of calls, that goes where no passing call of the function goes; None without any.

    `within`: only functions of these files are looked at.
    """
    trace = failed.trace
    if trace is None:
        return None
    known: dict[Key, list[tuple[Activation, tuple[int, ...], str]]] = defaultdict(list)
    for test in passed:
        for activation, way in _ways(test):
            known[_key(activation)].append((activation, way, test.nodeid))
    for activation, way in _ways(failed):
        if within is not None and activation.path not in within:
            continue
        ranked = sorted(known.get(_key(activation), ()), key=lambda one: _likeness(way, one[1]))
        if ranked and _leaves(way, ranked[-1]):
            shared = _shared(way, ranked[-1][1])
            return _departure(trace, activation, way, ranked[-1], shared)
    return None


def _leaves(way: tuple[int, ...], other: tuple[Activation, tuple[int, ...], str]) -> bool:
    """What is not in the trace of the other may be the same."""
    activation, there, _ = other
    shared = _shared(way, there)
    return shared < len(way) and (shared < len(there) or activation.unbroken < 0)


def _likeness(way: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    return _shared(way, other), -abs(len(other) - len(way))


def _departure(
    trace: Trace,
    activation: Activation,
    way: tuple[int, ...],
    other: tuple[Activation, tuple[int, ...], str],
    shared: int,
) -> Departure:
    passing, there, nodeid = other
    return Departure(
        path=activation.path,
        line=way[shared - 1] if shared else 0,
        failing_next=way[shared],
        passing_next=there[shared] if shared < len(there) else -1,
        failing=activation,
        passing=passing,
        nodeid=nodeid,
        values=_values(trace, activation, shared),
    )


def _ways(test: TestResult) -> Iterator[tuple[Activation, tuple[int, ...]]]:
    """Project functions that the test ran, with their own lines in order, up to where some are missing."""
    if test.trace is None:
        return
    lines: dict[int, list[int]] = defaultdict(list)
    for step in test.trace.steps:
        lines[step.activation].append(step.line)
    for number, activation in enumerate(test.trace.activations[:_MOST_ACTIVATIONS]):
        way = lines[number] if activation.unbroken < 0 else lines[number][: activation.unbroken]
        if not is_test_path(activation.path) and not activation.function.endswith(">") and way:
            yield activation, tuple(way)


def _key(activation: Activation) -> Key:
    return activation.path, activation.function, activation.line


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _values(trace: Trace, activation: Activation, steps: int) -> tuple[tuple[str, str], ...]:
    """The values that its names had after so many of its own steps."""
    found = dict(activation.arguments)
    own = [step for step in trace.steps if trace.activations[step.activation] is activation]
    for step in own[: max(steps - 1, 0)]:
        found.update(step.values)
    return tuple(found.items())
