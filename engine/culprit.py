"""Which of the user's own edits did it: delta debugging over the uncommitted hunks.

ddmin, Zeller and Hildebrandt 2002, section 3: the smallest set of hunks whose reversal makes the test pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .history import Edits, Hunk
from .types import Candidate, Origin

Passes = Callable[[Sequence[Hunk]], bool]
_MOST_HUNKS = 64


def culprits(edits: Edits, passes: Passes) -> Candidate | None:
    """The smallest reversal for which `passes` holds, or None when taking every edit back does not help."""
    hunks = edits.hunks
    if not 0 < len(hunks) <= _MOST_HUNKS or not passes(hunks):
        return None
    least = ddmin(hunks, passes)
    places = ", ".join(hunk.place for hunk in least)
    return Candidate(
        patch=edits.revert(least),
        origin=Origin.REVERT,
        description=f"take back your uncommitted edit at {places}",
        operator="revert",
        prior=1.0,
        path=least[0].path,
        line=least[0].start + 1,
    )


Item = TypeVar("Item")


def ddmin(items: Sequence[Item], passes: Callable[[Sequence[Item]], bool]) -> tuple[Item, ...]:
    """A 1-minimal subset for which `passes` holds; `passes(items)` must hold. Items are told apart by their places."""
    kept = tuple(items)
    parts = 2
    while len(kept) > 1:
        size = -(-len(kept) // parts)
        starts = range(0, len(kept), size)
        chunks = [kept[i : i + size] for i in starts]
        complements = [kept[:i] + kept[i + size :] for i in starts] if len(chunks) > 2 else []
        found = next((n for n, chosen in enumerate([*chunks, *complements]) if passes(chosen)), None)
        if found is not None:
            parts = 2 if found < len(chunks) else max(parts - 1, 2)
            kept = [*chunks, *complements][found]
        elif parts >= len(kept):
            break
        else:
            parts = min(2 * parts, len(kept))
    return kept
