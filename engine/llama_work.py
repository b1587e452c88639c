"""What the engine computes, one request each: it says what it wants decoded next, and reads what came of it.

A decode may be broken off and done again: nothing is drawn, told or counted before it succeeded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import IntEnum

from .llama_native import Context, Entry, Native
from .llama_prompts import Slot


class Urgency(IntEnum):
    """Who goes first: lower ones wait while a higher one has anything to compute."""

    TYPING = 0
    """Ghost text: of use within half a second or never."""
    READING = 1
    """An explanation that somebody looks at."""
    REPAIR = 2


class Place:
    """What the engine lends a request while it runs: its prompt's slot, and sequences for what follows the prompt."""

    def __init__(self, context: Context, slot: Slot, width: int, free: list[int], chunk: int) -> None:
        self.context, self.slot, self.chunk = context, slot, chunk
        self.width = width
        """Most sequences at a time, by the cells that were reserved."""
        self._free = free
        self._held: list[int] = []

    def take(self, share: int) -> int | None:
        """A sequence that sees the prompt; None when the request has its share, or none is free."""
        if len(self._held) >= min(self.width, share) or not self._free:
            return None
        self._held.append(self._free.pop())
        self.context.share(self.slot.sequence, self._held[-1])
        return self._held[-1]

    def give(self, sequence: int) -> None:
        self._held.remove(sequence)
        self.context.forget([sequence])
        self._free.append(sequence)

    def give_all(self) -> None:
        for sequence in list(self._held):
            self.give(sequence)


class Work(ABC):
    """One request from its prompt to its end."""

    def __init__(self, number: int, prompt: Sequence[int], urgency: Urgency, adapter: Native | None) -> None:
        self.number, self.prompt, self.urgency, self.adapter = number, list(prompt), urgency, adapter
        self.place: Place | None = None
        """None until the engine has room."""
        self.done = False
        self._chunk: list[int] = []

    @property
    @abstractmethod
    def width(self) -> int:
        """Sequences that would be used at once, were there room."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Most cells of one sequence beside the prompt's."""

    @abstractmethod
    def first(self, place: Place, index: int) -> None:
        """The prompt is computed; batch entry `index` of this decode has the logits of its last token."""

    @abstractmethod
    def follow(self, place: Place, room: int, share: int) -> list[Entry]:
        """At most `room` entries behind the prompt, in at most `share` sequences."""

    @abstractmethod
    def read(self, place: Place, start: int) -> None:
        """The entries that `follow` gave are computed, from batch entry `start` on."""

    @abstractmethod
    def undo(self, place: Place) -> None:
        """They are not: forget what may stand in their cells."""

    @abstractmethod
    def cancel(self) -> None:
        """End now with what there is. May come before there is a place."""

    def entries(self, room: int, share: int, chunk: int) -> list[Entry]:
        """What to decode next: at most `chunk` tokens of the prompt, or what follows it."""
        place = self._placed()
        at = len(place.slot.tokens)
        self._chunk = self.prompt[at : at + min(room, chunk, place.chunk)]
        if at == len(self.prompt):
            return self.follow(place, room, share)
        last = len(self.prompt) - 1
        return [Entry(t, at + i, (place.slot.sequence,), at + i == last) for i, t in enumerate(self._chunk)]

    def succeed(self, start: int) -> None:
        """The decode of `entries` succeeded; they stand in the batch from `start` on."""
        place = self._placed()
        if not self._chunk:
            self.read(place, start)
            return
        place.slot.tokens += self._chunk
        if len(place.slot.tokens) == len(self.prompt):
            self.first(place, start + len(self._chunk) - 1)

    def fail(self) -> None:
        """The decode of `entries` was broken off: cells from where it began hold nobody knows what."""
        place = self._placed()
        place.context.forget([place.slot.sequence], len(place.slot.tokens))
        self.undo(place)

    @property
    def reading(self) -> bool:
        """The prompt is not computed yet."""
        return self.place is not None and len(self.place.slot.tokens) < len(self.prompt)

    def _placed(self) -> Place:
        assert self.place, "the engine computes only what it has placed"
        return self.place
