"""Many completions of one prompt in one batch: a single prefill whose KV cells all sequences share.

Sequence 0 keeps the prompt. Sequences 1.. are lanes that start as a view of it and decode one token each per step; a
lane that ends hands its sequence to the next waiting one. The prompt stays resident, so that the next request pays
only for what differs from it.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .llama_lookup import Lookup
from .llama_native import BATCH_TOKENS, Aborted, AbortFlag, Context, Entry, Native, Sampler, Weights
from .model import Completion, Ending, Sampling

LANES = 16
"""Sequences decoded at once."""
CELLS = 8192
"""Usual KV cells: prompt and all lanes together."""
MOST_CELLS = 32768


class TooLong(Exception):
    """The prompt does not fit; the text has the numbers."""


@dataclass(slots=True)
class Lane:
    """One completion on its way."""

    index: int
    sampler: Sampler
    token: int
    """Sampled, not yet decoded."""
    sequence: int = 0
    position: int = 0
    count: int = 0
    text: str = ""
    told: int = 0
    """Characters already streamed: those that cannot become part of a stop string."""
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))


class Told:
    """Who listens to a request: pieces of text, ended completions, prompt progress."""

    def __init__(
        self,
        on_text: Callable[[int, str], None],
        on_completion: Callable[[int, Completion], None],
        on_progress: Callable[[], None],
    ) -> None:
        self.text, self.completion, self.progress = on_text, on_completion, on_progress


class Engine:
    """The weights with a context that grows when a request needs more cells."""

    def __init__(self, weights: Weights, abort: AbortFlag) -> None:
        self.weights, self.abort = weights, abort
        self.limit = min(weights.trained_context, MOST_CELLS)
        """Most tokens of one sequence: prompt and completion together."""
        self._cells = min(CELLS, max(self.limit, BATCH_TOKENS))
        self._context: Context | None = None
        self._resident: list[int] = []
        self._adapter: Native | None = None

    @property
    def cells(self) -> int:
        return self._cells

    def context(self, cells: int = 0) -> Context:
        """The context with at least `cells` cells, made anew when the present one is too small."""
        if self._context and self._context.cells >= cells:
            return self._context
        if self._context:
            self._context.close()
            self._context = None
        self._resident = []
        self._cells = max(self._cells, -(-cells // 1024) * 1024)
        self._context = Context(self.weights, self._cells, LANES + 1, self.abort)
        self._context.adapt(self._adapter)
        return self._context

    def adapt(self, adapter: Native | None) -> None:
        """Use this adapter from now on. What is resident was computed with another one, so it is dropped."""
        if adapter == self._adapter:
            return
        self._adapter, self._resident = adapter, []
        if self._context:
            self._context.forget(range(LANES + 1))
            self._context.adapt(adapter)

    def prefill(
        self, prompt: Sequence[int], on_progress: Callable[[], None], cells: int, batch: int = BATCH_TOKENS
    ) -> int:
        """Make `prompt` resident in sequence 0; return the batch index of its last token's logits.

        `batch`: tokens computed at a time, which is also what a cancel loses.
        """
        context = self.context(cells)
        keep = 0
        for kept, wanted in zip(self._resident, prompt[:-1], strict=False):
            if kept != wanted:
                break
            keep += 1
        context.forget(range(1, LANES + 1))
        context.forget([0], keep)
        self._resident = list(prompt[:keep])
        last = 0
        for start in range(keep, len(prompt), batch):
            chunk = prompt[start : start + batch]
            context.decode([Entry(t, start + i, (0,), start + i == len(prompt) - 1) for i, t in enumerate(chunk)])
            self._resident.extend(chunk)
            last = len(chunk) - 1
            on_progress()
        return last

    def recover(self) -> None:
        """After an abort the cells hold unknown rests of a batch: keep only what is known to be whole."""
        if self._context:
            self._context.forget(range(1, LANES + 1))
            self._context.forget([0], len(self._resident))

    def sample(
        self, prompt: Sequence[int], sampling: Sampling, told: Told, batch: int = BATCH_TOKENS
    ) -> tuple[Completion, ...]:
        """Sample `sampling.n` completions of `prompt`, each by its own chain with seed `sampling.seed` + index.

        Raises TooLong or NativeError. When the abort flag goes up, what is not finished has ending CANCELLED.
        """
        self.check(len(prompt), sampling.max_tokens)
        width = min(sampling.n, LANES)
        want = len(prompt) + width * sampling.max_tokens
        cells = min(want, max(MOST_CELLS, len(prompt) + sampling.max_tokens))
        width = max(1, min(width, (cells - len(prompt)) // max(1, sampling.max_tokens)))
        return Sample(self, prompt, sampling, told).run(width, cells, batch)

    def check(self, prompt: int, room: int) -> None:
        """Raise TooLong when `prompt` tokens and `room` more do not fit one sequence."""
        if prompt + room > self.limit:
            raise TooLong(
                f"the prompt has {prompt:,} tokens and the answer may take {room:,}, "
                f"but this model's context holds {self.limit:,}; shorten the prompt"
            )


class Sample:
    """One request: its lanes from the first draw to the last completion."""

    def __init__(self, engine: Engine, prompt: Sequence[int], sampling: Sampling, told: Told) -> None:
        self._engine, self._prompt, self._sampling, self._told = engine, prompt, sampling, told
        self._done: dict[int, Completion] = {}
        self._lanes: list[Lane] = []
        self._lookup = Lookup(prompt) if sampling.n == 1 else None
        """For one lane only: a batch of lanes keeps the processor busy already."""

    def run(self, width: int, cells: int, batch: int) -> tuple[Completion, ...]:
        """Decode with at most `width` lanes at once; every index has a completion afterwards."""
        waiting: list[Lane] = []
        try:
            last = self._engine.prefill(self._prompt, self._told.progress, cells, batch)
            waiting = [self._first(i, last) for i in range(self._sampling.n)]
            free = list(range(width, 0, -1))
            while (waiting or self._lanes) and not self._engine.abort:
                while waiting and free:
                    self._start(waiting.pop(0), free.pop())
                free += self._step()
        except Aborted:
            pass
        finally:
            self._cancel([*self._lanes, *waiting])
            self._engine.recover()
        return tuple(self._done[i] for i in range(self._sampling.n))

    def _first(self, index: int, last: int) -> Lane:
        s = self._sampling
        sampler = self._engine.context().sampler(s.temperature, s.top_p, s.seed + index)
        return Lane(index, sampler, sampler.draw(last))

    def _start(self, lane: Lane, sequence: int) -> None:
        lane.sequence, lane.position = sequence, len(self._prompt)
        self._engine.context().share(0, sequence)
        self._lanes.append(lane)

    def _step(self) -> list[int]:
        """Take in every lane's sampled token, end those that are done, decode the rest; return freed sequences."""
        freed = [lane.sequence for lane in list(self._lanes) if self._take(lane)]
        context = self._engine.context()
        context.forget(freed)
        if self._lanes and self._lookup:
            self._leap(self._lanes[0], self._lookup)
        elif self._lanes:
            context.decode([Entry(a.token, a.position, (a.sequence,), True) for a in self._lanes])
            for i, lane in enumerate(self._lanes):
                lane.position += 1
                lane.token = lane.sampler.draw(i)
        if self._lanes:
            self._told.progress()
        return freed

    def _leap(self, lane: Lane, lookup: Lookup) -> None:
        """Decode the lane's token with a guess of those behind it, and keep as much of the guess as the model draws.

        Each token is drawn from the logits that it would have been drawn from alone, so the text is the same.
        """
        lookup.add(lane.token)
        guess = lookup.guess(self._sampling.max_tokens - lane.count)
        tokens = [lane.token, *guess]
        context, start = self._engine.context(), lane.position
        context.decode([Entry(token, start + i, (lane.sequence,), True) for i, token in enumerate(tokens)])
        right = 0
        lane.token = lane.sampler.draw(0)
        while right < len(guess) and lane.token == guess[right] and not self._take(lane):
            lookup.add(lane.token)
            right += 1
            lane.token = lane.sampler.draw(right)
        lookup.learn(len(guess), right)
        lane.position = start + 1 + right
        context.forget([lane.sequence], lane.position)

    def _take(self, lane: Lane) -> bool:
        """Add the lane's token to its text; True when that ended the lane."""
        weights = self._engine.weights
        if weights.ends_turn(lane.token):
            self._end(lane, Ending.STOP)
            return True
        lane.count += 1
        lane.text += lane.decoder.decode(weights.piece(lane.token))
        if (cut := _first_stop(lane.text, self._sampling.stop, lane.told)) is not None:
            lane.text = lane.text[:cut]
            lane.decoder.reset()
            self._end(lane, Ending.STOP)
            return True
        if lane.count >= self._sampling.max_tokens:
            self._end(lane, Ending.LENGTH)
            return True
        self._tell(lane, len(lane.text) - _held_back(lane.text, self._sampling.stop))
        return False

    def _tell(self, lane: Lane, upto: int) -> None:
        if upto > lane.told:
            self._told.text(lane.index, lane.text[lane.told : upto])
            lane.told = upto

    def _end(self, lane: Lane, ending: Ending) -> None:
        lane.text += lane.decoder.decode(b"", final=True)
        self._tell(lane, len(lane.text))
        lane.sampler.close()
        if lane in self._lanes:
            self._lanes.remove(lane)
        self._done[lane.index] = Completion(lane.text, ending, lane.count)
        self._told.completion(lane.index, self._done[lane.index])

    def _cancel(self, lanes: Sequence[Lane]) -> None:
        for lane in lanes:
            self._end(lane, Ending.CANCELLED)
        for i in range(self._sampling.n):
            self._done.setdefault(i, Completion("", Ending.CANCELLED, 0))


def _first_stop(text: str, stops: Sequence[str], told: int) -> int | None:
    """Where the earliest stop string begins, searching from `told`: what was told holds no part of one."""
    found = [at for stop in stops if (at := text.find(stop, told)) >= 0]
    return min(found, default=None)


def _held_back(text: str, stops: Sequence[str]) -> int:
    """Length of the longest end of `text` that may become a stop string."""
    return max((k for stop in stops for k in range(1, len(stop)) if text.endswith(stop[:k])), default=0)
