"""What answers cost: a model that counts the tokens it samples and the seconds that takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..engine.model import Completion, Form, Message, Model, ModelStatus, Sampling
from ..engine.stop import Stop


@dataclass(frozen=True, slots=True)
class Spent:
    tokens: int = 0
    seconds: float = 0.0
    """By the clock, with the reading of prompts and without the running of tests."""

    def since(self, before: Spent) -> Spent:
        return Spent(self.tokens - before.tokens, round(self.seconds - before.seconds, 3))


class Metered:
    """Answers as `model` does."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name = model.name
        self.spent = Spent()

    @property
    def form(self) -> Form:
        return self._model.form

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        began = time.monotonic()
        found = self._model.sample(messages, sampling, stop, on_text, on_completion)
        tokens = sum(each.tokens for each in found)
        self.spent = Spent(self.spent.tokens + tokens, self.spent.seconds + time.monotonic() - began)
        return found

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        return self._model.score(messages, continuations, stop)

    def status(self) -> ModelStatus:
        return self._model.status()

    def close(self) -> None:
        self._model.close()
