"""Guesses what comes next by looking the last tokens up in what was read and written: a repair is mostly a copy.

Prompt lookup decoding (Saxena 2023): no second model. A guess is checked by the model in one decode, so that the text
is what the model would have written alone; a wrong guess costs the tokens behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

_LIKELY = 2
"""Tokens that must agree for a guess in rows that would be decoded anyhow."""
_WORTH = 4
"""For a short guess in rows of its own."""
_COPY = 10
"""For a long one: what agrees so far is being copied."""
REACHES = (3, 15)
"""Tokens of a short guess and of a long one. With the token before it a guess fills a whole tile of llama.cpp's CPU
kernels, which take rows by sixteen, by four and alone: of the 1.5B, in milliseconds by the clock on two cores, 1, 4 and
16 rows cost 55, 105 and 409 with AVX-512, and 59, 202 and 640 with AVX2. On what the 1.5B writes for eight repairs
these numbers gain 1.75 and 1.21 with such costs; guesses of 3, and of 15 after each that was right, 1.44 and 0.98."""
_FILLED = {3: 4, **dict.fromkeys(range(7, 16), 16)}
"""So many rows cost about what the next whole tile costs."""


def rows_for(lanes: int) -> int:
    """Rows worth decoding for so many sequences: the others hold guesses, or nothing of use and still cost less."""
    return _FILLED.get(lanes, lanes)


def shared_out(guesses: Sequence[Sequence[int]], room: int) -> list[list[int]]:
    """The first `room` tokens of all guesses together, nearest first: the nearer one is, the likelier it is right."""
    depths = sorted((depth, lane) for lane, guess in enumerate(guesses) for depth in range(len(guess)))
    taken = [lane for _, lane in depths[:room]]
    return [list(guess[: taken.count(lane)]) for lane, guess in enumerate(guesses)]


class Lookup:
    """All tokens of one sequence, and where each run of two and of four of them was followed by what."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        for token in prompt:
            self.add(token)

    def branch(self) -> Self:
        """The same tokens, to go on with others."""
        twin = type(self)(())
        twin._tokens, twin._after = self._tokens.copy(), self._after.copy()
        return twin

    def add(self, token: int) -> None:
        """The sequence goes on with `token`."""
        for length in (_LIKELY, _WORTH):
            if len(self._tokens) >= length:
                self._after[tuple(self._tokens[-length:])] = len(self._tokens)
        self._tokens.append(token)

    def guess(self, most: int, *, spare: bool = False) -> list[int]:
        """At most `most` tokens that followed the last time the sequence ended as it ends now; maybe none.

        `spare`: the rows cost nothing, so that a guess need only be likelier than none.
        """
        for length in (_WORTH, _LIKELY) if spare else (_WORTH,):
            at = self._after.get(tuple(self._tokens[-length:]))
            if at is not None:
                return self._tokens[at : at + min(most, REACHES[self._is_copy(at)])]
        return []

    def _is_copy(self, at: int) -> bool:
        """The tokens before position `at` are those that the sequence ends with."""
        return at >= _COPY and self._tokens[at - _COPY : at] == self._tokens[-_COPY:]
