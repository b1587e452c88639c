"""Evidence to ranked suspects: which lines of the project may hold the fault, and why.

Spectrum: Ochiai, ef / sqrt((ef + nf) * (ef + ep)), Abreu et al. 2006, over the failing test and its passing neighbours.
Traceback: lines on the failing stack, the innermost highest. Edits: lines that the user changed since HEAD.
"""

from __future__ import annotations

import ast
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .evidence import executed_lines
from .protected import is_test_path
from .source import Source
from .types import Evidence, Suspect

_SPECTRUM, _STACK, _EDITED = 0.55, 0.3, 0.15
_MODULE_LEVEL = 0.25
_MOST_SUSPECTS = 40

Lines = dict[tuple[str, int], float]


@dataclass(frozen=True, slots=True)
class LineScore:
    score: float
    reasons: tuple[str, ...]


def score_lines(
    evidence: Evidence, edited: Iterable[tuple[str, int]], sources: Mapping[str, Source]
) -> dict[tuple[str, int], LineScore]:
    """Suspicion in (0, 1] of every project line that could matter; test files are never suspects."""
    spectrum = _ochiai(evidence)
    stack = _stack(evidence)
    changed = {place for place in edited if not is_test_path(place[0])}
    lines: dict[tuple[str, int], LineScore] = {}
    for place in spectrum.keys() | stack.keys() | (changed & _known(sources)):
        score = _SPECTRUM * spectrum.get(place, 0.0) + _STACK * stack.get(place, 0.0) + _EDITED * (place in changed)
        lines[place] = LineScore(score, _reasons(place, spectrum, stack, changed))
    lines |= _definitions(lines, sources)
    top = max((line.score for line in lines.values()), default=1.0) or 1.0
    return {place: LineScore(max(line.score / top, 1e-3), line.reasons) for place, line in lines.items()}


def suspects(lines: Mapping[tuple[str, int], LineScore], sources: Mapping[str, Source]) -> tuple[Suspect, ...]:
    """The most suspicious lines, best first, each with its function."""
    ranked = sorted(lines.items(), key=lambda item: (-item[1].score, item[0]))
    return tuple(
        Suspect(path, line, line, _function_name(sources.get(path), line), round(found.score, 4), found.reasons)
        for (path, line), found in ranked[:_MOST_SUSPECTS]
    )


def _ochiai(evidence: Evidence) -> Lines:
    """ef / sqrt(nf_total * (ef + ep)) over the failing test and the failures related to it."""
    failing = [evidence.failing, *evidence.related]
    failed = Counter(place for test in failing for place in executed_lines(test))
    passed = Counter(place for test in evidence.passing for place in executed_lines(test))
    own = executed_lines(evidence.failing)
    return {place: failed[place] / math.sqrt(len(failing) * (failed[place] + passed[place])) for place in own}


def _stack(evidence: Evidence) -> Lines:
    """1 for the innermost project frame outside the tests, halved for each level above it."""
    failure = evidence.failing.failure
    frames = [f for f in failure.frames if not is_test_path(f.path)] if failure is not None else []
    scores: Lines = {}
    for depth, frame in enumerate(reversed(frames)):
        if not frame.path.startswith("/"):
            place = (frame.path, frame.line)
            scores[place] = max(scores.get(place, 0.0), 0.5**depth)
    return scores


def _definitions(
    lines: Mapping[tuple[str, int], LineScore], sources: Mapping[str, Source]
) -> dict[tuple[str, int], LineScore]:
    """Module-level statements run at import, outside any test; those of a suspicious file count a little."""
    found: dict[tuple[str, int], LineScore] = {}
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


def _reasons(place: tuple[str, int], spectrum: Lines, stack: Lines, changed: set[tuple[str, int]]) -> tuple[str, ...]:
    reasons: list[str] = []
    if place in spectrum:
        reasons.append(f"runs in the failing test (Ochiai {spectrum[place]:.2f})")
    if place in stack:
        reasons.append("is on the failing stack" if stack[place] < 1.0 else "is where the failure surfaced")
    if place in changed:
        reasons.append("you changed it since the last commit")
    return tuple(reasons)


def _known(sources: Mapping[str, Source]) -> set[tuple[str, int]]:
    return {(path, n) for path, source in sources.items() for n in range(1, source.data.count(b"\n") + 2)}


def _function_name(source: Source | None, line: int) -> str:
    function = source.function_at(line) if source is not None else None
    return function.qualname if function is not None else ""
