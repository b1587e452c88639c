"""How a task ends under each strategy of the table, worked out from its recording: who was chosen, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from darner.engine.behaviour import grouped
from darner.engine.pool import Pool
from darner.engine.prompt import Target
from darner.engine.source import Source
from select_types import BATCH, TaskRow, Unit

Cost = tuple[int | None, int, float]
"""Candidate, model calls and seconds of a choice."""
Choose = Callable[[str, TaskRow, Sequence[int]], Cost]
"""Apply the selector of a name to some of a task's candidates."""


@dataclass(frozen=True)
class Ending:
    strategy: str
    samples: int
    rounds: int
    plausible: bool
    correct: bool
    oracle: bool
    """Some candidate of the pool is right."""
    calls: int
    seconds: float

    @property
    def name(self) -> str:
        parts = [f"N={self.samples}" if self.samples > 1 else "", f"R={self.rounds}" if self.rounds else ""]
        return " ".join([self.strategy, *filter(None, parts)])


def endings(row: TaskRow, samples: Sequence[int] | None, rounds: int, choose: Choose) -> Iterator[Ending]:
    """Under every strategy; `samples` of None: those without a model alone. Raises ModelError.

    Where nothing could be asked, a model's strategies end with nothing: the task counts for all of them or for none.
    """
    if samples is not None:
        yield from _chain(row, rounds)
    for n in samples or ():
        yield from (_first_passing(row, n, r) for r in range(rounds + 1))
        yield _majority(row, n, choose)
        yield from (_s_star(row, n, r, choose) for r in range(rounds + 1))
    yield from _hunts(row)


def passing(row: TaskRow, numbers: Sequence[int | None]) -> list[int]:
    """Those that pass the visible tests, each once, in order."""
    return list(dict.fromkeys(i for i in numbers if i is not None and row.seen[i].visible))


def drawn(row: TaskRow, samples: int, rounds: int) -> list[Unit]:
    return [unit for batch in row.tree[: samples // BATCH] for unit in batch[: rounds + 1]]


def pool_of(row: TaskRow, numbers: Sequence[int]) -> Pool:
    """The frozen pool of these candidates, as their recorded outputs group them."""
    seen = [row.seen[i] for i in numbers]
    before = seen[0].candidate.patch.files[0].before
    targets: dict[tuple[str, str], Target] = {}
    for path, name in row.places:
        source = Source.parse(path, before)
        function = next(f for f in source.functions() if f.qualname == name)
        targets[path, name] = Target(source, function, row.test, row.facts)
    return Pool(tuple(s.candidate for s in seen), grouped([s.outputs for s in seen]), targets, row.original)


def _chain(row: TaskRow, rounds: int) -> Iterator[Ending]:
    for r in range(rounds + 1):
        units = row.chain[: r + 1]
        numbers = passing(row, [i for unit in units for i in unit.candidates])
        name = "self-debug" if r else "one-shot"
        yield _ending(row, name, 1, r, numbers[:1], numbers, sum(len(u.candidates) for u in units), _spent(units))


def _first_passing(row: TaskRow, samples: int, rounds: int) -> Ending:
    """Ends with the batch that holds the first one that passes."""
    units: list[Unit] = []
    for unit in drawn(row, samples, rounds):
        units.append(unit)
        if passing(row, unit.candidates):
            break
    chosen = passing(row, units[-1].candidates)[:1] if units else []
    calls = sum(len(unit.candidates) for unit in units)
    return _ending(row, "first passing", samples, rounds, chosen, _all(row, samples, rounds), calls, _spent(units))


def _majority(row: TaskRow, samples: int, choose: Choose) -> Ending:
    """As S*'s baseline: every sample votes, no test is asked."""
    units = drawn(row, samples, 0)
    numbers = [i for unit in units for i in unit.candidates if i is not None]
    chosen, calls, seconds = choose("agreeing", row, numbers) if numbers else (None, 0, 0.0)
    calls += sum(len(unit.candidates) for unit in units)
    seconds += _spent(units) + sum(row.seen[i].outputs_s for i in set(numbers))
    listed = [chosen] if chosen is not None else []
    return _ending(row, "majority", samples, 0, listed, list(dict.fromkeys(numbers)), calls, seconds)


def _s_star(row: TaskRow, samples: int, rounds: int, choose: Choose) -> Ending:
    units, numbers = drawn(row, samples, rounds), _all(row, samples, rounds)
    chosen, calls, seconds = choose("adaptive", row, numbers) if numbers else (None, 0, 0.0)
    calls += sum(len(unit.candidates) for unit in units)
    seconds += _spent(units) + (sum(row.seen[i].outputs_s for i in numbers) if len(numbers) > 1 else 0.0)
    return _ending(row, "S*-local", samples, rounds, [chosen] if chosen is not None else [], numbers, calls, seconds)


def _all(row: TaskRow, samples: int, rounds: int) -> list[int]:
    return passing(row, [i for unit in drawn(row, samples, rounds) for i in unit.candidates])


def _hunts(row: TaskRow) -> Iterator[Ending]:
    for hunt in row.hunts:
        chosen = [hunt.offered] if hunt.offered is not None else []
        name, rounds = ("full", 2) if hunt.samples else ("search only", 0)
        right = any(row.seen[i].hidden for i in hunt.pool)
        plausible, correct = _is(row, chosen)
        yield Ending(name, hunt.samples, rounds, plausible, correct, right, hunt.calls, hunt.seconds)


def _ending(
    row: TaskRow,
    strategy: str,
    samples: int,
    rounds: int,
    chosen: Sequence[int],
    pool: Sequence[int],
    calls: int,
    seconds: float,
) -> Ending:
    plausible, correct = _is(row, chosen)
    right = any(row.seen[i].hidden for i in pool)
    return Ending(strategy, samples, rounds, plausible, correct, right, calls, row.setup_s + seconds)


def _is(row: TaskRow, chosen: Sequence[int]) -> tuple[bool, bool]:
    seen = [row.seen[i] for i in chosen]
    return any(s.visible for s in seen), any(s.hidden for s in seen)


def _spent(units: Sequence[Unit]) -> float:
    return sum(unit.seconds for unit in units)
