"""Inputs on which repairs may differ, and what counts as a difference."""

from __future__ import annotations

import ast

from darner.engine.behaviour import Cluster, difference
from darner.engine.nearby import neighbours
from darner.sandbox.types import CallResult
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
