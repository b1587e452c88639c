"""Evidence to ranked suspects: which statements of the project may hold the fault, and why.

Six kinds of evidence add up: the spectrum of lines and of ways between them (spectrum.py), the backward slice from
what failed (slicing.py), the failing stack, the user's own edits, what an exception says is missing (lacking.py), and
exceptions that were caught on the way (swallowed.py).
A suspect's rank also weighs how much room its statement has for a mistake (room.py); the suspicion of a line, which the
search uses, does not.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..sandbox.types import Swallowed
from . import spectrum
from .dataflow import Statement, statements
from .lacking import Lacking, suppliers
from .protected import is_test_path
from .room import room
from .slicing import NOTHING, Slice, backward_slice
from .source import Function, Source
from .swallowed import SURE
from .types import Evidence, Suspect

_LINES, _WAY_OUT, _WAY_IN = 1.5, 0.25, 0.35
_IN_SLICE, _NEAR, _NEARER = 0.5, 0.7, 0.5
_STACK, _EDITED, _LACKING = 0.5, 0.6, 1.5
_SURELY_RAISED, _RAISED = 3.5, 0.6
_MODULE_LEVEL = 0.25
_MOST_SUSPECTS = 40

Place = tuple[str, int]
Scores = dict[Place, float]


@dataclass(frozen=True, slots=True)
class LineScore:
    score: float
    """In (0, 1]."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signals:
    """What points at lines of the project, before it is added up."""

    spectrum: Scores
    way_out: Scores
    """Of the ways that leave a line: a condition that sends the failing test where no passing one goes."""
    way_in: Scores
    slice: Slice
    stack: Scores
    edited: Mapping[Place, str]
    """The reason to show, by line."""
    lacking: Mapping[Place, str]
    """Heads of functions that could supply what the exception says is missing; the reason to show."""
    swallowed: Mapping[Place, Swallowed]
    """Where an exception was raised that the test never saw."""


def gather_signals(
    evidence: Evidence,
    edited: Mapping[Place, str],
    known: Mapping[str, Source],
    caught: Sequence[Swallowed] = (),
    lack: Lacking | None = None,
) -> Signals:
    """`known`: parsed files that the failing test runs, its own among them."""
    way_out: Scores = defaultdict(float)
    way_in: Scores = defaultdict(float)
    for (path, line, after), score in spectrum.ways(evidence).items():
        way_out[path, line] = max(way_out[path, line], score)
        way_in[path, after] = max(way_in[path, after], score)
    trace = evidence.failing.trace
    tables = {path: statements(source) for path, source in known.items()}
    return Signals(
        spectrum=spectrum.lines(evidence),
        way_out=way_out,
        way_in=way_in,
        slice=backward_slice(trace, tables) if trace is not None else NOTHING,
        stack=_stack(evidence),
        edited={place: reason for place, reason in edited.items() if not is_test_path(place[0])},
        lacking=_lacking(lack, known),
        swallowed={(each.path, each.line): each for each in reversed(caught)},
    )


def score_lines(signals: Signals, sources: Mapping[str, Source]) -> dict[Place, LineScore]:
    """Suspicion of every project line that could matter; test files are never suspects."""
    tables = {path: statements(source) for path, source in sources.items()}
    edited = {place for place in signals.edited if place[0] in sources}
    lines: dict[Place, LineScore] = {}
    named = {place for place in signals.lacking if place[0] in sources}
    for place in signals.spectrum.keys() | signals.stack.keys() | edited | named:
        statement = tables.get(place[0], {}).get(place[1])
        score = _score(place, statement, signals)
        span = range(statement.line, statement.end_line + 1) if statement is not None else (place[1],)
        for line in span:  # a statement is as suspicious as its worst line
            known = lines.get((place[0], line))
            if known is None or known.score < score:
                lines[place[0], line] = LineScore(score, _reasons(place, statement, signals))
    lines |= _definitions(lines, sources)
    top = max((line.score for line in lines.values()), default=1.0) or 1.0
    return {place: LineScore(max(line.score / top, 1e-3), line.reasons) for place, line in lines.items()}


def suspects(lines: Mapping[Place, LineScore], sources: Mapping[str, Source]) -> tuple[Suspect, ...]:
    """The most suspicious statements, best first, each with its function."""
    tables = {path: statements(source) for path, source in sources.items()}
    spans: dict[tuple[str, int, int], tuple[float, tuple[str, ...]]] = {}
    rooms: dict[tuple[str, int, int], float] = {}
    for (path, line), found in lines.items():
        statement = tables.get(path, {}).get(line)
        span = (path, statement.line, statement.end_line) if statement is not None else (path, line, line)
        if span not in rooms:  # a table of a thousand lines is one statement
            rooms[span] = room(statement.node) if statement is not None else 1.0
        rank = found.score * rooms[span]
        if span not in spans or spans[span][0] < rank:
            spans[span] = (rank, found.reasons)
    ranked = sorted(spans.items(), key=lambda item: (-item[1][0], item[0]))[:_MOST_SUSPECTS]
    top = ranked[0][1][0] if ranked else 1.0
    functions = {path: sources[path].functions() for path in {span[0] for span, _ in ranked} & sources.keys()}
    return tuple(
        Suspect(path, line, end, _function_name(functions.get(path, ()), line), round(rank / top, 4), reasons)
        for (path, line, end), (rank, reasons) in ranked
    )


