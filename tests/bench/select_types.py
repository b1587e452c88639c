"""The values of `make bench-select`: what is recorded of one task."""

from __future__ import annotations

from dataclasses import dataclass, field

from darner.engine.search import identity
from darner.engine.types import Candidate
from darner.sandbox.types import CallResult

BATCH = 4


class LeftOut(Exception):
    """The task cannot be recorded; says why."""


@dataclass(frozen=True)
class How:
    """How much is asked for; equal for every task of a recording."""

    samples: int
    """A multiple of `BATCH`."""
    rounds: int
    full: tuple[int, ...]
    """Sample counts of the loop; none: neither the loop nor the search is run."""
    seconds: float
    """Of one hunt: the loop's budget for a failing test."""
    tree_seconds: float
    """After which no more samples are drawn or revised."""
    seed: int


@dataclass(frozen=True)
class Seen:
    """A distinct candidate, and what is known of it."""

    candidate: Candidate
    visible: bool
    hidden: bool
    """Passes the hidden tests too; false where a visible one fails."""
    outputs: dict[str, CallResult]
    outputs_s: float


@dataclass(frozen=True)
class Unit:
    """Completions that were asked for together, tried included."""

    seconds: float
    candidates: tuple[int | None, ...]
    """Index into the task's candidates; None where the answer held none."""


@dataclass(frozen=True)
class Hunt:
    """The loop, from its start until the repair is verified; prose is not asked for."""

    samples: int
    seconds: float
    calls: int
    sampled: bool
    """The search alone had not been enough."""
    pool: tuple[int, ...]
    offered: int | None
    rival: int | None
    status: str


@dataclass(frozen=True)
class TaskRow:
    task: str
    setup_s: float
    """Copy, suite and evidence, which chain and tree begin with."""
    test: str
    facts: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    original: dict[str, CallResult]
    seen: tuple[Seen, ...]
    chain: tuple[Unit, ...]
    tree: tuple[tuple[Unit, ...], ...]
    """By batch, then round; both are empty where no function is suspected, and nothing can be asked."""
    hunts: tuple[Hunt, ...]


@dataclass
class Found:
    """Distinct candidates of one task, numbered as they come."""

    candidates: list[Candidate] = field(default_factory=list[Candidate])
    visible: list[bool] = field(default_factory=list[bool])
    hidden: list[bool] = field(default_factory=list[bool])
    outputs: dict[int, tuple[dict[str, CallResult], float]] = field(
        default_factory=dict[int, tuple[dict[str, CallResult], float]]
    )

    def number(self, candidate: Candidate) -> int:
        keys = [identity(other.patch) for other in self.candidates]
        key = identity(candidate.patch)
        if key not in keys:
            self.candidates.append(candidate)
            return len(keys)
        return keys.index(key)

    def seen(self) -> tuple[Seen, ...]:
        rows = zip(self.candidates, self.visible, self.hidden, strict=True)
        return tuple(Seen(*row, *self.outputs.get(i, ({}, 0.0))) for i, row in enumerate(rows))
