"""From chains of attempts to supervised examples: which turns to learn, from where, and with what weight.

    chains of one prompt ─▶ criterion ─▶ examples: everything before a turn as context, that turn as what to say

RISE learns its own best turns, weighted; muCode gives every failed state a verified solution as the thing to say. Loss
falls on the last turn only: what is wrong before it is read, never learnt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .rewards import LARGEST_WEIGHT, TEMPERATURE, centred_weights

_MOST_REPEATS = 150
_LONGEST_WORD = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    text: str
    reward: float
    """1 for code that passes every test, down to 0; nothing else makes it a solution."""
    feedback: str
    """What running it said; given to the next turn."""
    target: Attempt | None = None
    """The best of the answers that were sampled in the same state: learnt in place of what was played (RISE)."""

    @property
    def learnt(self) -> Attempt:
        return self.target or self

    @property
    def solves(self) -> bool:
        return self.reward >= 1.0


@dataclass(frozen=True, slots=True)
class Chain:
    """Attempts on one prompt in their order, each after the first a revision of the one before it."""

    prompt: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Example:
    prompt: str
    before: tuple[Attempt, ...]
    """Earlier attempts with their feedback: context without loss."""
    answer: str
    weight: float


class Criterion(StrEnum):
    """Which turns of a chain become examples (RISE, appendix; names as in its code)."""

    ALL = "all"
    BETTER = "better"
    """Turns with more reward than any before them; the first counts when it earned anything."""
    BEST = "best"
    """The chain's best turn."""
    SUCCESS = "success"
    """Turns that solve the task."""
    NONE = "none"
    """No turn that was played: what is put in their place (muCode) is learnt alone."""


def weighted(
    chains: Sequence[Chain],
    criterion: Criterion,
    temperature: float = TEMPERATURE,
    largest: float = LARGEST_WEIGHT,
) -> tuple[Example, ...]:
    """Examples of one prompt's chains, weighted by reward against the mean of all that the prompt's states could teach.

    Equal examples are given once; degenerate text never.
    """
    rewards = [attempt.learnt.reward for chain in chains for attempt in chain.attempts]
    weights = iter(centred_weights(rewards, temperature, largest)) if rewards else iter(())
    found: dict[tuple[tuple[str, ...], str], Example] = {}
    for chain in chains:
        each = [next(weights) for _ in chain.attempts]
        for turn in _chosen([attempt.learnt for attempt in chain.attempts], criterion):
            before, answer = chain.attempts[:turn], chain.attempts[turn].learnt.text
            if not degenerate(answer):
                key = (tuple(attempt.text for attempt in before), answer)
                found.setdefault(key, Example(chain.prompt, before, answer, each[turn]))
    return tuple(found.values())


def relabelled(chains: Sequence[Chain], known: str = "") -> tuple[Example, ...]:
    """muCode: every state that has not solved the task, answered by a verified solution of the same prompt.

    The solution that a state's own chain reached is preferred; else the shortest of all; `known`, if there is one,
    where no chain reached any.
    """
    attempts = [attempt.learnt for chain in chains for attempt in chain.attempts]
    solutions = [attempt.text for attempt in attempts if attempt.solves]
    shortest = min(
        (text for text in solutions if not degenerate(text)), key=lambda t: (len(t), t), default=known or None
    )
    found: dict[tuple[str, ...], Example] = {}
    for chain in chains if shortest is not None else ():
        own = next((attempt.learnt.text for attempt in chain.attempts if attempt.learnt.solves), shortest)
        for before in _unsolved(chain.attempts):
            key = tuple(attempt.text for attempt in before)
            found.setdefault(key, Example(chain.prompt, before, own or "", 1.0))
    return tuple(found.values())


def degenerate(text: str) -> bool:
    """RISE's filter: a word that comes more than 150 times, or one of more than 300 characters."""
    words = Counter(text.split())
    return any(count > _MOST_REPEATS or len(word) > _LONGEST_WORD for word, count in words.items())


def _unsolved(attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, ...]]:
    """The states from which a solution is still wanted: before the first attempt, and after each that failed."""
    for turn in range(len(attempts) + 1):
        if turn and attempts[turn - 1].solves:
            return
        yield tuple(attempts[:turn])


def _chosen(attempts: Sequence[Attempt], criterion: Criterion) -> list[int]:
    turns = range(len(attempts))
    match criterion:
        case Criterion.ALL:
            return list(turns)
        case Criterion.BETTER:
            best = [max((a.reward for a in attempts[:turn]), default=0.0) for turn in turns]
            return [turn for turn in turns if attempts[turn].reward > best[turn]]
        case Criterion.BEST:
            return [max(turns, key=lambda turn: (attempts[turn].reward, -turn))] if attempts else []
        case Criterion.SUCCESS:
            return [turn for turn in turns if attempts[turn].solves]
        case Criterion.NONE:
            return []
