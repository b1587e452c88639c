"""What an OpenAI-compatible server may answer, as far as it is read here; everything else in it is passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import cattrs


@dataclass(frozen=True, slots=True)
class Delta:
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """Of the tokens of an echoed prompt; offsets count characters."""

    token_logprobs: Sequence[float | None] | None = None
    text_offset: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None
    logprobs: Likelihoods | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One event of `/chat/completions`, or the whole answer of `/completions`."""

    choices: Sequence[Choice] | None = None


@dataclass(frozen=True, slots=True)
class Served:
    id: str
    max_model_len: int | None = None
    """vLLM's name for the context, in tokens."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The answer of `/models`."""

    data: Sequence[Served] | None = None


class Malformed(Exception):
    """It is no answer of the kind that was asked for."""


Kind = TypeVar("Kind", Answer, Catalogue)


def read(raw: dict[str, Any], kind: type[Kind]) -> Kind:
    """Raises Malformed."""
    try:
        return cattrs.structure(raw, kind)
    except Exception as error:  # cattrs raises groups of whatever the fields' own types raise
        raise Malformed from error
