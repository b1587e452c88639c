"""Which of the user's own edits did it: delta debugging over the uncommitted hunks.

ddmin, Zeller and Hildebrandt 2002, section 3: the smallest set of hunks whose reversal makes the test pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def ddmin(items: Sequence[Hunk], passes: Passes) -> tuple[Hunk, ...]:
    """A 1-minimal subset for which `passes` holds; `passes(items)` must hold."""
    kept = tuple(items)
    parts = 2
    while len(kept) > 1:
        size = -(-len(kept) // parts)
        chunks = [kept[i : i + size] for i in range(0, len(kept), size)]
        complements = [tuple(x for x in kept if x not in chunk) for chunk in chunks] if len(chunks) > 2 else []
        smaller = next((tuple(chunk) for chunk in [*chunks, *complements] if passes(chunk)), None)
        if smaller is not None:
            parts = 2 if smaller in [tuple(chunk) for chunk in chunks] else max(parts - 1, 2)
            kept = smaller
        elif parts >= len(kept):
            break
        else:
            parts = min(2 * parts, len(kept))
    return kept
