"""Mistakes to explanations and repairs, each run on all tests (LEDEX): right ones to learn, wrong ones for RL.

A repair that fails is a mistake of the second order: with two rounds, it is explained and repaired again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from . import bench, dialogue, teacher
from .bench import Bench
from .job import sha256
from .shape import Count, Heat, Some
from .stages import Context, RecordStage, reads
from .store import Work
from .types import Dropped, Mistake, Repair


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [repairs]."""

    samples: Count = 10
    """Explanations with repairs of each mistake."""
    temperature: Heat = 0.8
    tokens: Count = 640
    """Longest explanation with its repair."""
    rounds: Count = 2
    """2: failed repairs are repaired as well."""
    branches: Some = 1
    """Failed repairs of each mistake that go into the next round, those that pass most tests first."""


@dataclass(frozen=True, slots=True)
class _State:
    """Wrong code of one mistake, and what its tests say."""

    wrong: str
    evidence: str


def _repairs(context: Context, place: Bench, settings: Settings, mistake: Mistake, index: int) -> Iterator[object]:
    states = [_State(mistake.wrong, mistake.evidence)]
    seen = {mistake.wrong.strip()}
    for number in range(1, settings.rounds + 1):
        failed: list[Repair] = []
        for state in states:
            for found in _round(context, place, settings, mistake, state, index, number, seen):
                yield found
                if isinstance(found, Repair) and not found.passed:
                    failed.append(found)
        failed.sort(key=lambda repair: -repair.share)
        states = [_State(repair.code, repair.feedback) for repair in failed[: settings.branches]]


def _round(
    context: Context,
    place: Bench,
    settings: Settings,
    mistake: Mistake,
    state: _State,
    index: int,
    number: int,
    seen: set[str],
) -> Iterator[Repair | Dropped]:
    messages = dialogue.refused(dialogue.asked(mistake.task), state.wrong, state.evidence, explain=True)
    answers = teacher.ask(
        context,
        index + 1_000_003 * (number - 1),
        messages,
        n=settings.samples,
        temperature=settings.temperature,
        tokens=settings.tokens,
    )
    if not answers:
        yield Dropped(teacher.REFUSED)
    for text in answers:
        explanation, code = dialogue.parted(text)
        if not code:
            yield Dropped("answer holds no code")
        elif code.strip() in seen:
            yield Dropped("repair was given before")
        else:
            seen.add(code.strip())
            ran = place.run(code, mistake.task.tests)
            if ran.passed or ran.judged:
                identity = sha256(f"{mistake.id} {number} {text}".encode())[:16]
                yield Repair(
                    identity,
                    mistake.id,
                    mistake.task,
                    state.wrong,
                    state.evidence,
                    explanation,
                    code,
                    text,
                    number,
                    ran.share,
                    ran.passed,
                    ran.feedback,
                )
            else:
                yield Dropped(f"repair ends with {ran.status.lower()}")


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Mistake]) -> Generator[Work]:
    with bench.opened(context.stop, trusted=context.trusted) as place:
        yield lambda mistake, index: _repairs(context, place, settings, mistake, index)


STAGE = RecordStage(
    "repairs", Settings, ("mistakes",), units=reads(Mistake, "mistakes"), opened=_opened, uses_model=True
)
