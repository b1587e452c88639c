"""Guesses what comes next by looking the last tokens up in what was read and written: a repair is mostly a copy.

Prompt lookup decoding (Saxena 2023): no second model. A guess is checked by the model in one decode, so that the text
is what the model would have written alone; a wrong guess costs the tokens behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

_LONGEST = 3
"""Tokens that must agree for a guess, at best; fewer where so many agree nowhere."""
_SHORTEST = 2
REACHES = (3, 15)
"""Tokens of one guess. With the token before it a guess fills a whole tile of llama.cpp's CPU kernels, which take rows
by sixteen, by four and alone: of the 1.5B, in milliseconds of processor time (AVX2), 1 row costs 102, 2 cost 158,
3 cost 238 and 4 cost 258; 8 cost 647, 12 cost 825, 15 cost 1,203 and 16 cost 842. Eight are worth no guess."""
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
    """All tokens of one sequence, and where each run of two and three of them was followed by what."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        self._step = 0
        for token in prompt:
            self.add(token)

    def branch(self) -> Self:
        """The same tokens, to go on with others."""
        twin = type(self)(())
        twin._tokens, twin._after, twin._step = self._tokens.copy(), self._after.copy(), self._step
        return twin

    def add(self, token: int) -> None:
        """The sequence goes on with `token`."""
        for length in range(_SHORTEST, _LONGEST + 1):
            if len(self._tokens) >= length:
                self._after[tuple(self._tokens[-length:])] = len(self._tokens)
        self._tokens.append(token)

    def guess(self, most: int) -> list[int]:
        """At most `most` tokens that followed the last time the sequence ended as it ends now; maybe none."""
        for length in range(_LONGEST, _SHORTEST - 1, -1):
            if len(self._tokens) >= length and (at := self._after.get(tuple(self._tokens[-length:]))) is not None:
                return self._tokens[at : at + min(most, REACHES[self._step])]
        return []

    def learn(self, guessed: int, right: int) -> None:
        """Guess further after a guess that was all right, and less far after one that was mostly wrong."""
        if guessed and right == guessed:
            self._step = min(len(REACHES) - 1, self._step + 1)
        elif 2 * right < guessed:
            self._step = 0
