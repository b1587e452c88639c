"""The seam to any language model: a `Model` samples continuations and scores given ones.

Implementations: `llama.LlamaModel` (llama.cpp in its own process) and `scripted.ScriptedModel` (tests).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from .stop import Stop


class Role(StrEnum):
    """What a request is for; each may have an adapter of its own over the one resident model."""

    REPAIRER = "repairer"
    AUDITOR = "auditor"
    COMPLETER = "completer"


class Form(StrEnum):
    """How a repair is asked for (forms.py): a model repairs most in the form that it was measured best in."""

    ENGINE = "engine"
    """Evidence and surroundings, then the function alone (prompt.py)."""
    BRIEF = "brief"
    """The module, the test, a word of what happened (brief.py): half a billion weights copy less of what is wrong."""


class Ending(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """The model ended its turn, or wrote a stop string."""
    LENGTH = "length"
    CANCELLED = "cancelled"
    HOPELESS = "hopeless"
    """It was to be Python, and no continuation of it would be."""


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample. `n` completions share one prefill of the prompt."""

    n: int = 1
    temperature: float = 0.7
    """0 is greedy; the n completions are then equal and computed once."""
    top_p: float = 0.95
    max_tokens: int = 768
    seed: int = 0
    stop: tuple[str, ...] = ()
    prefill: str = ""
    """Text put at the start of the assistant's turn; not part of the completion."""
    role: Role | None = None
    """What the samples are for: a model that has an adapter for this role uses it."""
    python: bool = False
    """The completion is one block of Python; it ends early when it can no longer become that. Remote engines go on."""

    @property
    def begun(self) -> str:
        """The code that `prefill` begins: what follows its fence."""
        return self.prefill.rpartition("```python\n")[2]


@dataclass(frozen=True, slots=True)
class Completion:
    text: str
    ending: Ending
    tokens: int
    """Tokens sampled."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What is loaded and where it runs; for the status line and `darner doctor`."""

    name: str
    device: str
    """`CPU, 2 threads` or `CUDA: <device name>, 24 of 24 layers`."""
    context_tokens: int
    bytes: int
    tokens_per_second: float | None
    queued: int = 0
    """Requests that wait for room, or for something more urgent."""
    reused_tokens: int = 0
    """Prompt tokens since loading that a resident prompt had already."""


class Model(Protocol):
    """Every method may raise `ModelError`, whose text is one sentence with the next step."""

    @property
    def name(self) -> str: ...

    @property
    def form(self) -> Form:
        """In which a repair is asked of it from now on; another one when it takes up another adapter."""
        ...

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        """Sample `sampling.n` completions; `on_text(i, piece)` streams, `on_completion(i, c)` as each ends.

        Returns what there is when `stop` becomes true, with ending CANCELLED, within one token.
        """
        ...

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        """Sum of natural-log probabilities of each continuation's tokens as the assistant's turn."""
        ...

    def status(self) -> ModelStatus: ...

    def close(self) -> None: ...
