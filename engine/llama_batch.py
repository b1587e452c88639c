"""Continuous batching: all requests that may compute now share each decode, and what is urgent goes first.

    sequences 0 .. SLOTS - 1                 prompts, kept for the requests that begin alike (`llama_prompts`)
    SLOTS .. SLOTS + LANES + URGENT - 1      completions, each a view of its prompt's cells and a token per step

A request is placed when there is a slot and cells for it, and paused while a more urgent one computes: its cells stay.
A decode that is broken off (a cancel, something urgent) is done again, so it costs time and changes no text.
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from .llama_kept import Kept
from .llama_native import (
    BATCH_TOKENS,
    CPU_MICRO_BATCH,
    Aborted,
    AbortFlag,
    Context,
    Entry,
    Native,
    NativeError,
    Weights,
)
from .llama_prompts import SLOTS, Prompts
from .llama_work import Place, Urgency, Work

LANES = 16
"""Sequences decoded at once: with 16 a token costs the least, as `llama_lookup.REACHES` says."""
URGENT = 2
"""Sequences that repairs leave to what is urgent."""
CELLS = 8192
"""Usual KV cells for repairs: prompts and all lanes together."""
URGENT_CELLS = 2048
"""Cells that repairs leave to what is urgent."""
MOST_CELLS = 32768
SMALL_CHUNK = 32
"""Tokens of a prompt per decode where others wait for theirs."""
_SPARE_BYTES = 256 << 20
"""Memory left to everybody else when the context grows."""


class TooLong(Exception):
    """The prompt does not fit; the text has the numbers."""


class Engine:
    """The weights, a context that grows while nothing runs, and the requests in their order."""

    def __init__(self, weights: Weights, abort: AbortFlag, kept: Kept | None = None) -> None:
        self.weights, self.abort = weights, abort
        self._kept = kept
        self.limit = min(weights.trained_context, MOST_CELLS)
        """Most tokens of one sequence: prompt and completion together."""
        self._cells = min(CELLS, max(self.limit, BATCH_TOKENS))
        self._context: Context | None = None
        self._prompts: Prompts | None = None
        self._free: list[int] = []
        self._urgent_free: list[int] = []
        self._waiting: list[Work] = []
        self._running: list[Work] = []
        self._adapter: Native | None = None
        self.computing: frozenset[int] = frozenset()
        """Numbers of the requests in the present decode; read by another thread, to break it off."""
        self.protected = False
        """The last decode was broken off: what is urgent lets the next one pass, or it could starve the others."""
        self.reused = 0
        """Prompt tokens so far that did not have to be computed again."""

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    @property
    def urgency(self) -> Urgency | None:
        """Of what is being computed; None when nothing is."""
        return min((work.urgency for work in self._running), default=None)

    @property
    def queued(self) -> int:
        """Requests that do not compute now: they wait for room, or for something more urgent."""
        return len(self._waiting) + sum(work.urgency != self.urgency for work in self._running)

    def check(self, prompt: int, room: int) -> None:
        """Raise TooLong when `prompt` tokens and `room` more do not fit one sequence."""
        if prompt + room > self.limit:
            raise TooLong(
                f"the prompt has {prompt:,} tokens and the answer may take {room:,}, "
                f"but this model's context holds {self.limit:,}; shorten the prompt"
            )

    def add(self, work: Work) -> None:
        """Queue a request. Raises TooLong when it would never fit."""
        self.check(len(work.prompt), work.length)
        self._waiting.append(work)

    def cancel(self, number: int) -> Work | None:
        """End this request with what there is; None when there is none such."""
        for work in [*self._running, *self._waiting]:
            if work.number == number:
                work.cancel()
                self._drop(work)
                return work
        return None

    def step(self) -> list[Work]:
        """Decode once for whoever may compute now; the requests that this ended.

        Raises Aborted when the flag went up: nothing is lost but the time. NativeError, after which every request is
        out: `lose` says which.
        """
        self._admit()
        group = self._group()
        if group:
            self._decode(group)
        ended = [work for work in self._running if work.done]
        for work in ended:
            self._drop(work)
        return ended

    def keep(self) -> None:
        """Write computed prompts to disk, where that is wanted; for a moment in which nothing computes."""
        if self._prompts:
            self._prompts.keep()

    def lose(self) -> list[Work]:
        """Give every request up, and the context with it, after an error of llama.cpp's own."""
        lost = [*self._running, *self._waiting]
        self._running, self._waiting = [], []
        self._close()
        return lost

    # Who computes

    def _group(self) -> list[Work]:
        """The most urgent requests, as far as they use the same adapter as the first of them."""
        first = min(self._running, key=lambda work: work.urgency, default=None)
        if first is None:
            return []
        return [w for w in self._running if w.urgency == first.urgency and w.adapter == first.adapter]

    def _decode(self, group: Sequence[Work]) -> None:
        context = self._placed_context()
        if group[0].adapter != self._adapter:
            self._adapter = group[0].adapter
            context.adapt(self._adapter)
        share = max(1, LANES // len(group))
        chunk = BATCH_TOKENS if len(group) == 1 else SMALL_CHUNK
        batch: list[Entry] = []
        spans: list[tuple[Work, int]] = []
        for work in group:
            entries = work.entries(BATCH_TOKENS - len(batch), share, chunk)
            if entries:
                spans.append((work, len(batch)))
                batch += entries
        if not batch:
            return
        try:
            self.computing = frozenset(work.number for work, _ in spans)
            context.decode(batch)
        except Aborted:
            self.protected = group[0].urgency == Urgency.REPAIR
            for work, _ in spans:
                work.fail()
            raise
        finally:
            self.computing = frozenset()
        self.protected = self.protected and group[0].urgency < Urgency.REPAIR
        for work, start in spans:
            work.succeed(start)
        # The next in line goes first: requests of one urgency and different adapters take turns.
        self._running = [w for w in self._running if w not in group] + list(group)

    # Who gets room

    def _admit(self) -> None:
        for work in sorted(self._waiting, key=lambda work: work.urgency):
            if (place := self._place(work)) is not None:
                work.place = place
                self._waiting.remove(work)
                self._running.append(work)

    def _place(self, work: Work) -> Place | None:
        """Room for a request, as wide as it can be; None when it has to wait."""
        if not self._running:
            self._grow(_reserved(work, 1), _reserved(work, min(work.width, LANES)))
        context, prompts = self._placed_context(), self._prompts
        assert prompts
        urgent = work.urgency < Urgency.REPAIR
        if prompts.free <= (0 if urgent else 1) and self._running:
            return None
        width = self._width(work, context.cells - (0 if urgent or not self._running else URGENT_CELLS))
        if width < 1:
            return None
        slot = prompts.claim(work.prompt, work.adapter)
        self.reused += len(slot.tokens)
        mine = _reserved(work, width)
        prompts.give_up(context.cells - self._reserved() - mine)
        free = self._urgent_free if urgent else self._free
        whole = BATCH_TOKENS if self.weights.log.offloaded else CPU_MICRO_BATCH
        return Place(context, slot, width, free, SMALL_CHUNK if work.urgency == Urgency.TYPING else whole)

    def _width(self, work: Work, cells: int) -> int:
        """Sequences of the request that fit beside what runs."""
        room = cells - self._reserved() - len(work.prompt)
        most = URGENT if work.urgency < Urgency.REPAIR else LANES
        return min(work.width, most, room // max(1, work.length))

    def _reserved(self) -> int:
        return sum(_reserved(work, work.place.width) for work in self._running if work.place)

    def _drop(self, work: Work) -> None:
        if work in self._waiting:
            self._waiting.remove(work)
        if work in self._running:
            self._running.remove(work)
        if work.place and self._prompts:
            work.place.give_all()
            self._prompts.release(work.place.slot)

    # The context

    def _placed_context(self) -> Context:
        if self._context is None:
            self._grow(0, 0)
        assert self._context
        return self._context

    def _grow(self, least: int, most: int) -> None:
        """Make sure of `least` cells for one request, of `most` as far as there is memory, and of the urgent ones.

        What is free may be less than the system says: then the least alone. Raises NativeError when there is no
        memory for that either.
        """
        want = _whole(max(least, min(most, MOST_CELLS, self._affordable())))
        cells = max(self._cells, want)
        if self._context and self._context.cells >= cells + URGENT_CELLS:
            return
        self._close()
        try:
            self._open(cells)
        except NativeError:
            if cells == _whole(least):
                raise
            self._open(_whole(least))

    def _open(self, cells: int) -> None:
        """A context with so many cells for repairs. Raises NativeError when there is no memory for it."""
        sequences = SLOTS + LANES + URGENT
        self._context = Context(self.weights, cells + URGENT_CELLS, sequences, self.abort)
        self._cells = cells
        self._prompts, self._adapter = Prompts(self._context, self._kept), None
        self._free = list(range(SLOTS + LANES - 1, SLOTS - 1, -1))
        self._urgent_free = list(range(sequences - 1, SLOTS + LANES - 1, -1))

    def _affordable(self) -> int:
        """Cells that the free memory has room for."""
        free = psutil.virtual_memory().available - _SPARE_BYTES
        held = self._context.cells if self._context else 0
        return held + free // max(1, self.weights.kv_bytes_per_token) - URGENT_CELLS

    def _close(self) -> None:
        if self._context:
            self._context.close()
        self._context = self._prompts = None


def _whole(cells: int) -> int:
    """Contexts grow by 1024, and hold at least as much."""
    return max(1, -(-cells // 1024)) * 1024


def _reserved(work: Work, width: int) -> int:
    return len(work.prompt) + width * work.length
