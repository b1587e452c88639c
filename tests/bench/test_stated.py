"""The program that checks explanations finds what was spoiled, and believes what was recorded."""

from __future__ import annotations

import pytest
from darner.engine.types import Evidence
from darner.sandbox.types import Call, Failure, Frame, Outcome, TestResult
from localise import p95
from named import names_it
from stated import Recorded, parts

SOURCES = {
    "solution.py": "def oldest(ages):\n    return min(ages)\n",
    "test_solution.py": "assert oldest([3, 9]) == 9\n",
}
FAILURE = Failure(
    "KeyError",
    "'tax'",
    "",
    (Frame("solution.py", 2, "oldest", "return min(ages)", (("ages", "[3, 9]"),)),),
    "==",
    "3",
    "9",
)
CALLS = (Call("solution.py", 1, "oldest", (("ages", "[3, 9]"),), "oldest([3, 9])", "3", None),)
RECORDED = Recorded.of(
    Evidence("t", TestResult("t", Outcome.FAILED, "call", 0.1, FAILURE, calls=CALLS), (), (), "", 0.1), SOURCES
)


@pytest.mark.parametrize(
    ("fact", "spoiled"),
    [
        ("the test expects 9, and got 3", "the test expects 9, and got 39"),
        ("`oldest(ages=[3, 9])` returned 3", "`oldest(ages=[3, 8])` returned 3"),
        ("`oldest(ages=[3, 9])` returned 3", "`older(ages=[3, 9])` returned 3"),
        ("solution.py:2 in oldest: `return min(ages)`", "solution.py:1 in oldest: `return min(ages)`"),
        ("there ages = [3, 9]", "there ages = [3]"),
        ("KeyError was raised: 'tax'", "KeyError was raised: 'ta'"),
        ("the test needs `3 == 9` to be true", "the test needs `3 == 8` to be true"),
        (
            "KeyError here: `ages` is [3, 9] and has no key 'tax'",
            "KeyError here: `ages` is [3, 7] and has no key 'tax'",
        ),
        ("`oldest(ages=[3, …)` returned 3", "`oldest(ages=[9, …)` returned 3"),
        ("KeyError in solution.py:2: 'tax'", "The list is empty."),
    ],
)
def test_a_spoiled_fact_is_found_and_the_real_one_is_not_blamed(fact: str, spoiled: str) -> None:
    """A check that cannot fail proves nothing."""
    assert all(held for _, held in parts(fact, RECORDED))
    assert not all(held for _, held in parts(spoiled, RECORDED))


def test_a_row_names_a_fixed_line_only_by_the_whole_number_of_its_first_place() -> None:
    """Rows without a place are misses."""
    assert names_it("`<` → `<=` at solution.py:24", frozenset({24}))
    assert not names_it("`<` → `<=` at solution.py:24", frozenset({2}))
    assert not names_it("`f` written again by a model", frozenset({2}))


def test_at_least_95_of_100_do_not_exceed_the_95th() -> None:
    """By the nearest rank: of a few it is the largest."""
    assert (p95([float(n) for n in range(1, 101)]), p95([1.0, 2.0])) == (95.0, 2.0)
