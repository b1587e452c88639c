"""Selectors side by side: each on the same pools, which hold a right candidate and a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from darner.engine.errors import ModelError
from darner.engine.pool import Choice
from select_types import TaskRow

WITHOUT_A_MODEL = ("first", "smallest", "agreeing", "default")


class Choosing(Protocol):
    def choice(self, name: str, row: TaskRow, numbers: Sequence[int]) -> tuple[Choice, int, float]:
        """With model calls and seconds. Raises ModelError."""
        ...


def compared(
    rows: Sequence[TaskRow], chooser: Choosing, names: Iterable[str], pool: Callable[[TaskRow], list[int]]
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """What each selector took, and the tasks that one of them could not settle: they count for none."""
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    left: list[str] = []
    for row in rows:
        numbers = pool(row)
        if len({row.seen[i].hidden for i in numbers}) < 2:
            continue
        try:
            found = {name: _taken(chooser, name, row, numbers) for name in told}
        except ModelError as error:
            left.append(f"{row.task}: {error}")
            continue
        for name, one in found.items():
            told[name].append(one)
    return told, left


def _taken(chooser: Choosing, name: str, row: TaskRow, numbers: Sequence[int]) -> dict[str, Any]:
    choice, calls, seconds = chooser.choice(name, row, numbers)
    rival = choice.rival is not None and row.seen[numbers[choice.rival]].hidden
    right = row.seen[numbers[choice.best]].hidden
    return {
        "task": row.task, "right": right, "asked": choice.rival is not None, "answered": right or rival,
        "fallback": choice.fallback, "calls": calls, "seconds": round(seconds, 3),
    }  # fmt: skip
