"""Calls by type, for functions whose own calls cannot be made again."""

from __future__ import annotations

import typing

import pytest
from darner.engine.behaviour import inputs_for
from darner.engine.source import Source
from darner.engine.typed import typed
from darner.engine.types import Evidence
from darner.sandbox.types import Call, Outcome, TestResult

SOURCE = """\
from collections.abc import Iterable
import typing


def total(numbers: Iterable[int], rate: float = 1.0, *rest: int, upper: "int | None" = None, **more: str) -> float:
    return sum(numbers) * rate


def seen(text, count):
    return text * count


def odd(where: object, how=3):
    return how


def hinted(
    a: typing.Optional[str], b: dict[str, list[int]], c: set[bytes], d: tuple[int, str], e: tuple[bool, ...], *, f: bool
) -> None:
    return None


class Cart:
    def add(self, item: int) -> None:
        self.item = item
"""


def of(name: str, *calls: Call) -> list[str]:
    functions = Source.parse("shop.py", SOURCE.encode()).functions()
    return list(typed(next(f for f in functions if f.qualname == name), calls))


def call(function: str, **arguments: str) -> Call:
    return Call("shop.py", 1, function, tuple(arguments.items()), "", None, None)


@pytest.mark.parametrize("name", ["total", "hinted"])
def test_a_hint_gives_calls_that_the_function_takes(name: str) -> None:
    """A call that only raises TypeError would tell nothing."""
    names: dict[str, typing.Any] = {"__name__": "shop"}
    exec(SOURCE, names)

    calls = of(name)

    assert len(calls) == len(set(calls)) > 6
    for text in calls:
        eval(text, names)


def test_every_value_of_one_parameter_is_met_before_all_are_combined() -> None:
    """The edges are what repairs differ in: the empty list, nothing, a negative number."""
    calls = of("total")

    assert calls[0] == "total([1, -1], 1.5, upper=1)"
    assert {"total([], 1.5, upper=1)", "total([1, -1], -1.5, upper=1)", "total([1, -1], 1.5, upper=None)"} <= set(calls)


def test_without_a_hint_what_was_seen_says_the_type() -> None:
    """A file cannot be written down again; the other arguments can."""
    assert of("seen", call("seen", text="<file>", count="2")) == []
    assert of("seen", call("seen", text="'x'", count="<lots>"), call("seen", text="<file>", count="5"))[:3] == [
        "seen('x', 5)",
        "seen('a', 5)",
        "seen('x', 1)",
    ]
    assert of("odd") == []
    assert of("Cart.add") == []


def test_made_calls_are_used_where_no_recorded_one_can_be_made_again() -> None:
    """What a test really does says more than what a type allows."""

    def inputs(text: str) -> tuple[str, ...]:
        recorded = Call("shop.py", 5, "total", (("numbers", "<generator object>"),), text, None, None)
        test = TestResult("test_shop.py::test", Outcome.FAILED, "call", 0.1, None, (), (recorded,), None)
        found = inputs_for(
            Evidence(test.nodeid, test, (), (), "", 0.1),
            [("shop.py", "total")],
            {"shop.py": Source.parse("shop.py", SOURCE.encode())},
        )
        return found[0].expressions

    assert inputs("") == tuple(of("total"))[:16]
    assert inputs("total([4])")[0] == "total([4])"
    assert "total([1, -1], 1.5, upper=1)" not in inputs("total([4])")
