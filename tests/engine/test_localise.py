"""Suspicion by hand-computed spectra."""

from __future__ import annotations

import math

import pytest
from darner.engine.localise import LineScore, gather_signals, score_lines, suspects
from darner.engine.source import Source
from darner.engine.types import Evidence
from darner.sandbox.types import Activation, Failure, Frame, Outcome, Step, TestResult, Trace


def ran(nodeid: str, outcome: Outcome, *lines: int, failure: Failure | None = None) -> TestResult:
    return TestResult(nodeid, outcome, "call", 0.0, failure, (("cart.py", lines), ("test_cart.py", (1, 2))))


def scored(case: Evidence, *edited: tuple[str, int]) -> dict[tuple[str, int], LineScore]:
    return score_lines(gather_signals(case, dict.fromkeys(edited, "you changed it"), {}), {})


def evidence(failing: TestResult, *passing: TestResult, related: tuple[TestResult, ...] = ()) -> Evidence:
    return Evidence("t", failing, passing, related, "", 0.0)


def test_scores_are_ochiai_relative_to_the_best_line() -> None:
    """One failing test on lines 1, 2; two passing on 1, one of them on 3: line 2 is 1, line 1 is 1/sqrt(3)."""
    case = evidence(ran("f", Outcome.FAILED, 1, 2), ran("p", Outcome.PASSED, 1), ran("q", Outcome.PASSED, 1, 3))

    scores = scored(case)

    assert set(scores) == {("cart.py", 1), ("cart.py", 2)}
    assert scores["cart.py", 2].score == 1.0
    assert scores["cart.py", 1].score == pytest.approx(1 / math.sqrt(3))


def test_a_related_failure_raises_the_lines_that_both_run() -> None:
    """Two failures of one fault share the fault's line."""
    case = evidence(ran("f", Outcome.FAILED, 1, 2), related=(ran("g", Outcome.FAILED, 2, 3),))

    scores = scored(case)

    assert scores["cart.py", 2].score > scores["cart.py", 1].score


def test_the_place_where_it_surfaced_and_the_users_edit_count() -> None:
    """Of equally covered lines, the one just edited comes first, then the one on the stack."""
    frame = Frame("cart.py", 3, "total", "return x", ())
    failing = ran("f", Outcome.FAILED, 1, 2, 3, failure=Failure("ValueError", "no", "", (frame,)))

    known = {"cart.py": Source.parse("cart.py", b"a = 1\nb = 2\nc = 3\n")}
    signals = gather_signals(evidence(failing), {("cart.py", 2): "you changed it"}, known)
    scores = score_lines(signals, known)

    ordered = sorted(scores, key=lambda place: -scores[place].score)
    assert [line for _, line in ordered] == [2, 3, 1]
    assert "where the failure surfaced" in " ".join(scores["cart.py", 3].reasons)


def test_test_files_are_never_suspects() -> None:
    """Fix the code, not the test."""
    assert all(path == "cart.py" for path, _ in scored(evidence(ran("f", Outcome.FAILED, 1))))


PRICES = b"""\
def total(prices, member):
    result = 0
    count = 0
    for price in prices:
        count += 1
        result += price
    if member:
        result -= 1
    return result
"""
PRICES_TEST = b"""\
from prices import total


def test_total():
    assert total([2], False) == 3
"""


def traced(outcome: Outcome, path: tuple[int, ...]) -> TestResult:
    """`total` ran these lines, called from the test's line 5."""
    exception = "AssertionError" if outcome is Outcome.FAILED else None
    activations = (
        Activation("test_prices.py", "test_total", 4, -1, 0, (), None if exception else "None", exception),
        Activation("prices.py", "total", 1, 0, 5, (), "2", None),
    )
    steps = (Step(0, 5, ()), *(Step(1, line, ()) for line in path))
    lines = (("prices.py", tuple(sorted(set(path)))), ("test_prices.py", (5,)))
    return TestResult("t", outcome, "call", 0.0, None, lines, (), Trace(activations, steps, 0))


def test_what_made_the_value_comes_before_what_only_ran() -> None:
    """`count` runs as often as `result`, but nothing that failed was made of it."""
    known = {
        "prices.py": Source.parse("prices.py", PRICES),
        "test_prices.py": Source.parse("test_prices.py", PRICES_TEST),
    }
    case = evidence(traced(Outcome.FAILED, (2, 3, 4, 5, 6, 4, 7, 9)))
    sources = {"prices.py": known["prices.py"]}

    lines = score_lines(gather_signals(case, {}, known), sources)

    assert lines["prices.py", 6].score > lines["prices.py", 5].score
    assert lines["prices.py", 2].score > lines["prices.py", 3].score
    assert lines["prices.py", 7].score > lines["prices.py", 3].score  # it could have changed the result, and did not
    assert "has a part in the value that failed" in " ".join(lines["prices.py", 6].reasons)


def test_a_way_that_no_passing_test_takes_points_at_its_condition() -> None:
    """Every line of the condition ran in both; only the failing test went on from it to the subtraction."""
    known = {"prices.py": Source.parse("prices.py", PRICES)}
    case = evidence(traced(Outcome.FAILED, (2, 3, 4, 7, 8, 9)), traced(Outcome.PASSED, (2, 3, 4, 7, 9)))

    lines = score_lines(gather_signals(case, {}, known), known)

    assert lines["prices.py", 7].score > lines["prices.py", 2].score
    assert "where no passing test" in " ".join(lines["prices.py", 7].reasons)


def test_a_statement_over_several_lines_is_one_suspect() -> None:
    """A ranked span is a statement, not a line of it; its body is not part of it."""
    source = Source.parse("cart.py", b"def f(x):\n    if (\n        x > 1\n    ):\n        return 2\n    return 3\n")
    case = evidence(ran("f", Outcome.FAILED, 2, 3, 6))

    found = suspects(
        score_lines(gather_signals(case, {}, {"cart.py": source}), {"cart.py": source}), {"cart.py": source}
    )

    assert (found[0].line, found[0].end_line, found[0].function) == (2, 4, "f")
