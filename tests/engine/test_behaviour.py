"""Inputs on which repairs may differ, and what counts as a difference."""

from __future__ import annotations

import ast

import pytest
from darner.engine.behaviour import Cluster, difference, inputs_for
from darner.engine.nearby import neighbours
from darner.engine.source import Source
from darner.engine.types import Evidence
from darner.sandbox.types import Call, CallResult, Outcome, TestResult
from hypothesis import given
from hypothesis import strategies as st

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@given(st.lists(PLAIN, min_size=1, max_size=3))
def test_neighbours_are_calls_of_the_same_function_that_differ(arguments: list[object]) -> None:
    """Every variant parses, calls the same thing, and is not the call it came from."""
    text = f"f({', '.join(map(repr, arguments))})"

    for other in neighbours(text):
        tree = ast.parse(other, mode="eval").body
        assert isinstance(tree, ast.Call)
        assert ast.unparse(tree.func) == "f"
        assert len(tree.args) == len(arguments)


def test_neighbours_of_a_number_are_the_numbers_beside_it() -> None:
    """Off-by-one repairs differ just there."""
    assert set(neighbours("f(5)")) == {"f(6)", "f(4)", "f(0)", "f(1)", "f(-5)"}


def test_neighbours_make_two_values_equal() -> None:
    """`>` and `>=` differ on nothing else."""
    assert "due(7, 7)" in list(neighbours("due(9, 7)"))


def cluster(**outputs: str) -> Cluster:
    results = {text: CallResult(text, value, None) for text, value in outputs.items() if value != "!"}
    raising = {text: CallResult(text, None, "ValueError") for text, value in outputs.items() if value == "!"}
    return Cluster((0,), results | raising)


def test_the_question_uses_the_plainest_input() -> None:
    """A value on both sides says more than an exception, and short inputs are read faster."""
    one, other = cluster(long_input="1", b="!", c="3", same="0"), cluster(long_input="2", b="1", c="4", same="0")

    assert difference(one, other) == "c"
    assert difference(one, one) is None


BOX = """
def boxed(text, size=5, *rest, fill=" ", mark=None):
    return text

class Cart:
    def __init__(self, items=()):
        self.items = items

    def add(self, item, count=1):
        pass
"""


@pytest.mark.parametrize(
    ("function", "text", "shorter"),
    [
        ("boxed", "boxed('a', 5, fill=' ', mark=None)", "boxed('a')"),
        ("boxed", "boxed('a', 5, fill='-', mark=None)", "boxed('a', fill='-')"),
        ("boxed", "boxed('a', 5, 1, fill=' ', mark=2)", "boxed('a', 5, 1, mark=2)"),
        ("Cart.__init__", "Cart(())", "Cart()"),
        ("Cart.add", "Cart([1]).add(2, 1)", "Cart([1]).add(2)"),
        ("Cart.add", "Cart([1]).add(2, 3)", None),
    ],
)
def test_a_call_is_also_made_without_the_arguments_that_are_the_default(
    function: str, text: str, shorter: str | None
) -> None:
    """A record spells out every argument: two repairs of a default would give the same on all of them."""
    recorded = Call("shop.py", 2, function, (), text, None, None)
    test = TestResult("test_shop.py::test", Outcome.FAILED, "call", 0.1, None, (), (recorded,), None)

    found = inputs_for(
        Evidence(test.nodeid, test, (), (), "", 0.1),
        [("shop.py", function)],
        {"shop.py": Source.parse("shop.py", BOX.encode())},
    )[0]

    assert found.recorded == ((text, shorter) if shorter is not None else (text,))
    assert found.expressions[: len(found.recorded)] == found.recorded
