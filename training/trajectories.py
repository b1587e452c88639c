"""The records of reinforcement: what was tried (stage `rollouts`) and what each try is worth (stage `rewards`)."""

from __future__ import annotations

from dataclasses import dataclass

from .types import Turn


@dataclass(frozen=True, slots=True)
class Try:
    """One turn: the state as it was asked, the answer, and what running it showed."""

    messages: tuple[Turn, ...]
    answer: str
    explanation: str
    """What stands in the answer before the code."""
    code: str
    """Empty when the answer holds no function."""
    passed: float
    """Share of the tests."""
    feedback: str
    cured: int | None
    """Refinements that passed of those sampled after the explanation; None when none were sampled."""
    best: str = ""
    """The best of the other answers that were sampled in this state, where it is better than what was played."""
    best_passed: float = 0.0
    """Share of the tests that it passes."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Turns in their order, each a revision of the one before; the last passed, or the turns were used up."""

    id: str
    mistake: str
    task: str
    tries: tuple[Try, ...]
    refinements: int
    """Sampled after each explanation."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One turn to learn from."""

    id: str
    mistake: str
    task: str
    turn: int
    """From 0."""
    messages: tuple[Turn, ...]
    """The state, then the answer."""
    explained: int
    """Characters of the answer that are explanation."""
    passed: float
    played: bool
    """The model's own; false for a solution that was put in its place (muCode)."""
    weight: float
    """RISE: what its likelihood counts; 0 when the criterion leaves it out."""
    code_reward: float
    """LEDEX, in [-5, 5]."""
    explanation_reward: float | None
    """LEDEX, in [-5, 5]; None without an explanation."""
    advantage: float
    """CoCoS's accumulated reward at this turn against the prompt's other chains (leave one out)."""
    grouped: float = 0.0
    """The same reward against the mean and the spread of all the prompt's chains (GRPO)."""
