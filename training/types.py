"""The records of the training pipeline, one JSON line each, and the manifest beside every file of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Seed:
    """A documented function that runs on its own: the imports it needs, then the function."""

    id: str
    """16 hex digits of a SHA-256 of imports and syntax tree, without name and docstring: equal functions, equal ids."""
    name: str
    code: str
    docstring: str
    examples: int
    """Interactive examples (`>>>`) in the docstring."""
    origin: str
    """Path below the mined folder, with `/`."""
    line: int
    licence: str
    """SPDX name."""


@dataclass(frozen=True, slots=True)
class Concepts:
    """What a seed is about (SelfCodeAlign, S to C)."""

    id: str
    """The seed's."""
    code: str
    """The seed's."""
    concepts: tuple[str, ...]
    licence: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """A task that a model wrote, from concepts or straight from a seed (C to I, S to I)."""

    id: str
    """16 hex digits of a SHA-256 of the text."""
    seed: str
    text: str
    category: str
    """`function`, `class` or `program`."""
    difficulty: str
    concepts: tuple[str, ...]
    licence: str


@dataclass(frozen=True, slots=True)
class Response:
    """A solution with the tests that its own writer gives it (I to R)."""

    id: str
    """The instruction's id and the number of the sample."""
    instruction: Instruction
    text: str
    """As the model wrote it."""
    code: str
    tests: str
    """Plain statements or test functions, as the model wrote them."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something to solve, with tests that a known solution passes twice."""

    id: str
    name: str
    """The one function that is asked for; empty where there are several, or a class."""
    prompt: str
    code: str
    """A solution that passes."""
    tests: str
    """A pytest module that imports `solution`."""
    kind: str
    """`seed` or `instruction`."""
    licence: str
    seed: str
    """The id of the seed that it comes from: what comes of one seed is learnt, or measured, together."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong solution of a task: what its tests say of it, and a right one."""

    id: str
    task: Task
    wrong: str
    operator: str
    """The edit that made it; `sampled` when a model wrote it."""
    description: str
    evidence: str
    """What the tests said of the wrong code, bounded."""

    @property
    def right(self) -> str:
        return self.task.code


@dataclass(frozen=True, slots=True)
class Repair:
    """What a model said of wrong code and made of it, and what became of that (LEDEX); failures too."""

    id: str
    mistake: str
    task: Task
    wrong: str
    evidence: str
    explanation: str
    code: str
    text: str
    """The whole answer."""
    round: int
    """1 for a repair of the mistake; 2 for a repair of what the first round left wrong."""
    share: float
    """Of the tests, those that pass; 1 with `passed` alone."""
    passed: bool
    feedback: str
    """What the tests say of the repair; empty when they pass."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a model is trained on: the loss falls on the last message, which is the assistant's, and on no other.

    Earlier turns of the assistant, as a wrong first attempt, are context: they are read, never learnt.
    """

    id: str
    messages: tuple[Turn, ...]
    weight: float
    meta: Mapping[str, str]
    """Where it is from: stage, seed, licence and the like."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Instead of a record: why there is none."""

    reason: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a finished stage read and wrote. The same inputs, settings, seed and model give the same output."""

    stage: str
    inputs: Mapping[str, str]
    """SHA-256 by name."""
    settings: Mapping[str, Any]
    """Its section of the recipe, defaults included."""
    seed: int
    model: str
    """Name and SHA-256; empty for work without a model."""
    versions: Mapping[str, str]
    units: int
    """Pieces of work: files for `seeds`, tasks for `mistakes`."""
    kept: int
    dropped: Mapping[str, int]
    """Counts by reason."""
    figures: Mapping[str, float]
    """What else was measured, as a loss."""
    seconds: float
    """Worked on it, all runs together."""
    output: str
    output_sha256: str
