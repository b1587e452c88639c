"""A test that is left out by mistake hides a bug: what cannot be known must count as affected."""

from __future__ import annotations

import pytest
from darner.engine.affected import Outline, Reach, outline
from darner.sandbox.types import Outcome, TestResult

CART = b"""RATE = 2

def total(prices):
    return sum(prices)

class Cart:
    def add(self, price):
        self.last = price

    def double(self, price):
        return price * RATE
"""
TESTS = b"""from cart import Cart, total

def test_total():
    assert total([1]) == 1

def test_double():
    assert Cart().double(1) == 2
"""
TOTAL, DOUBLE = "test_cart.py::test_total", "test_cart.py::test_double"


def known(source: bytes) -> Outline:
    found = outline(source)
    assert found is not None
    return found


@pytest.fixture
def reach() -> Reach:
    """As if both tests had run."""
    reach = Reach(outlines={"cart.py": known(CART), "test_cart.py": known(TESTS)})
    reach.learn(
        [
            TestResult(TOTAL, Outcome.PASSED, "call", 0.0, None, (("cart.py", (4,)), ("test_cart.py", (4,)))),
            TestResult(DOUBLE, Outcome.PASSED, "call", 0.0, None, (("cart.py", (11,)), ("test_cart.py", (7,)))),
        ]
    )
    return reach


def affected(reach: Reach, cart: bytes = CART, tests: bytes = TESTS, *others: str) -> frozenset[str] | None:
    return reach.affected({"cart.py": outline(cart), "test_cart.py": outline(tests)}, others)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"sum(prices)", b"sum(prices[1:])", {TOTAL}),
        (b"price * RATE", b"price + RATE", {DOUBLE}),
        (b"self.last = price", b"self.last = 3", set[str]()),
        (b"RATE = 2", b"# a comment\n\nRATE = 2  # more", set[str]()),
        (b"RATE = 2", b"RATE = 3", None),
        (b"class Cart:", b"class Cart(dict):", None),
        (b"def total(prices):", b"@cache\ndef total(prices):", {TOTAL}),
        (b"    def add", b"    def __bool__(self):\n        return True\n\n    def add", {TOTAL, DOUBLE}),
    ],
    ids=["body", "method", "not entered", "comment", "constant", "base", "decorator", "new method"],
)
def test_a_change_affects_the_tests_that_enter_what_differs(
    reach: Reach, old: bytes, new: bytes, expected: set[str] | None
) -> None:
    """A constant reaches everything; a new method may override another; a comment reaches nothing."""
    assert affected(reach, CART.replace(old, new)) == expected


def test_a_changed_test_file_affects_all_of_its_tests(reach: Reach) -> None:
    """Its constants and fixtures reach them in ways that no trace of lines shows."""
    assert affected(reach, CART, TESTS.replace(b"== 2", b"== 3")) == {TOTAL, DOUBLE}


@pytest.mark.parametrize("name", ["pyproject.toml", "data/prices.csv"])
def test_a_changed_file_that_is_no_python_affects_everything(reach: Reach, name: str) -> None:
    """A test may read it."""
    assert affected(reach, CART, TESTS, name) is None


def test_prose_affects_nothing(reach: Reach) -> None:
    """Saving a README should not run a suite."""
    assert affected(reach, CART, TESTS, "README.md") == frozenset()


def test_a_file_that_went_affects_everything(reach: Reach) -> None:
    """Whoever imported it fails now."""
    assert reach.affected({"test_cart.py": outline(TESTS)}, ()) is None


def test_a_file_that_cannot_be_parsed_affects_everything(reach: Reach) -> None:
    """Nothing that imports it can be collected."""
    assert affected(reach, CART + b"def (") is None


def test_a_new_conftest_affects_everything(reach: Reach) -> None:
    """Its fixtures may be used by any test without any line that says so."""
    now = {"cart.py": outline(CART), "test_cart.py": outline(TESTS), "conftest.py": outline(b"X = 1\n")}

    assert reach.affected(now, ()) is None
