"""What the repair loop announces while it works. The last event of every failing test is `Done`."""

from __future__ import annotations

from dataclasses import dataclass

from ..sandbox.types import Call
from .types import Explanation, FailureReport, Question, Repair, Suspect


@dataclass(frozen=True, slots=True)
class Phase:
    """A named step began: `evidence`, `search`, `model`, `confirm`, `select`, `explain`."""

    nodeid: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the failing test shows by itself: it is there before other tests were run for comparison."""

    nodeid: str
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Located:
    nodeid: str
    suspects: tuple[Suspect, ...]
    explanation: Explanation
    """Facts only: ready before any repair is sought."""
    calls: tuple[Call, ...] = ()
    """One call of each suspected function, from the failing test: the first."""


@dataclass(frozen=True, slots=True)
class Tried:
    nodeid: str
    count: int
    plausible: int


@dataclass(frozen=True, slots=True)
class Found:
    nodeid: str
    repair: Repair


@dataclass(frozen=True, slots=True)
class Offered:
    """What stands if nothing better is found, or if the user cancels: the search for a cure of all may go on behind it,
    and the explanation is still to come.
    """

    nodeid: str
    repairs: tuple[Repair, ...]
    """Verified, best first."""
    question: Question | None


@dataclass(frozen=True, slots=True)
class Prose:
    """The model's explanation so far: whole sentences, those that the evidence supports."""

    nodeid: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    report: FailureReport


Event = Phase | Seen | Located | Tried | Found | Offered | Prose | Done
