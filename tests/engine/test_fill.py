"""Ghost text fits between what stands before the cursor and what stands after it."""

from __future__ import annotations

import pytest
from darner.engine.fill import tidy


@pytest.mark.parametrize(
    ("text", "after", "shown"),
    [
        ("foo(a)", ")", "foo(a)"),
        ('d["k"]', "]", 'd["k"]'),
        ("len(xs):", "):", "len(xs)"),
        ("foo(a))", ")", "foo(a)"),
        ('hello")', '")', "hello"),
        ("don't)", ")", "don't"),
        ("x > 1:", ":\n    y()", "x > 1"),
        ("a, b) -> int:", ") -> int:", "a, b"),
        ("total\r", "", "total"),
        ("x)\r", ")\r\n", "x"),
        (")", ")", ""),
    ],
)
def test_ghost_text_keeps_the_brackets_and_quotes_that_it_opens(text: str, after: str, shown: str) -> None:
    """Only what stands after the cursor already is cut: its own closing bracket belongs to it."""
    assert tidy(text, after, whole=True) == shown
