"""Suspicion by hand-computed spectra."""

from __future__ import annotations

import math

import pytest
from darner.engine.localise import score_lines
from darner.engine.types import Evidence
from darner.sandbox.types import Failure, Frame, Outcome, TestResult


def ran(nodeid: str, outcome: Outcome, *lines: int, failure: Failure | None = None) -> TestResult:
    return TestResult(nodeid, outcome, "call", 0.0, failure, (("cart.py", lines), ("test_cart.py", (1, 2))))


def evidence(failing: TestResult, *passing: TestResult, related: tuple[TestResult, ...] = ()) -> Evidence:
    return Evidence("t", failing, passing, related, "", 0.0)


def test_scores_are_ochiai_relative_to_the_best_line() -> None:
    """One failing test on lines 1, 2; two passing on 1, one of them on 3: line 2 is 1, line 1 is 1/sqrt(3)."""
    case = evidence(ran("f", Outcome.FAILED, 1, 2), ran("p", Outcome.PASSED, 1), ran("q", Outcome.PASSED, 1, 3))

    scores = score_lines(case, (), {})

    assert set(scores) == {("cart.py", 1), ("cart.py", 2)}
    assert scores["cart.py", 2].score == 1.0
    assert scores["cart.py", 1].score == pytest.approx(1 / math.sqrt(3))


def test_a_related_failure_raises_the_lines_that_both_run() -> None:
    """Two failures of one fault share the fault's line."""
    case = evidence(ran("f", Outcome.FAILED, 1, 2), related=(ran("g", Outcome.FAILED, 2, 3),))

    scores = score_lines(case, (), {})

    assert scores["cart.py", 2].score > scores["cart.py", 1].score


def test_the_place_where_it_surfaced_and_the_users_edit_count() -> None:
    """Of equally covered lines, the one on the stack comes first, then the one just edited."""
    frame = Frame("cart.py", 3, "total", "return x", ())
    failing = ran("f", Outcome.FAILED, 1, 2, 3, failure=Failure("ValueError", "no", "", (frame,)))

    scores = score_lines(evidence(failing), [("cart.py", 2)], {})

    ordered = sorted(scores, key=lambda place: -scores[place].score)
    assert [line for _, line in ordered] == [3, 2, 1]
    assert "where the failure surfaced" in " ".join(scores["cart.py", 3].reasons)


def test_test_files_are_never_suspects() -> None:
    """Fix the code, not the test."""
    assert all(path == "cart.py" for path, _ in score_lines(evidence(ran("f", Outcome.FAILED, 1)), (), {}))
