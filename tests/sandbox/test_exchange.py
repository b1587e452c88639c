"""The one function that an edit changes is found in long files without reading every line (child_swap.py)."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Sequence
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

swap: Any = importlib.import_module("darner.sandbox.child_swap")

FILE = '''\
import os


def first(a):
    return a  # naïve


class Box:
    size = 1

    def get(self, n):
        if n:
            return n

        return self.size
    def put(self, n):
        self.size = n

if os.sep:
    def last(b):
        """Two
        lines."""
        return b'''
"""Without a line's end at its end; one method follows another with nothing between."""


def _inside(old: Sequence[str], new: Sequence[str]) -> bool:
    """One function holds every line that differs; told plainly, line by line from the beginning."""
    head = _equal(old, new)
    return _held(old, head, _equal(old[head:][::-1], new[head:][::-1]))


def _inside_from_behind(old: Sequence[str], new: Sequence[str]) -> bool:
    """The same from the end: a line put in beside one like it may be either of the two."""
    tail = _equal(old[::-1], new[::-1])
    return _held(old, _equal(old[: len(old) - tail], new[: len(new) - tail]), tail)


def _equal(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines at the beginning are equal."""
    return next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _held(old: Sequence[str], head: int, tail: int) -> bool:
    first, last = head + 1, len(old) - tail
    slots = [(slot.first, slot.last) for slot in swap.Original("\n".join(old).encode())._slots]
    return any(a <= first and last <= b if first <= last else a <= head <= b for a, b in slots)


@example(at=23, removed=0, added=[""], ended=True)  # a blank line behind the last
@given(
    at=st.integers(0, FILE.count("\n") + 1),
    removed=st.integers(0, 4),
    added=st.lists(
        st.sampled_from(["", "    ", "        n = 2", "    return a", "    def put(self, n):", "é"]), max_size=3
    ),
    ended=st.booleans(),
)
def test_the_slot_and_its_text_are_those_that_comparing_every_line_finds(
    at: int, removed: int, added: list[str], ended: bool
) -> None:
    """Else a candidate would run with the body of another function, or with half of its own."""
    old = (FILE + "\n" * ended).split("\n")
    new = [*old[:at], *added, *old[at + removed :]]
    assume(new != old)
    try:
        slot, text = swap.Original("\n".join(old).encode()).slot_of("\n".join(new))
    except swap.Refused:
        assert not ended or not _inside(old, new)  # a last line without an end may look changed
        return
    assert _inside(old, new) or _inside_from_behind(old, new) or new[-1]
    above, below = (line + "\n" for line in old[: slot.first - 1]), "\n".join(old[slot.last :])
    assert "".join(above) + text + below == "\n".join(new)


def test_the_new_code_stands_at_its_own_lines() -> None:
    """A traceback through a candidate must name the lines that the user sees."""
    new = FILE.replace("return self.size", "return [\n            (lambda s: s.size)(self)]")
    slot, text = swap.Original(FILE.encode()).slot_of(new)
    code = swap._compiled(slot, text, "file.py", 0)
    whole: Any = compile(ast.parse(new), "file.py", "exec", dont_inherit=True)
    box = next(c for c in whole.co_consts if getattr(c, "co_name", "") == "Box")
    get = next(c for c in box.co_consts if getattr(c, "co_name", "") == "get")
    assert (code.co_firstlineno, list(code.co_lines())) == (get.co_firstlineno, list(get.co_lines()))
    assert code == get