def _score(place: Place, statement: Statement | None, signals: Signals) -> float:
    score = _LINES * signals.spectrum.get(place, 0.0) + _STACK * signals.stack.get(place, 0.0)
    score += _WAY_OUT * signals.way_out.get(place, 0.0) + _WAY_IN * signals.way_in.get(place, 0.0)
    distance = _distance(place, statement, signals)
    if distance is not None:
        score += _IN_SLICE + _NEAR * _NEARER**distance
    score += _EDITED * (place in signals.edited) + _LACKING * (place in signals.lacking)
    raised = signals.swallowed.get(place)
    return score + ((_SURELY_RAISED if raised.exception in SURE else _RAISED) if raised is not None else 0.0)


def _distance(place: Place, statement: Statement | None, signals: Signals) -> int | None:
    return signals.slice.distances.get((place[0], statement.line)) if statement is not None else None


def _reasons(place: Place, statement: Statement | None, signals: Signals) -> tuple[str, ...]:
    reasons: list[str] = []
    own = signals.spectrum.get(place)
    if own is not None:
        reasons.append(f"runs in the failing test (Ochiai {own:.2f})")
        if signals.way_out.get(place, 0.0) > own:
            reasons.append("sends the failing test where no passing test beside it goes")
    distance = _distance(place, statement, signals)
    if distance is not None:
        names = [
            name for name, where in signals.slice.writers.items() if statement and where == (place[0], statement.line)
        ]
        reasons.append(_slice_reason(distance, names))
    if place in signals.stack:
        reasons.append("is on the failing stack" if signals.stack[place] < 1.0 else "is where the failure surfaced")
    if place in signals.edited:
        reasons.append(signals.edited[place])
    if place in signals.lacking:
        reasons.append(signals.lacking[place])
    if place in signals.swallowed:
        raised = signals.swallowed[place]
        reasons.append(f"raised {raised.exception}, which `{raised.catcher}` caught")
    return tuple(reasons)


def _slice_reason(distance: int, names: list[str]) -> str:
    if names:
        return f"wrote {', '.join(f'`{name}`' for name in sorted(names)[:3])} last before the failure"
    return f"has a part in the value that failed ({distance} step{'s' * (distance != 1)} back)"


def _stack(evidence: Evidence) -> Scores:
    """1 for the innermost project frame outside the tests, halved for each level above it."""
    failure = evidence.failing.failure
    frames = [f for f in failure.frames if not is_test_path(f.path)] if failure is not None else []
    scores: Scores = {}
    for depth, frame in enumerate(reversed(frames)):
        if not frame.path.startswith("/"):
            place = (frame.path, frame.line)
            scores[place] = max(scores.get(place, 0.0), 0.5**depth)
    return scores


def _lacking(lack: Lacking | None, known: Mapping[str, Source]) -> dict[Place, str]:
    """An `__init__` that ran for a passing test too, a function that was not even entered: nothing else names them."""
    reason = f"could supply the {lack.what.value} `{lack.name}`, which is missing" if lack is not None else ""
    found = ((path, function.def_line) for path, source in known.items() for function in suppliers(lack, source))
    return {place: reason for place in found if not is_test_path(place[0])}


def _definitions(lines: Mapping[Place, LineScore], sources: Mapping[str, Source]) -> dict[Place, LineScore]:
    """Module-level statements run at import, outside any test; those of a suspicious file count a little."""
    found: dict[Place, LineScore] = {}
    best: dict[str, float] = defaultdict(float)
    for (path, _), line in lines.items():
        best[path] = max(best[path], line.score)
    for path, score in best.items():
        if path in sources:
            for number in _module_lines(sources[path]):
                if (path, number) not in lines:
                    found[(path, number)] = LineScore(_MODULE_LEVEL * score, ("runs when its module is imported",))
    return found


def _module_lines(source: Source) -> set[int]:
    inside = {n for f in source.functions() for n in range(f.body_line, f.end_line + 1)}
    kinds = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef)
    numbers = {
        n for node in ast.walk(source.tree) if isinstance(node, kinds) for n in range(node.lineno, _head_end(node) + 1)
    }
    return numbers - inside


def _head_end(node: ast.AST) -> int:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.body[0].lineno - 1 if node.body[0].lineno > node.lineno else node.lineno
    end = getattr(node, "end_lineno", None)
    return end if isinstance(end, int) else 0


def _function_name(functions: Iterable[Function], line: int) -> str:
    holding = [f for f in functions if f.first_line <= line <= f.end_line]
    return max(holding, key=lambda f: f.first_line).qualname if holding else ""
