"""Which steps of a failing test made the values that its failure is about: a dynamic backward slice over its trace.

From the step that failed, back through the last writers of what each step read, through the conditions that let it
run, and into the calls that it made (Korel and Laski 1988). Distances count these links.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..sandbox.types import Trace
from .dataflow import Statement

_ALIASES = 4
"""Writers of one attribute name that are kept: several objects may have it."""

Statements = Mapping[str, Mapping[int, Statement]]
"""By path, then by line (dataflow.statements)."""


@dataclass(frozen=True, slots=True)
class Slice:
    distances: Mapping[tuple[str, int], int]
    """Fewest links from the failure to a run of this statement, by path and the statement's first line."""
    writers: Mapping[str, tuple[str, int]]
    """Where each name of the failing frame got its last value; empty where the end of the trace is missing."""
    steps: Mapping[tuple[str, int], int]
    """Which step of the trace is that near to the failure, by the same places."""


NOTHING = Slice({}, {}, {})
"""There is no trace."""


@dataclass
class _Frame:
    """One activation while its steps are replayed."""

    writers: dict[str, int] = field(default_factory=dict[str, int])
    missed: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    """Conditions that ran since a name was written and might have had it written again, by their line."""
    spared: dict[int, int] = field(default_factory=dict[int, int])
    """The last runs of conditions that might have left the function or the loop, by their line."""
    lines: dict[int, int] = field(default_factory=dict[int, int])
    """The last step at each statement's line."""
    last: int = -1
    called_from: int = -1


def backward_slice(trace: Trace, statements: Statements) -> Slice:
    """Of the step where the innermost recorded frame ended that did not end well."""
    links, frames, heap = _replay(trace, statements)
    start = _failing_frame(trace)
    if start is None or frames[start].last < 0:
        return NOTHING
    distances = _distances(frames[start].last, links)
    places: dict[tuple[str, int], int] = {}
    for step in distances:  # nearest first
        place = _place(trace, statements, step)
        if place is not None:
            places.setdefault(place, step)
    near = {place: distances[step] for place, step in places.items()}
    last = {} if trace.cut else _writers(trace, statements, frames[start], heap)
    return Slice(near, last, places)


def _failing_frame(trace: Trace) -> int | None:
    """The innermost activation through which the exception passed, or that did not end; else the first."""
    every = list(enumerate(trace.activations))
    raising = [n for n, one in every if one.exception is not None] or [n for n, one in every if one.result is None]
    if not raising:
        return 0 if trace.activations else None
    test = next((n for n in raising if trace.activations[n].caller == -1), raising[0])
    inner = test
    for n in raising:  # callees come after their callers
        if trace.activations[n].caller == inner:
            inner = n
    return inner


def _replay(trace: Trace, statements: Statements) -> tuple[list[set[int]], list[_Frame], dict[str, list[int]]]:
    """For every step, the steps that it depends on."""
    frames = [_Frame() for _ in trace.activations]
    heap: dict[str, list[int]] = defaultdict(list)
    links: list[set[int]] = []
    for number, step in enumerate(trace.steps):
        activation, frame = trace.activations[step.activation], frames[step.activation]
        found: set[int] = set()
        links.append(found)
        if frame.last < 0 and activation.caller >= 0:
            frame.called_from = frames[activation.caller].last
        statement = statements.get(activation.path, {}).get(step.line)
        if statement is None:
            frame.last = number
            continue
        _link(found, statement, frame, heap)
        _write(number, statement, frame, heap)
        if statement.yields and frame.called_from >= 0:
            links[frame.called_from].add(number)
        frame.last = frame.lines[statement.line] = number
    for frame in frames:
        if frame.called_from >= 0 and frame.last >= 0:
            links[frame.called_from].add(frame.last)
    return links, frames, heap


def _link(found: set[int], statement: Statement, frame: _Frame, heap: Mapping[str, list[int]]) -> None:
    for name in statement.reads:
        if name.startswith("."):
            found.update(heap.get(name, ()))
        else:  # what this frame never wrote is a parameter, or a name of the enclosing function
            found.add(frame.writers.get(name, frame.called_from))
        found.update(frame.missed.get(name, {}).values())
    found.add(frame.lines.get(statement.control, -1) if statement.control else frame.called_from)
    found.update(frame.spared.values())
    found.discard(-1)


def _write(number: int, statement: Statement, frame: _Frame, heap: dict[str, list[int]]) -> None:
    """A step that changes an object in place also reads it: what was there before is reached through that."""
    for name in statement.writes:
        if name.startswith("."):
            heap[name] = [*heap[name][1 - _ALIASES :], number]
        else:
            frame.writers[name] = number
        frame.missed.pop(name, None)
    for name in statement.might_write:
        frame.missed[name][statement.line] = number
    if statement.might_leave:
        frame.spared[statement.line] = number


def _distances(start: int, links: list[set[int]]) -> dict[int, int]:
    found = {start: 0}
    queue = deque([start])
    while queue:
        step = queue.popleft()
        for other in links[step]:
            if other not in found:
                found[other] = found[step] + 1
                queue.append(other)
    return found


def _place(trace: Trace, statements: Statements, step: int) -> tuple[str, int] | None:
    path = trace.activations[trace.steps[step].activation].path
    statement = statements.get(path, {}).get(trace.steps[step].line)
    return (path, statement.line) if statement is not None else None


def _writers(
    trace: Trace, statements: Statements, frame: _Frame, heap: Mapping[str, list[int]]
) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    last = {**frame.writers, **{name: steps[-1] for name, steps in heap.items() if steps}}
    for name, step in last.items():
        place = _place(trace, statements, step)
        if place is not None:
            found[name] = place
    return found
