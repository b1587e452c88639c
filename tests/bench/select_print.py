"""What `make bench-select` prints: strategies, strategies within a time, selectors, and the questions of the loop."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from select_strategies import Ending
from select_types import BATCH, How, TaskRow

_BUDGETS = (5, 15, 30, 60, 120)
_RESAMPLES = 2_000


def made(rows: Sequence[Mapping[str, Any]]) -> str:
    """On which machines and with which commits these rows were recorded."""
    counted = Counter((row["machine"], row["commit"]) for row in rows)
    return "; ".join(f"{n} tasks on {machine}, commit {commit}" for (machine, commit), n in counted.items())


def short(rows: Sequence[TaskRow], how: How) -> str:
    """Where less was drawn than the table says."""
    bare = sum(not row.chain for row in rows)
    late = sum(0 < len(row.tree) < how.samples // BATCH for row in rows)
    return f"nothing could be asked in {bare} tasks; time ended the samples of {late} before N={how.samples}"


def strategies(by_name: Mapping[str, Sequence[Ending]]) -> str:
    heads = f"\n{'strategy':24} {'n':>4} {'correct':>8} {'95 %':>15} {'plausible':>9} {'oracle':>7}"
    lines = [f"{heads} {'calls':>6} {'median s':>8} {'mean s':>7}"]
    for name, found in by_name.items():
        right, seen, somewhere = ([getattr(e, what) for e in found] for what in ("correct", "plausible", "oracle"))
        seconds = [e.seconds for e in found]
        lines.append(
            f"{name:24} {len(found):4} {_share(right):>8} {_interval(right):>15} {_share(seen):>9}"
            f" {_share(somewhere):>7} {statistics.mean(e.calls for e in found):6.1f}"
            f" {statistics.median(seconds):8.1f} {statistics.mean(seconds):7.1f}"
        )
    return "\n".join(lines)


def matched(by_name: Mapping[str, Sequence[Ending]]) -> str:
    """Correct within the same wall clock: what had not ended by then counts as nothing."""
    lines = [f"\n{'correct within':24} " + " ".join(f"{f'{s} s':>7}" for s in _BUDGETS)]
    for name, found in by_name.items():
        cells = (_share([e.correct and e.seconds <= most for e in found]) for most in _BUDGETS)
        lines.append(f"{name:24} " + " ".join(f"{cell:>7}" for cell in cells))
    return "\n".join(lines)


def choices(pool: str, found: Mapping[str, Sequence[dict[str, Any]]]) -> str:
    heads = (
        f"\nselectors on {pool}, tasks with a right and a wrong one\n{'selector':12} {'n':>4} {'right':>8} {'95 %':>15}"
    )
    lines = [f"{heads} {'fallback':>8} {'calls':>6} {'mean s':>7} {'asked':>6} {'right when answered':>20}"]
    for name, told in found.items():
        if not told:
            lines.append(f"{name:12} {0:4}")
            continue
        right = [t["right"] for t in told]
        lines.append(
            f"{name:12} {len(told):4} {_share(right):>8} {_interval(right):>15} {sum(t['fallback'] for t in told):8}"
            f" {statistics.mean(t['calls'] for t in told):6.1f} {statistics.mean(t['seconds'] for t in told):7.2f}"
            f" {sum(t['asked'] for t in told):6} {_share([t['answered'] for t in told]):>20}"
        )
    return "\n".join(lines)


def questions(rows: Sequence[TaskRow]) -> str:
    """Of all tasks: how often the loop asks, and what it reaches when a person who knows answers."""
    lines: list[str] = []
    for at, hunt in enumerate(rows[0].hunts):
        hunts = [row.hunts[at] for row in rows]
        asked = sum(h.rival is not None for h in hunts)
        offered = [[i for i in (h.offered, h.rival) if i is not None] for h in hunts]
        right = [any(row.seen[i].hidden for i in both) for row, both in zip(rows, offered, strict=True)]
        name = f"the loop with N={hunt.samples}" if hunt.samples else "the search alone"
        lines.append(f"{name}: asks in {asked} of {len(rows)} tasks; answered rightly it is correct in {_share(right)}")
    return "\n" + "\n".join(lines)


def _share(hits: Sequence[bool]) -> str:
    return f"{sum(hits) / len(hits):.1%}"


def _interval(hits: Sequence[bool]) -> str:
    chance = random.Random(0)
    means = sorted(sum(chance.choices(hits, k=len(hits))) / len(hits) for _ in range(_RESAMPLES))
    return f"{means[int(0.025 * _RESAMPLES)]:.1%}-{means[int(0.975 * _RESAMPLES)]:.1%}"
