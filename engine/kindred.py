"""Failing tests that nobody asked about and that most likely show the same fault: in all, one line goes wrong alike."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ..sandbox.types import Failure, TestResult
from .protected import is_test_path
from .suite import Suite

_CHECK = re.compile(r"(raise|assert)\b")
Place = tuple[str, int, str]
"""Project-relative path, line, and type of what was raised there."""


def kindred(suite: Suite, failing: TestResult) -> tuple[str, ...]:
    """Other tests in which the same line of the project failed with the same kind of exception, in the suite's order.

    None where the failing test raised it itself, as an assert does, nor where a line says `raise`: a check that many
    callers go through finds the faults of each.
    """
    place = _raised_at(failing.failure)
    if place is None:
        return ()
    return tuple(t.nodeid for t in suite.results if t.nodeid != failing.nodeid and _raised_at(t.failure) == place)


def _raised_at(failure: Failure | None) -> Place | None:
    """Where the innermost frame of the project stood, outside of tests."""
    own = [frame for frame in failure.frames if not PurePosixPath(frame.path).is_absolute()] if failure else []
    if failure is None or not own or is_test_path(own[-1].path) or _CHECK.match(own[-1].source):
        return None
    return own[-1].path, own[-1].line, failure.exception
