"""Values as texts to be compared: equal behaviour, equal text, and another text where behaviour is another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from darner.sandbox.child_shown import canonical


class Node:
    def __init__(self, held: object, behind: Node | None = None) -> None:
        self.held = held
        self.behind = behind


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
    ],
)
def test_what_differs_anywhere_has_another_text(made: Callable[[object], object], one: object, other: object) -> None:
    """Two repairs with equal texts are taken for one, and the user is never asked about them."""
    assert canonical(made(one)) != canonical(made(other))
    assert canonical(made(one)) == canonical(made(one))


def test_what_goes_round_in_a_circle_and_what_never_ends_has_a_text() -> None:
    """A program holds both, and the text is made in the candidate's time."""
    assert canonical(ring(1)) == "Node({'behind': Node({'behind': <2 above>, 'held': 0}), 'held': 1})"
    assert "…" in canonical(branching(60))
