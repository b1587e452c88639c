"""The line table of a text, in pieces: a key stroke in a huge file costs its neighbourhood and not its length."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

_PIECE = 1024
"""Lines in a new piece; one may grow to twice that."""

Piece = tuple[int, list[int]]
"""A shift, and offsets that it is added to. The lists are shared between tables and never changed."""


class LineStarts:
    """Offsets (code points) of the first character of every line; a final newline has an empty last line behind it."""

    __slots__ = ("_firsts", "_numbers", "_pieces", "length")

    def __init__(self, pieces: Sequence[Piece], length: int) -> None:
        self.length = length
        """Of the text."""
        self._pieces = pieces
        self._firsts = [shift + offsets[0] for shift, offsets in pieces]
        self._numbers = list(accumulate((len(offsets) for _, offsets in pieces), initial=0))
        """The number of each piece's first line, and the number of lines."""

    @classmethod
    def of(cls, text: str) -> LineStarts:
        return cls(_cut(0, _starts(text)), len(text))

    def __len__(self) -> int:
        return self._numbers[-1]

    def __getitem__(self, line: int) -> int:
        piece = bisect_right(self._numbers, line) - 1
        shift, offsets = self._pieces[piece]
        return shift + offsets[line - self._numbers[piece]]

    def __iter__(self) -> Iterator[int]:
        for shift, offsets in self._pieces:
            yield from offsets if not shift else (shift + offset for offset in offsets)

    def end(self, line: int) -> int:
        """The offset behind the line's terminator."""
        return self[line + 1] if line + 1 < len(self) else self.length

    def line_at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        piece = bisect_right(self._firsts, offset) - 1
        shift, offsets = self._pieces[piece]
        return self._numbers[piece] + bisect_right(offsets, offset - shift) - 1

    def changed(self, start: int, end: int, text: str) -> LineStarts:
        """After the characters from `start` to `end` were replaced, which gave `text`.

        One line more on each side is scanned, because an edit can join a CR to an LF.
        """
        grown = len(text) - self.length
        first = max(0, self.line_at(start) - 1)
        after = min(self.line_at(end) + 2, len(self))
        scanned = text[self[first] : (self[after] if after < len(self) else self.length) + grown]
        found = [self[first] + offset for offset in _starts(scanned)]
        if after < len(self):
            found.pop()  # the next line's start, which stays
        left, right = self._piece_of(first), self._piece_of(after - 1)
        kept = self._offsets(left)[: first - self._numbers[left]]
        rest = [offset + grown for offset in self._offsets(right)[after - self._numbers[right] :]]
        shifted = [(shift + grown, offsets) for shift, offsets in self._pieces[right + 1 :]]
        return LineStarts([*self._pieces[:left], *_cut(0, kept + found + rest), *shifted], len(text))

    def _piece_of(self, line: int) -> int:
        return bisect_right(self._numbers, line) - 1

    def _offsets(self, piece: int) -> list[int]:
        shift, offsets = self._pieces[piece]
        return [shift + offset for offset in offsets]


def _starts(text: str) -> list[int]:
    """Only CR LF, LF and CR end a line. All become ends that `split` knows, none of them longer or shorter."""
    if "\r" in text:
        text = text.replace("\r\n", " \n").replace("\r", "\n")
    return [line + length for line, length in enumerate(accumulate(map(len, text.split("\n")), initial=0))][:-1]


def _cut(shift: int, offsets: list[int]) -> list[Piece]:
    """In pieces; a short list stays in one, so that no edit leaves crumbs."""
    if len(offsets) <= 2 * _PIECE:
        return [(shift, offsets)]
    return [(shift, offsets[i : i + _PIECE]) for i in range(0, len(offsets), _PIECE)]
