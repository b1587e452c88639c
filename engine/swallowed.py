"""Exceptions that a failing test went through and never saw: a function of the project caught them on the way.

A mistake inside a broad `try` shows as a wrong value far from it; no stack names the line, the trace does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from ..sandbox.types import Swallowed, TestResult
from .lacking import Lacking, lacking
from .protected import is_test_path
from .source import Source
from .types import Evidence

SURE = frozenset(("NameError", "UnboundLocalError", "RecursionError"))
"""Nobody means these to be raised."""
_LIKELY = frozenset(("AttributeError", "TypeError", "ZeroDivisionError", "IndexError", "KeyError"))
"""Many a program asks by these whether something can be done: told only where no passing test meets them there."""
_RAISES = re.compile(r"(raise|assert)\b")
_MOST_TOLD, _MOST_SOURCE = 2, 90


def swallowed(evidence: Evidence, sources: Mapping[str, Source], tests: Set[str]) -> tuple[Swallowed, ...]:
    """Each place once, what is surely wrong first. None before the test was compared with those that pass.

    `tests`: files of tests, which may well ask for an exception.
    """
    if evidence.again is None:
        return ()
    found: dict[tuple[str, int, str], Swallowed] = {}
    for one in evidence.failing.raised:
        known = one.exception in SURE or (one.exception in _LIKELY and bool(evidence.passing))
        asked = is_test_path(one.catcher_path) or one.catcher_path in tests or one.path not in sources
        if not known or asked or _is_meant(one, sources) or _ended_the_test(one, evidence):
            continue
        if not any(_meets(test, one) for test in evidence.passing):
            found.setdefault((one.path, one.line, one.exception), one)
    return tuple(sorted(found.values(), key=lambda one: one.exception not in SURE))


def _meets(test: TestResult, one: Swallowed) -> bool:
    """It raises the same there, or ran there and was not looked at to its end."""
    if any((o.path, o.function, o.exception) == (one.path, one.function, one.exception) for o in test.raised):
        return True
    cut = test.trace is None or test.trace.cut
    return cut and any(path == one.path and one.line in lines for path, lines in test.lines)


def _ended_the_test(one: Swallowed, evidence: Evidence) -> bool:
    """It got out after all."""
    failure = evidence.failing.failure
    if failure is None or failure.exception != one.exception:
        return False
    return any((frame.path, frame.line) == (one.path, one.line) for frame in failure.frames)


def _is_meant(one: Swallowed, sources: Mapping[str, Source]) -> bool:
    """Its line says `raise` or `assert`, or who catches it names it right there: it asks whether something works."""
    if _RAISES.match(_text(one, sources)):
        return True
    here = (one.path, one.function) == (one.catcher_path, one.catcher) or one.exception == "NameError"
    source = sources.get(one.catcher_path)
    holding = next((f for f in source.functions() if f.qualname == one.catcher), None) if source is not None else None
    return here and holding is not None and one.exception in _handled(holding.node)


def _handled(function: ast.AST) -> frozenset[str]:
    """Names in its `except` clauses."""
    kinds = (node.type for node in ast.walk(function) if isinstance(node, ast.ExceptHandler) and node.type is not None)
    return frozenset(part.id for kind in kinds for part in ast.walk(kind) if isinstance(part, ast.Name))


def missing(evidence: Evidence, caught: Iterable[Swallowed]) -> Lacking | None:
    """What the test's own exception says is missing, or else one that was caught."""
    failure = evidence.failing.failure
    own = lacking(failure.exception, failure.message) if failure is not None else None
    return own or next(filter(None, (lacking(one.exception, one.message) for one in caught)), None)


def told_of(caught: Sequence[Swallowed], sources: Mapping[str, Source]) -> Iterator[str]:
    """Facts for the explanation."""
    for one in caught[:_MOST_TOLD]:
        says = f": {one.message.splitlines()[0]}" if one.message.strip() else ""
        where = f"{one.path}:{one.line} in {one.function}: `{_text(one, sources)}`"
        yield f"{where} raised {one.exception}{says}, and {_who(one)} caught it"


def _who(one: Swallowed) -> str:
    return "the same function" if (one.path, one.function) == (one.catcher_path, one.catcher) else f"`{one.catcher}`"


def _text(one: Swallowed, sources: Mapping[str, Source]) -> str:
    return " ".join(sources[one.path].line_text(one.line).split())[:_MOST_SOURCE]
