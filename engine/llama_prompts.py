"""Prompts whose cells stay computed: a request starts from the one that begins most like its own.

Each slot is one sequence of the context. A slot in use belongs to one request; the others wait, the least recently
used first to be given up, for a request that begins as they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .llama_kept import WORTH, Kept
from .llama_native import Context, Native

SLOTS = 4
"""Prompts kept: of a repair, of its explanation, of the ghost text, and of another workspace."""


@dataclass(slots=True)
class Slot:
    sequence: int
    tokens: list[int] = field(default_factory=list[int])
    """Computed, and held by the sequence."""
    adapter: Native | None = None
    used: int = 0
    busy: bool = False


class Prompts:
    """The slots of one context: sequences 0 to SLOTS - 1."""

    def __init__(self, context: Context, kept: Kept | None = None) -> None:
        self._context, self._kept = context, kept
        self._slots = [Slot(i) for i in range(SLOTS)]
        self._tick = 0

    @property
    def free(self) -> int:
        return sum(not slot.busy for slot in self._slots)

    @property
    def idle_cells(self) -> int:
        """Cells held for nobody in particular; prefixes that slots share are counted for each."""
        return sum(len(slot.tokens) for slot in self._slots if not slot.busy)

    def claim(self, prompt: Sequence[int], adapter: Native | None) -> Slot:
        """A slot of its own, holding the longest beginning of `prompt` that is computed, short of its last token.

        The last token is left out because its logits are wanted, which are not kept.
        """
        wanted = prompt[:-1]
        alike = [slot for slot in self._slots if slot.adapter == adapter]
        best = max(alike, key=lambda slot: _common(slot.tokens, wanted), default=None)
        keep = _common(best.tokens, wanted) if best else 0
        idle = [slot for slot in self._slots if not slot.busy]
        oldest = min(idle, key=lambda slot: slot.used)
        # Cutting a slot back loses the rest of it: worth it for most of the same text, else the beginning is shared.
        mine = best if best and not best.busy and 2 * keep >= len(best.tokens) else oldest
        if adapter is None and self._restored(mine, wanted, keep):
            self._cut(mine, _common(mine.tokens, wanted))
        elif mine is best:
            self._cut(mine, keep)
        else:
            self._cut(mine, 0)
            if best and keep:
                self._context.share(best.sequence, mine.sequence, keep)
                mine.tokens = list(prompt[:keep])
        mine.adapter, mine.busy = adapter, True
        self.touch(mine)
        return mine

    def _restored(self, slot: Slot, wanted: Sequence[int], known: int) -> bool:
        """Whether an idle slot was filled from disk, because that begins more like `wanted` than what is here."""
        found = self._kept.best(wanted) if self._kept else None
        if self._kept is None or found is None or found[1] < known + WORTH:
            return False
        self._cut(slot, 0)
        if not self._kept.restore(self._context, found[0], slot.sequence):
            return False
        slot.tokens = list(found[0].tokens)
        return True

    def keep(self) -> None:
        """Write idle prompts of the bare weights to disk, those that are not there."""
        for slot in self._slots if self._kept else ():
            bare = not slot.busy and slot.adapter is None and len(slot.tokens) >= WORTH
            if self._kept and bare and not self._kept.covers(slot.tokens):
                self._kept.save(self._context, slot.sequence, slot.tokens)

    def touch(self, slot: Slot) -> None:
        self._tick += 1
        slot.used = self._tick

    def release(self, slot: Slot) -> None:
        """Its request is over; what it holds stays for the next."""
        slot.busy = False
        self.touch(slot)

    def give_up(self, cells: int) -> None:
        """Forget idle prompts, the least recently used first, until they hold at most `cells`."""
        for slot in sorted(self._slots, key=lambda slot: slot.used):
            if self.idle_cells <= max(0, cells):
                return
            if not slot.busy:
                self._cut(slot, 0)

    def _cut(self, slot: Slot, keep: int) -> None:
        del slot.tokens[keep:]
        self._context.forget([slot.sequence], keep)


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))
