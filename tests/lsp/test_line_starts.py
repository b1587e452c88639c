"""The line table must be the one that a fresh scan gives, after any number of edits."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from darner.lsp import line_starts
from darner.lsp.line_starts import LineStarts
from hypothesis import given
from hypothesis import strategies as st

texts = st.lists(st.sampled_from(["a", "🦋", "\n", "\n", "\r\n", "\r", "\f", "\u2028", "\n\n\n"]), max_size=40).map(
    "".join
)


def scanned(text: str) -> list[int]:
    return [0, *(found.end() for found in re.finditer("\r\n|\n|\r", text))]


@pytest.fixture(autouse=True, scope="module")
def tiny_pieces() -> None:
    """So that small texts have many."""
    line_starts._PIECE = 3  # pyright: ignore[reportPrivateUsage]


@given(texts, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8), texts), max_size=8))
def test_the_table_is_that_of_a_fresh_scan_after_every_edit(text: str, edits: list[tuple[int, int, str]]) -> None:
    """Also where an edit joins or splits a CR LF, or the text becomes empty."""
    table = LineStarts.of(text)
    assert list(table) == scanned(text)
    for at, removed, new in edits:
        start = min(at, len(text))
        end = min(start + removed, len(text))
        text = text[:start] + new + text[end:]
        table = table.changed(start, end, new)
        assert (list(table), table.text, table.length) == (scanned(text), text, len(text))


@given(texts)
def test_lines_and_offsets_agree(text: str) -> None:
    """Every character is in the line that the scan says."""
    table, starts = LineStarts.of(text), scanned(text)

    assert len(table) == len(starts)
    assert [table[line] for line in range(len(starts))] == starts
    for line, (start, end) in enumerate(pairwise([*starts, len(text)])):
        assert table.end(line) == end
        assert all(table.line_at(offset) == line for offset in range(start, end))
        assert table.cut(start, end) == text[start:end]
    assert table.line_at(len(text)) == len(starts) - 1


def test_an_earlier_table_stays_as_it_was() -> None:
    """Jobs hold on to the snapshot that they began with."""
    before = LineStarts.of("a\nb\nc\n" * 9)

    before.changed(2, 4, "d\n\n")

    assert list(before) == scanned("a\nb\nc\n" * 9)
