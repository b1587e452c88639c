"""Which of the user's own edits did it: delta debugging over the hunks of what changed, then over their lines.

ddmin, Zeller and Hildebrandt 2002, section 3: a smallest set of edits whose reversal makes the test pass. Where more
edits never hurt, as is usual, halving finds each guilty one in log2(n) runs, and ddmin only confirms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from .history import Edits, Hunk, lines_of
from .types import Candidate, Origin

Passes = Callable[[Sequence[Hunk]], bool]
_MOST_HUNKS = 64
_MOST_LINES = 24


class OutOfTries(Exception):
    """Raised by `passes` that may not look any more: what was not tried is not known to be needed."""


def culprits(edits: Edits, passes: Passes, what: str = "your uncommitted edit") -> Candidate | None:
    """The smallest reversal for which `passes` holds, or None when taking every edit back does not help.

    Raises OutOfTries where `passes` does before the guilty hunks are known; their lines are a refinement.
    """
    hunks = edits.hunks
    if not 0 < len(hunks) <= _MOST_HUNKS or not passes(hunks):
        return None
    guilty = least(hunks, passes)
    lines = tuple(line for hunk in guilty for line in lines_of(hunk))
    if len(guilty) < len(lines) <= _MOST_LINES:
        with suppress(OutOfTries):
            guilty = least(lines, passes)
    places = ", ".join(dict.fromkeys(hunk.place for hunk in guilty))
    return Candidate(
        patch=edits.revert(guilty),
        origin=Origin.REVERT,
        description=f"take back {what} at {places}",
        operator="revert",
        prior=1.0,
        path=guilty[0].path,
        line=guilty[0].start + 1,
    )


Item = TypeVar("Item")


def least(items: Sequence[Item], passes: Callable[[Sequence[Item]], bool]) -> tuple[Item, ...]:
    """A 1-minimal subset for which `passes` holds, in order; `passes(items)` must hold. Nothing is asked twice."""
    known: dict[tuple[int, ...], bool] = {tuple(range(len(items))): True}

    def ask(chosen: Sequence[int]) -> bool:
        key = tuple(sorted(chosen))
        if key not in known:
            known[key] = passes([items[n] for n in key])
        return known[key]

    found: list[int] = []
    top = len(items)
    while top and not (found and ask(found)):
        low, high = 0, top  # the first `high` pass with what was found, the first `low` do not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if ask([*range(middle), *found]) else (middle, high)
        top = high - 1
        found.append(top)
    whole = found if ask(found) else range(len(items))
    return tuple(items[n] for n in sorted(ddmin(sorted(whole), ask)))


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
