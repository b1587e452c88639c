"""What a model is told of its failed answer. It escalates: message and values first, the blocks that ran after that.

A debugger's account helps only those whom the plain message did not (papers.md 9, points 8 and 13).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..sandbox.types import RunResult, TestResult
from .dataflow import Statement, statements
from .errors import BadInput
from .slicing import Statements
from .source import Source
from .traced import blocks
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
    """That, and what the first and last blocks of the candidate's own code left; `run` was traced."""
    test = _of(run, nodeid)
    told = blocks(test.trace, _tables(candidate)) if test is not None else ()
    steps = [f"- {row}" for row in told]
    return "\n".join([feedback_of(run, nodeid), *(["It ran so:", *steps] if steps else [])])


def _of(run: RunResult, nodeid: str) -> TestResult | None:
    return next((test for test in run.tests if test.nodeid == nodeid), None)


def _tables(candidate: Candidate) -> Statements:
    found: dict[str, Mapping[int, Statement]] = {}
    for change in candidate.patch.files:
        try:
            found[change.path] = statements(Source.parse(change.path, change.after))
        except BadInput:
            continue
    return found
