"""Values as texts to be compared: equal behaviour, equal text, and another text where behaviour is another."""

from __future__ import annotations

import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from darner.sandbox.child_record import bounded_repr
from darner.sandbox.child_shown import canonical, told, whole


class Pair(NamedTuple):
    left: float
    right: int


class Node:
    def __init__(self, held: object, behind: Node | None = None) -> None:
        self.held = held
        self.behind = behind


class Money:
    def __init__(self, amount: float) -> None:
        self.amount = amount

    def __repr__(self) -> str:
        return f"<Money {round(self.amount)}>"


class Cart:
    def __init__(self, items: list[object]) -> None:
        self._items = items

    def __repr__(self) -> str:
        return f"Cart(items={self._items!r})"


class Stack(list[int]):
    def __repr__(self) -> str:
        return "a stack"


class Fault(Exception):
    def __init__(self, line: int) -> None:
        super().__init__("fault")
        self.line = line


@dataclass
class Key:
    name: str
    secret: str = field(repr=False)
    uses: int = field(default=0, repr=False, compare=False)


def chained(held: Sequence[int]) -> Node | None:
    last = None
    for each in reversed(held):
        last = Node(each, last)
    return last


def ring(held: object) -> Node:
    last = Node(held)
    last.behind = Node(0, last)
    return last


def branching(depth: int) -> object:
    """Two to the power of `depth` ways to its end."""
    found: object = []
    for _ in range(depth):
        found = [found, found]
    return found


@pytest.mark.parametrize(
    ("made", "one", "other"),
    [
        (chained, (*range(300), 1), (*range(300), 2)),
        (str, "fault at 0x1f", "fault at 0x2f"),
        (dict, {"fault at 0x1f": 1}, {"fault at 0x2f": 1}),
        (str, "a" * 5_000, "a" * 4_999 + "b"),
    ],
)
def test_what_differs_anywhere_has_another_text(made: Callable[[object], object], one: object, other: object) -> None:
    """Two repairs with equal texts are taken for one, and the user is never asked about them."""
    assert canonical(made(one)) != canonical(made(other))
    assert canonical(made(one)) == canonical(made(one))


EQUAL: list[tuple[object, object, str]] = [
    (Counter("ab"), Counter("ba"), "Counter({'a': 1, 'b': 1})"),
    (defaultdict(int, a=1, b=2), defaultdict(int, b=2, a=1), "defaultdict({'a': 1, 'b': 2})"),
    (Pair(0.1 + 0.2, 1), Pair(0.3, 1), "Pair(left=0.3, right=1)"),
    (deque([0.1 + 0.2]), deque([0.3]), "deque([0.3])"),
    (OrderedDict(a=0.1 + 0.2), OrderedDict(a=0.3), "OrderedDict({'a': 0.3})"),
    (-0.0, 0.0, "0.0"),
    ([[-0.0], [1]], [[0.0], [1]], "[[0.0], [1]]"),
]


@pytest.mark.parametrize(("one", "other", "text"), EQUAL)
def test_equal_values_have_one_text(one: object, other: object, text: str) -> None:
    """A question about two repairs that do the same has no answer."""
    assert canonical(one) == canonical(other) == text


def test_the_order_of_a_dict_counts_where_it_says_so() -> None:
    """An OrderedDict equals another one only in the same order."""
    forth: OrderedDict[str, int] = OrderedDict(a=1, b=2)
    back: OrderedDict[str, int] = OrderedDict(b=2, a=1)

    assert canonical(forth) != canonical(back)
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


@pytest.mark.parametrize("size", [10, 2_000, 20_000])
@pytest.mark.parametrize("make", ["array.array('d', range({}))", "numpy.arange({}) / 1"])
def test_every_item_of_an_array_counts(make: str, size: int) -> None:
    """The repr of a long one shows its ends, and numbers to eight digits."""
    modules = {"array": array, "numpy": pytest.importorskip("numpy")}

    def made(at: int, by: float) -> MutableSequence[float]:
        found: MutableSequence[float] = eval(make.format(size), modules)
        found[at] += by
        return found

    texts = [canonical(made(at, by)) for at, by in ((1, 0.0), (1, 1e-10), (size // 2, 1.0))]
    assert len(set(texts)) == 3
    assert canonical(made(1, 0.0)) == texts[0]


@pytest.mark.parametrize(
    ("value", "text", "held"),
    [
        (Money(1.2), "<Money 1>", "Money({'amount': 1.2})"),
        ([{"b": Money(0.9)}], "[{'b': <Money 1>}]", "[{'b': Money({'amount': 0.9})}]"),
        (Node(Money(1)), "Node({'behind': None, 'held': <Money 1>})",
         "Node({'behind': None, 'held': Money({'amount': 1})})"),
        (Cart([1, "a"]), "Cart(items=[1, 'a'])", ""),
        (Cart([Money(1)]), "Cart(items=[<Money 1>])", "Cart({'_items': [Money({'amount': 1})]})"),
        (Stack([1, 2]), "a stack", "Stack([1, 2])"),
        (Fault(3), "Fault('fault')", "Fault(Fault('fault'), {'line': 3})"),
        (Key("a", "b", 1), "Key(name='a')", "Key(name='a', secret='b')"),
        (Pair(1, 2), "Pair(left=1, right=2)", ""),
        (Cart, "<class 'test_shown.Cart'>", ""),
    ],
)  # fmt: skip
def test_what_a_repr_leaves_out_is_told_beside_it(value: object, text: str, held: str) -> None:
    """The repr is what the author reads, and two objects that read alike may be two behaviours."""
    assert told(value) == (text, held)


def test_what_an_object_holds_is_told_without_its_own_code() -> None:
    """A repr that counts, or fails, would be seen in what the program does next."""

    class Loud(Money):
        def __repr__(self) -> str:
            raise AssertionError

        def __getattribute__(self, name: str) -> object:
            raise AssertionError

    assert whole(Loud(1.2)) == "Loud({'amount': 1.2})"
    assert whole([Loud(1.2)]) == "[Loud({'amount': 1.2})]"


def test_a_class_with_attributes_of_its_own_making_has_a_text() -> None:
    """What fails here would look like an exception of the candidate's."""

    class Odd:
        @property
        def __dict__(self) -> dict[str, object]:  # type: ignore[override]
            raise RuntimeError

    class Kind(type):
        def __eq__(cls, other: object) -> bool:
            raise RuntimeError

        __hash__ = type.__hash__

    assert canonical([Odd(), Kind("Made", (), {})()]) == "[Odd({}), Made({})]"


def test_an_address_is_left_out_of_a_repr_and_stays_in_a_text() -> None:
    """A repr says where an object happens to lie; what a program writes like that is its own."""
    for shown in (canonical, bounded_repr):
        assert shown("at 0x1f lies b at 0x2f") == "'at 0x1f lies b at 0x2f'"
        assert shown(object()) == "<object object>"


def test_what_goes_round_in_a_circle_and_what_never_ends_has_a_text() -> None:
    """A program holds both, and the text is made in the candidate's time."""
    assert canonical(ring(1)) == "Node({'behind': Node({'behind': <2 above>, 'held': 0}), 'held': 1})"
    assert "…" in canonical(branching(60))
