"""The smallest project with something to repair, and how a test opens it."""

from __future__ import annotations

from collections.abc import Callable

from darner.sandbox.session import Session

SOURCE = """\
def total(numbers):
    result = 0
    for number in numbers:
        result -= number
    return result
"""
TESTS = """\
from cart import total


def test_empty():
    assert total([]) == 0


def test_sum():
    numbers = [1, 2]
    assert total(numbers) == 3
"""
GOOD = SOURCE.replace("-=", "+=")

OpenProject = Callable[..., Session]
