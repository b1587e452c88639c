"""What answers cost: a model that counts the tokens it samples and the seconds that takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..engine.front import Front
from ..engine.model import Completion, Message, Model, Sampling
from ..engine.stop import Stop


@dataclass(frozen=True, slots=True)
class Spent:
    tokens: int = 0
    seconds: float = 0.0
    """By the clock, with the reading of prompts and without the running of tests."""
    calls: int = 0
    """Requests: to answer, however often, or to say how likely a text is."""

    def more(self, tokens: int, began: float) -> Spent:
        """One request more, which began then by `time.monotonic`."""
        return Spent(self.tokens + tokens, self.seconds + time.monotonic() - began, self.calls + 1)

    def since(self, before: Spent) -> Spent:
        seconds = round(self.seconds - before.seconds, 3)
        return Spent(self.tokens - before.tokens, seconds, self.calls - before.calls)


class Metered(Front[Model]):
    """Answers as `model` does."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.spent = Spent()

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        began = time.monotonic()
        found = super().sample(messages, sampling, stop, on_text, on_completion)
        self.spent = self.spent.more(sum(each.tokens for each in found), began)
        return found

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        began = time.monotonic()
        found = super().score(messages, continuations, stop)
        self.spent = self.spent.more(0, began)
        return found
