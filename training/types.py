"""The records of the training pipeline, one JSON line each, and the manifest beside every file of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
class Manifest:
    """What a finished stage read and wrote. The same inputs and settings give the same bytes."""

    stage: str
    inputs: Mapping[str, str]
    """SHA-256 by name."""
    settings: Mapping[str, str | int]
    units: int
    """Pieces of work: files for `seeds`, seeds for `mistakes`."""
    kept: int
    dropped: Mapping[str, int]
    """Counts by reason."""
    output: str
    output_sha256: str
