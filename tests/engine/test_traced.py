"""A real failing test, traced: its facts name where the value was born and where it left a passing call's way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from darner.engine.case import Case, open_case
from darner.engine.events import Done, Located, Seen
from darner.engine.evidence import gather
from darner.engine.loop import explain
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.sandbox.session import open_session

SHOP = """\
class Cart:
    def __init__(self):
        self.prices = []
        self.discount = 0

    def add(self, price):
        self.prices.append(price)
        if price > 100:
            self.discount = 5

    def total(self):
        result = 0
        for price in self.prices:
            result += price
        return result - self.discount
"""
TESTS = """\
from shop import Cart


def test_cheap():
    cart = Cart()
    cart.add(7)
    assert cart.total() == 7


def test_dear():
    cart = Cart()
    cart.add(200)
    assert cart.total() == 200
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    root = tmp_path_factory.mktemp("shop")
    (root / "shop.py").write_text(SHOP)
    (root / "test_shop.py").write_text(TESTS)
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        return open_case(session, suite, gather(session, suite, "test_shop.py::test_dear", Stop()))


def test_what_the_failing_test_shows_by_itself_is_told_before_it_is_compared_with_others(tmp_path: Path) -> None:
    """A person reads the first facts while other tests run."""
    root = tmp_path.resolve()
    (root / "shop.py").write_text(SHOP)
    (root / "test_shop.py").write_text(TESTS)
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        events = list(explain(session, suite, "test_shop.py::test_dear", None, Stop()))

    first, second, last = events
    assert isinstance(first, Seen)
    assert isinstance(second, Located)
    assert isinstance(last, Done)
    assert any("195" in fact for fact in first.explanation.facts)
    assert not any("goes another way" in fact for fact in first.explanation.facts)
    assert any("goes another way" in fact for fact in second.explanation.facts)


def test_the_facts_say_where_the_value_was_born(case: Case) -> None:
    """The first thing a person asks of a wrong value."""
    facts = " ".join(case.explanation.facts)

    assert "shop.py:15 `return result - self.discount` returned 195" in facts
    assert "shop.py:9 `self.discount = 5` wrote self.discount = 5 last" in facts


def test_the_facts_say_where_the_failing_call_left_the_passing_way(case: Case) -> None:
    """The passing call of the same function went from the condition to its end."""
    left = [fact for fact in case.explanation.facts if "goes another way" in fact]

    assert len(left) == 1
    assert "after shop.py:8 `if price > 100:` with price = 200: to line 9, there to its end" in left[0]


def test_the_condition_and_the_line_that_wrote_the_wrong_value_are_among_the_first_suspects(case: Case) -> None:
    """Only the failing test goes from one to the other, and what failed was made of it."""
    reasons = {suspect.line: suspect.reasons for suspect in case.suspects[:5]}

    assert "sends the failing test where no passing test beside it goes" in reasons[8]
    assert "wrote `.discount` last before the failure" in reasons[9]


def test_the_blocks_of_the_failing_test_come_with_their_values(case: Case) -> None:
    """First and last blocks, as a debugger that steps from branch to branch would show them."""
    assert case.explanation.trace[0].startswith("shop.py:3-4 in Cart.__init__: self.prices = []")
    assert any("result = 200" in block for block in case.explanation.trace)
    assert len(case.explanation.trace) <= 11
