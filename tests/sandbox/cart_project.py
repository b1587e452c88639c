"""The smallest project with something to repair, and how a test opens it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


def lay_out(root: Path) -> Path:
    root.mkdir()
    (root / "cart.py").write_text(SOURCE)
    (root / "test_cart.py").write_text(TESTS)
    (root / "pytest.ini").write_text("[pytest]\n")
    return root.resolve()
