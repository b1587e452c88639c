"""Failing tests that nobody asked about and that most likely show the same fault: one line raises the same in all."""

from __future__ import annotations

from pathlib import PurePosixPath

from ..sandbox.types import Failure, TestResult
from .protected import is_test_path
from .suite import Suite

Place = tuple[str, int, str]
"""Project-relative path, line, and type of what was raised there."""


def kindred(suite: Suite, failing: TestResult) -> tuple[str, ...]:
    """Other tests in which the same line of the project raised, or let through, the same kind of exception.

    In the suite's order; none where the failing test raised it itself, as an assert does.
    """
    place = _raised_at(failing.failure)
    if place is None:
        return ()
    return tuple(t.nodeid for t in suite.results if t.nodeid != failing.nodeid and _raised_at(t.failure) == place)


def _raised_at(failure: Failure | None) -> Place | None:
    """Where the innermost frame of the project stood, outside of tests."""
    own = [frame for frame in failure.frames if not PurePosixPath(frame.path).is_absolute()] if failure else []
    if failure is None or not own or is_test_path(own[-1].path):
        return None
    return own[-1].path, own[-1].line, failure.exception
