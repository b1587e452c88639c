"""What a call did, told so that two candidates can be compared: its value, and what it changed."""

from __future__ import annotations

import pytest
from darner.sandbox.session import Session
from darner.sandbox.types import CallResult, Limits

SOURCE = b"""
import dataclasses
import random
import time

CALLED = 0


class Cart:
    def __init__(self, items):
        self.items = items

    def add(self, item):
        self.items.append(item)

    def add_twice(self, item):
        self.items += [item, item]


class Quiet(Cart):
    def __repr__(self):
        return "a cart"


class Hidden:
    def __init__(self, held):
        self.held = held

    def __repr__(self):
        return "<Hidden>"


class Slots:
    __slots__ = ("left",)

    def __init__(self):
        self.left = 1

    def take(self):
        self.left -= 1


def fill(first, *, others, more=()):
    first.append(1)
    others.add(2)
    return len(others)


def refuse(first, wanted):
    first.append(wanted)
    print("no")
    raise ValueError(wanted)


def stock(cart):
    cart.add(9)


def counted(numbers):
    for number in numbers:
        yield number


async def later(number):
    return number + 1


async def later_ones(number):
    for i in range(number):
        yield i


def closed(number):
    def inner():
        return number
    return inner


def shout(text):
    print(text)


def drawn():
    return random.random()


def once():
    global CALLED
    CALLED += 1
    return CALLED


@dataclasses.dataclass
class Point:
    x: float
    seen: set = dataclasses.field(default_factory=set)
"""
LIMITS = Limits(wall_s=60.0, cpu_s=30.0)


def told(session: Session, *expressions: str, source: bytes = SOURCE) -> list[str | None]:
    given = session.call("cart.py", expressions, {"cart.py": source}, nodeids=(), limits=LIMITS, each_s=10.0)
    return [_shown(result) for result in given]


def _shown(result: CallResult) -> str | None:
    return result.result if result.exception is None else f"raises {result.exception}"


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("Cart([1]).add(2)", "None; the object is then Cart({'items': [1, 2]})"),
        ("Cart([1]).add_twice(2)", "None; the object is then Cart({'items': [1, 2, 2]})"),
        ("Quiet([1]).add(2)", "None; the object is then Quiet({'items': [1, 2]})"),
        ("Slots().take()", "None; the object is then Slots({'left': 0})"),
        ("[3, 1].sort()", "None; the object is then [1, 3]"),
        ("fill([], others={1})", "2; arguments are then [[1]]; others is then set(1, 2)"),
        ("fill(*[[]], **{'others': {2}})", "1; arguments are then [[1]]"),
        ("stock(Quiet([]))", "None; arguments are then [Quiet({'items': [9]})]"),
        ("Cart([1]).items.index(1)", "0"),
        ("refuse([], 2)", "raises ValueError; arguments are then [[2], 2]; it printed 'no\\n'"),
        ("Quiet(()).add(2)", "raises AttributeError"),
        ("refuse([], time.perf_counter())", "raises ValueError"),
    ],
)
def test_what_a_call_changes_is_told_behind_its_value(session: Session, call: str, what: str) -> None:
    """Two repairs of a method that gives nothing differ in what they do to the object alone."""
    assert told(session, call) == [what]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("counted([1, 2])", "[1, 2]"),
        ("map(abs, [-1])", "[1]"),
        ("later(1)", "2"),
        ("later_ones(3)", "[0, 1, 2]"),
        ("closed(1)", "<function closed.<locals>.inner>"),
        ("[object(), closed]", "[<object object>, <function closed>]"),
        ("Slots()", "Slots({'left': 1})"),
        ("shout('no')", "None; it printed 'no\\n'"),
        ("drawn()", "0.844421851525"),
        ("once()", "raises NotDeterministic"),
        ("time.perf_counter()", "raises NotDeterministic"),
        ("0.1 + 0.2", "0.3"),
        ("[1 / 3, {'b': 2 / 3, 'a': 1}]", "[0.333333333333, {'a': 1, 'b': 0.666666666667}]"),
        ("{'b': 1, 'a': {3, 1}}", "{'a': set(1, 3), 'b': 1}"),
        ("frozenset('ba')", "frozenset('a', 'b')"),
        ("Point(0.1 + 0.2, {'b', 'a'})", "Point(x=0.3, seen=set('a', 'b'))"),
        ("[].missing", "raises AttributeError"),
        ("[Hidden(1)]", "[<Hidden>]; it holds [Hidden({'held': 1})]"),
        ("Hidden(time.perf_counter())", "<Hidden>"),
    ],
)
def test_equal_behaviour_has_equal_text(session: Session, call: str, what: str) -> None:
    """What differs by chance, by order in a set, by rounding or by address would look like another behaviour."""
    assert told(session, call) == [what]
