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
class Mistake:
    """A seed with one edit that its own examples reject: a bug with a known repair and evidence that it is one."""

    id: str
    seed: str
    name: str
    wrong: str
    right: str
    """The seed's code."""
    operator: str
    description: str
    evidence: str
    """What doctest said of the wrong code, bounded."""
    licence: str


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
