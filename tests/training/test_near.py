"""Copies: of each other, and of benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from darner.engine.errors import BadInput
from darner.training import held_out
from darner.training.near import grams, near_copies, words_of_code
from hypothesis import given
from hypothesis import strategies as st

SETS = st.lists(st.frozensets(st.integers(0, 12), max_size=10), max_size=12)


@given(SETS, st.sampled_from((0.3, 0.5, 0.7, 1.0)))
def test_no_near_pair_is_missed_and_none_is_made_up(sets: list[frozenset[int]], threshold: float) -> None:
    """Against comparing all with all: each set stays unless an earlier one that stays is near."""
    kept: list[int] = []
    for i, each in enumerate(sets):
        pairs = ((each & sets[j], each | sets[j]) for j in kept)
        if not any(union and len(shared) / len(union) >= threshold for shared, union in pairs):
            kept.append(i)

    copies = near_copies(sets, threshold)

    assert [i for i in range(len(sets)) if i not in copies] == kept


def test_a_renamed_copy_is_a_copy() -> None:
    """Other names, strings, numbers, comments and line breaks are what a copy differs in; operators are not."""
    code = "def f(items, limit):\n    return [item for item in items if item.size < limit + 1]\n"
    copy = "def g(xs,\n      top):  # copied\n    return [x for x in xs if x.size < top + 25]\n"
    other = "def f(items, limit):\n    return [item for item in items if item.size >= limit - 1]\n"

    assert grams(words_of_code(code)) == grams(words_of_code(copy))
    assert grams(words_of_code(code)) != grams(words_of_code(other))


TASK = {
    "id": "bench/1",
    "source": (
        "def has_close(numbers, threshold):\n"
        '    """Check whether in the given list any two numbers are closer to each other than the threshold."""\n'
        "    for i, first in enumerate(numbers):\n"
        "        for j, second in enumerate(numbers):\n"
        "            if i != j and abs(first - second) < threshold:\n"
        "                return True\n"
        "    return False\n"
    ),
}
RENAMED = """\
from math import floor


def near_pair(values, gap):
    '''Two of them near?'''
    for a, x in enumerate(values):
        for b, y in enumerate(values):
            # compare
            if a != b and abs(x - y) < gap:
                return True
    return False
"""
HONEST = """\
def windows(values, size):
    '''Each run of neighbours of one size, with the greatest of them.'''
    found = []
    for start in range(len(values) - size + 1):
        piece = values[start : start + size]
        found.append((piece, max(piece)))
    return found
"""


def test_a_planted_copy_of_a_benchmark_is_found_and_honest_code_is_not(tmp_path: Path) -> None:
    """A benchmark that was learnt measures memory."""
    path = tmp_path / "bench.jsonl"
    path.write_text(json.dumps(TASK) + "\n", encoding="utf-8")
    kept_out = held_out.read([str(path)])
    prose = "Please check WHETHER in the given list any two numbers are closer to each other, quickly."

    assert kept_out.found_in("", RENAMED) == "bench/1"
    assert kept_out.found_in(prose, "") == "bench/1"
    assert kept_out.found_in("", TASK["source"]) == "bench/1"
    assert kept_out.found_in("Each run of neighbours of one size.", HONEST) == ""
    assert kept_out.found_in("1 2 3 4 5 6 7 8 9 10 11", "def f(a):\n    return a + 1\n") == ""
    assert held_out.read([]).found_in(prose, RENAMED) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("{}\nnot json\n", r"bench\.jsonl:2: this line is not JSON"), ("[]\n", r":1: this line is not a task")],
)
def test_a_benchmark_that_cannot_be_read_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """Going on without it would contaminate in silence."""
    path = tmp_path / "bench.jsonl"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(BadInput, match=sentence):
        held_out.read([str(path)])
    with pytest.raises(BadInput, match="cannot be read"):
        held_out.read([str(tmp_path / "missing.jsonl")])
