"""Many completions of one prompt: all share its cells, and each decodes one token per step."""

from __future__ import annotations

from collections.abc import Sequence

from .llama_lane import Lane, Told
from .llama_lookup import Lookup, rows_for, shared_out
from .llama_native import Entry, Native, Weights
from .llama_work import Place, Urgency, Work
from .model import Completion, Ending, Sampling


class Sample(Work):
    """`sampling.n` completions, each by its own chain with seed `sampling.seed` + index.

    A lane that ends hands its sequence to the next that waits. Rows that cost little more are filled with guesses of
    the tokens behind each lane's own; a token is drawn from the logits that it would have been drawn from alone, so the
    text is the same.
    """

    def __init__(
        self,
        number: int,
        prompt: Sequence[int],
        urgency: Urgency,
        adapter: Native | None,
        sampling: Sampling,
        told: Told,
        weights: Weights,
        guessing: bool = True,
    ) -> None:
        """Without `guessing` the text is the same: that is how to measure what guesses are worth."""
        super().__init__(number, prompt, urgency, adapter)
        self._sampling, self._told, self._weights = sampling, told, weights
        self._done: dict[int, Completion] = {}
        self._waiting: list[Lane] = []
        self._lanes: list[Lane] = []
        self._sent: list[tuple[Lane, list[int]]] = []
        self._lookup = Lookup(prompt) if guessing else None

    @property
    def width(self) -> int:
        return self._sampling.n

    @property
    def length(self) -> int:
        return self._sampling.max_tokens

    @property
    def tokens(self) -> int:
        """Tokens of all completions so far."""
        return sum(c.tokens for c in self._done.values()) + sum(lane.count for lane in self._lanes)

    def first(self, place: Place, index: int) -> None:
        s = self._sampling
        for i in range(s.n):
            sampler = place.context.sampler(s.temperature, s.top_p, s.seed + i)
            self._waiting.append(Lane(i, sampler, sampler.draw(index)))

    def follow(self, place: Place, room: int, share: int) -> list[Entry]:
        while self._waiting and (sequence := place.take(share)) is not None:
            lane = self._waiting.pop(0)
            lane.sequence, lane.position = sequence, len(self.prompt)
            lane.lookup = self._lookup.branch() if self._lookup else None
            self._lanes.append(lane)
            self._take(place, lane)
        lanes = self._lanes[:room]
        self._sent = list(zip(lanes, self._guesses(lanes, min(room, share)), strict=True))
        return [
            Entry(token, lane.position + i, (lane.sequence,), True)
            for lane, guess in self._sent
            for i, token in enumerate([lane.token, *guess])
        ]

    def read(self, place: Place, start: int) -> None:
        for lane, guess in self._sent:
            self._advance(place, lane, guess, start)
            start += 1 + len(guess)
        self._sent = []

    def undo(self, place: Place) -> None:
        for lane in self._lanes:
            place.context.forget([lane.sequence], lane.position)
        self._sent = []

    def cancel(self) -> None:
        for lane in [*self._lanes, *self._waiting]:
            self._done[lane.index] = lane.end(self._told, Ending.CANCELLED)
        for i in range(self._sampling.n):
            self._done.setdefault(i, Completion("", Ending.CANCELLED, 0))
        self._lanes, self._waiting = [], []
        self.done = True

    def _guesses(self, lanes: Sequence[Lane], rows: int) -> list[list[int]]:
        """What is guessed behind each lane's token, in at most so many rows with the lanes' own."""
        most = [self._sampling.max_tokens - lane.count for lane in lanes]
        found = [lane.lookup.guess(left) if lane.lookup else [] for lane, left in zip(lanes, most, strict=True)]
        if len(lanes) == 1:
            return [found[0][: rows - 1]]
        spare = min(rows, rows_for(len(lanes))) - len(lanes)
        if self._lookup is None or spare <= 0:
            return [[] for _ in lanes]
        guesses = shared_out(found, spare)
        wanting = spare - sum(map(len, guesses))
        for lane, guess, left in zip(lanes, guesses, most, strict=True):
            if 0 < wanting <= left - len(guess):
                guess += [lane.token] * wanting  # wrong, most likely: a row that fills its tile costs less than none
                break
        return guesses

    def _advance(self, place: Place, lane: Lane, guess: list[int], start: int) -> None:
        """Keep as much of the guess as the model draws itself, and one token of its own."""
        right = 0
        lane.token = lane.sampler.draw(start)
        while (ended := self._take(place, lane)) is False and right < len(guess) and lane.token == guess[right]:
            right += 1
            lane.token = lane.sampler.draw(start + right)
        if lane.lookup:
            lane.lookup.learn(len(guess), right)
        lane.position += 1 + right
        if not ended and guess:
            place.context.forget([lane.sequence], lane.position)

    def _take(self, place: Place, lane: Lane) -> bool:
        """Add the lane's token to its text; True when that ended the lane."""
        if ending := lane.take(self._weights, self._sampling):
            self._lanes.remove(lane)
            self._done[lane.index] = lane.end(self._told, ending)
            place.give(lane.sequence)
            self.done = len(self._done) == self._sampling.n
            return True
        if lane.lookup:
            lane.lookup.add(lane.token)
        lane.tell(self._told, self._sampling.stop)
        return False
