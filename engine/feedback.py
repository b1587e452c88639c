"""What a model is told of its failed answer. It escalates: message and values first; after that the blocks that ran,
and the values with which its call left the way of one that passes.

A debugger's account helps only those whom the plain message did not (papers.md 9, points 8 and 13).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..sandbox.types import Outcome, RunResult, TestResult
from .dataflow import statements
from .departure import departure
from .errors import BadInput
from .source import Source
from .traced import blocks, left
from .types import Candidate

_MOST_VALUES = 8


def feedback_of(run: RunResult, nodeid: str) -> str:
    """The message, and the innermost frames with their values."""
    test = _of(run, nodeid)
    if test is None or test.failure is None:
        return run.detail or "A test that passed before fails now."
    failure = test.failure
    lines = [f"{failure.exception}: {failure.message}"]
    for frame in failure.frames[-2:]:
        values = ", ".join(f"{name} = {value}" for name, value in frame.locals[:_MOST_VALUES])
        lines.append(f"at line `{frame.source}` in {frame.function}{f', where {values}' if values else ''}")
    return "\n".join(lines)


def in_steps(run: RunResult, nodeid: str, candidate: Candidate) -> str:
    """That, what the first and last blocks of the candidate's own code left, and where its way parts from a passing
    call's; `run` was traced, with tests that pass.
    """
    test = _of(run, nodeid)
    if test is None:
        return feedback_of(run, nodeid)
    sources = _sources(candidate)
    tables = {path: statements(source) for path, source in sources.items()}
    steps = [f"- {row}" for row in blocks(test.trace, tables)]
    passed = [other for other in run.tests if other.outcome is Outcome.PASSED]
    beside = [f"- {row}" for row in left(departure(test, passed, sources), tables, sources)]
    told = [*(["Beside a call that is right:", *beside] if beside else []), *(["It ran so:", *steps] if steps else [])]
    return "\n".join([feedback_of(run, nodeid), *told])


def _of(run: RunResult, nodeid: str) -> TestResult | None:
    return next((test for test in run.tests if test.nodeid == nodeid), None)


def _sources(candidate: Candidate) -> Mapping[str, Source]:
    found: dict[str, Source] = {}
    for change in candidate.patch.files:
        try:
            found[change.path] = Source.parse(change.path, change.after)
        except BadInput:
            continue
    return found
