"""Many completions of one prompt: all share its cells, and each decodes one token per step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .llama_lane import Branch, Lane, Told
from .llama_lookup import Lookup, rows_for, shared_out
from .llama_native import Entry, Native, Weights
from .llama_work import Place, Urgency, Work
from .model import Completion, Ending, Sampling


class Sample(Work):
    """`sampling.n` completions, each by its own chain with seed `sampling.seed` + index.

    Lanes that have drawn the same tokens share a row until they differ: each draws from the same logits. A lane that
    ends hands its sequence to the next that waits. Rows that cost little more are filled with guesses of the tokens
    behind; a token is drawn from the logits that it would have been drawn from alone, so the text is the same.
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
        self._branches: list[Branch] = []
        self._sent: list[tuple[Branch, list[int]]] = []
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
        return sum(c.tokens for c in self._done.values()) + sum(lane.count for lane in self._lanes())

    def first(self, place: Place, index: int) -> None:
        s = self._sampling
        for i in range(s.n):
            sampler = place.context.sampler(s.temperature, s.top_p, s.seed + i)
            self._waiting.append(Lane(i, sampler, sampler.draw(index)))

    def follow(self, place: Place, room: int, share: int) -> list[Entry]:
        self._start(place, share)
        branches = self._branches[:room]
        self._sent = list(zip(branches, self._guesses(branches, min(room, share)), strict=True))
        return [
            Entry(token, branch.position + i, (branch.sequence,), True)
            for branch, guess in self._sent
            for i, token in enumerate([branch.token, *guess])
        ]

    def read(self, place: Place, start: int) -> None:
        for branch, guess in self._sent:
            self._advance(place, branch, guess, start)
            start += 1 + len(guess)
        self._sent = []

    def undo(self, place: Place) -> None:
        for branch in self._branches:
            place.context.forget([branch.sequence], branch.position)
        self._sent = []

    def cancel(self) -> None:
        for lane in [*self._lanes(), *self._waiting]:
            self._done[lane.index] = lane.end(self._told, Ending.CANCELLED)
        for i in range(self._sampling.n):
            self._done.setdefault(i, Completion("", Ending.CANCELLED, 0))
        self._branches, self._waiting = [], []
        self.done = True

    def _lanes(self) -> Iterator[Lane]:
        return (lane for branch in self._branches for lane in branch.lanes)

    def _start(self, place: Place, share: int) -> None:
        """Begin as many of those that wait as there are sequences; a lane may need its own at any token."""
        begun: dict[int, list[Lane]] = {}
        while self._waiting and (sequence := place.take(share)) is not None:
            lane = self._waiting.pop(0)
            lane.sequence = sequence
            if self._take(lane):
                place.give(sequence)
            else:
                begun.setdefault(lane.token, []).append(lane)
        for token, lanes in begun.items():
            branch = Branch(lanes, len(self.prompt), self._lookup.branch() if self._lookup else None)
            branch.note([token])
            self._branches.append(branch)

    def _guesses(self, branches: Sequence[Branch], rows: int) -> list[list[int]]:
        """What is guessed behind each branch's token, in at most so many rows with the branches' own."""
        most = [self._sampling.max_tokens - branch.count for branch in branches]
        spared = len(branches) > 1
        found = [
            each.lookup.guess(left, spare=spared) if each.lookup else []
            for each, left in zip(branches, most, strict=True)
        ]
        if len(branches) == 1:
            return [found[0][: rows - 1]]
        spare = min(rows, rows_for(len(branches))) - len(branches)
        if self._lookup is None or spare <= 0:
            return [[] for _ in branches]
        guesses = shared_out(found, spare)
        wanting = spare - sum(map(len, guesses))
        for branch, guess, left in zip(branches, guesses, most, strict=True):
            if 0 < wanting <= left - len(guess):
                guess += [branch.token] * wanting  # wrong, most likely: a row that fills its tile costs less than none
                break
        return guesses

    def _advance(self, place: Place, branch: Branch, guess: list[int], start: int) -> None:
        """Every lane draws; those that drew the same go on together, in the sequence of the first of them."""
        drawn: dict[tuple[int, ...], list[Lane]] = {}
        ended: list[Lane] = []
        for lane in branch.lanes:
            tokens = self._draw(lane, guess, start)
            if lane.index in self._done:
                ended.append(lane)
            else:
                drawn.setdefault(tokens, []).append(lane)
        self._branches.remove(branch)
        parted = branch.parted(drawn)
        for other in parted:
            if other.sequence != branch.sequence:
                place.context.share(branch.sequence, other.sequence, other.position)
        for same in parted:
            if same.sequence == branch.sequence and guess:
                place.context.forget([same.sequence], same.position)
        for lane in ended:
            place.give(lane.sequence)
        self._branches += parted

    def _draw(self, lane: Lane, guess: Sequence[int], start: int) -> tuple[int, ...]:
        """As much of the guess as the model draws itself, and one token of its own."""
        lane.token = lane.sampler.draw(start)
        tokens = [lane.token]
        while not self._take(lane) and len(tokens) <= len(guess) and lane.token == guess[len(tokens) - 1]:
            lane.token = lane.sampler.draw(start + len(tokens))
            tokens.append(lane.token)
        return tuple(tokens)

    def _take(self, lane: Lane) -> bool:
        """Add the lane's token to its text; True when that ended the lane."""
        if ending := lane.take(self._weights, self._sampling):
            self._done[lane.index] = lane.end(self._told, ending)
            self.done = len(self._done) == self._sampling.n
            return True
        lane.tell(self._told, self._sampling.stop)
        return False
