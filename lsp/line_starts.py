"""A text in pieces with its lines: a key stroke in a huge file costs its neighbourhood and not its length."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

_PIECE = 1 << 16
"""Characters in a new piece; one may grow to twice that."""


class _Piece:
    """Some characters, never a CR without its LF. Shared between tables and never changed."""

    def __init__(self, text: str) -> None:
        self.text = text
        carriage = text.count("\r")
        self.ends = text.count("\n") + (carriage - text.count("\r\n") if carriage else 0)
        """How many lines end in it."""

    @cached_property
    def offsets(self) -> list[int]:
        """Behind the end of each line that ends in it. Only CR LF, LF and CR end a line."""
        text = self.text
        if "\r" in text:  # ends that `split` knows, none of them longer or shorter
            text = text.replace("\r\n", " \n").replace("\r", "\n")
        lengths = (len(line) + 1 for line in text.split("\n"))
        return list(accumulate(lengths))[:-1]


class LineStarts:
    """Offsets (code points) of the first character of every line; a final newline has an empty last line behind it."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self._pieces = pieces
        *self._firsts, self.length = accumulate((len(piece.text) for piece in pieces), initial=0)
        """Of each piece's first character; and the text's length."""
        self._ends = list(accumulate((piece.ends for piece in pieces), initial=0))
        """How many lines end before each piece, and in all of them."""

    @classmethod
    def of(cls, text: str) -> LineStarts:
        return cls(_cut(text))

    def __len__(self) -> int:
        return self._ends[-1] + 1

    def __getitem__(self, line: int) -> int:
        if line == 0:
            return 0
        piece = bisect_right(self._ends, line - 1) - 1
        return self._firsts[piece] + self._pieces[piece].offsets[line - 1 - self._ends[piece]]

    def __iter__(self) -> Iterator[int]:
        yield 0
        for first, piece in zip(self._firsts, self._pieces, strict=True):
            yield from (first + offset for offset in piece.offsets)

    @property
    def text(self) -> str:
        """All of it, put together anew."""
        return "".join([piece.text for piece in self._pieces])

    def cut(self, start: int, end: int) -> str:
        """The characters from `start` to `end`."""
        first, last = self._piece_at(start), self._piece_at(end)
        joined = "".join([piece.text for piece in self._pieces[first : last + 1]])
        return joined[start - self._firsts[first] : end - self._firsts[first]]

    def end(self, line: int) -> int:
        """The offset behind the line's terminator."""
        return self[line + 1] if line + 1 < len(self) else self.length

    def line_at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        piece = self._piece_at(offset)
        return self._ends[piece] + bisect_right(self._pieces[piece].offsets, offset - self._firsts[piece])

    def changed(self, start: int, end: int, replacement: str) -> LineStarts:
        """After the characters from `start` to `end` were replaced.

        The characters before and behind belong to it, because an edit can join a CR to an LF.
        """
        first, last = self._piece_at(max(0, start - 1)), self._piece_at(end)
        head = self._pieces[first].text if first == last else self.cut(self._firsts[first], self._firsts[last])
        tail = self._pieces[last].text
        middle = head[: start - self._firsts[first]] + replacement + tail[end - self._firsts[last] :]
        return LineStarts([*self._pieces[:first], *_cut(middle), *self._pieces[last + 1 :]])

    def _piece_at(self, offset: int) -> int:
        return bisect_right(self._firsts, offset) - 1


def _cut(text: str) -> list[_Piece]:
    """A short text stays in one, so that no edit leaves crumbs."""
    if len(text) <= 2 * _PIECE:
        return [_Piece(text)]
    found: list[_Piece] = []
    start = 0
    while start < len(text):
        end = min(start + _PIECE, len(text))
        end += text[end - 1 : end + 1] == "\r\n"
        found.append(_Piece(text[start:end]))
        start = end
    return found
