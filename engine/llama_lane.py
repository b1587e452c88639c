"""One completion on its way: its token, its text, what of it was told, why it ended; and which are still the same."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .hopeless import is_hopeless
from .llama_lookup import Lookup
from .llama_native import Sampler, Weights
from .model import Completion, Ending, Sampling


@dataclass(frozen=True, slots=True)
class Told:
    """Who listens to a request: `text(index, piece)` as it grows, `completion(index, completion)` as each ends."""

    text: Callable[[int, str], None]
    completion: Callable[[int, Completion], None]


@dataclass(slots=True)
class Lane:
    """A sampled token that is not yet decoded, after a text that ends with it."""

    index: int
    sampler: Sampler
    token: int
    sequence: int = 0
    """Its own, for when it differs from all others; holds the prompt alone while it travels in another's."""
    count: int = 0
    text: str = ""
    told: int = 0
    """Characters already streamed: those that cannot become part of a stop string."""
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def take(self, weights: Weights, sampling: Sampling) -> Ending | None:
        """Add the token to the text; the reason when that ends the lane."""
        if weights.ends_turn(self.token):
            return Ending.STOP
        self.count += 1
        piece = self.decoder.decode(weights.piece(self.token))
        self.text += piece
        if (cut := _first_stop(self.text, sampling.stop, self.told)) is not None:
            self.text = self.text[:cut]
            self.decoder.reset()
            return Ending.STOP
        if sampling.python and "\n" in piece:
            lines = self.text[: self.text.rindex("\n") + 1]
            if is_hopeless(sampling.begun + lines):
                return Ending.HOPELESS
        return Ending.LENGTH if self.count >= sampling.max_tokens else None

    def tell(self, told: Told, stops: Sequence[str]) -> None:
        """Stream what is certain: not the start of what may become a stop string."""
        self._tell(told, len(self.text) - _held_back(self.text, stops))

    def end(self, told: Told, ending: Ending) -> Completion:
        self.text += self.decoder.decode(b"", final=True)
        self._tell(told, len(self.text))
        self.sampler.close()
        completion = Completion(self.text, ending, self.count)
        told.completion(self.index, completion)
        return completion

    def _tell(self, told: Told, upto: int) -> None:
        if upto > self.told:
            told.text(self.index, self.text[self.told : upto])
            self.told = upto


@dataclass(slots=True, eq=False)
class Branch:
    """Lanes that have written the same so far: computed once, in the sequence of the first of them."""

    lanes: list[Lane]
    position: int
    """Where their token stands: the tokens of the sequence before it are computed."""
    lookup: Lookup | None
    """Guesses what follows; None: nobody does."""

    @property
    def token(self) -> int:
        return self.lanes[0].token

    @property
    def sequence(self) -> int:
        return self.lanes[0].sequence

    @property
    def count(self) -> int:
        return self.lanes[0].count

    def note(self, tokens: Sequence[int]) -> None:
        """These were written."""
        if self.lookup:
            for token in tokens:
                self.lookup.add(token)

    def parted(self, drawn: Mapping[tuple[int, ...], list[Lane]]) -> list[Branch]:
        """What becomes of it when its lanes draw these tokens, of which the last is not decoded yet."""
        found: list[Branch] = []
        for i, (tokens, lanes) in enumerate(drawn.items(), 1):
            last = i == len(drawn)  # copying takes a millisecond: one of them keeps the original
            lookup = self.lookup if last or not self.lookup else self.lookup.branch()
            found.append(Branch(lanes, self.position + len(tokens), lookup))
        for (tokens, _), branch in zip(drawn.items(), found, strict=True):
            branch.note(tokens)
        return found


def _first_stop(text: str, stops: Sequence[str], told: int) -> int | None:
    """Where the earliest stop string begins, searching from `told`: what was told holds no part of one."""
    found = [at for stop in stops if (at := text.find(stop, told)) >= 0]
    return min(found, default=None)


def _held_back(text: str, stops: Sequence[str]) -> int:
    """Length of the longest end of `text` that may become a stop string."""
    return max((k for stop in stops for k in range(1, len(stop)) if text.endswith(stop[:k])), default=0)
