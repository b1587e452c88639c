"""What of a stage's records stays: nothing twice, nothing near a benchmark's task, nothing near another record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from . import teacher
from .held_out import HeldOut
from .near import near_copies
from .store import Row, once
from .types import Dropped

CONTAMINATED = "is a benchmark's task"
"""Why a record was dropped."""

Column = Callable[[Row], frozenset[int]]
"""A record's shingles, of one of its texts."""


def sift(
    rows: Iterator[Row],
    kept_out: HeldOut,
    texts: Callable[[Row], tuple[str, str]],
    columns: Iterable[Column] = (),
    threshold: float = 1.0,
) -> Iterator[Row | Dropped]:
    """Rows whose id is new, whose prose and code (`texts`) are no held-out task's, and near no earlier row's.

    Near in any of the `columns` is enough: Jaccard similarity of at least `threshold`.
    """
    clean: list[Row] = []
    for found in once(rows):
        if isinstance(found, Dropped):
            yield found
            continue
        prose, code = texts(found)
        if kept_out.found_in(prose, code):
            yield Dropped(CONTAMINATED)
        else:
            clean.append(found)
    for column in columns:
        copies = near_copies([column(row) for row in clean], threshold)
        yield from (Dropped("near-copy of another") for _ in copies)
        clean = [row for i, row in enumerate(clean) if i not in copies]
    yield from clean


def said(row: Row) -> tuple[str, str]:
    """Prose and code of a conversation: what is asked, and what is learnt to answer."""
    asked = "\n".join(turn["content"] for turn in row["messages"][:-1])
    return asked, "\n".join(teacher.blocks(row["messages"][-1]["content"]))
