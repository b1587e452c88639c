"""A model that recites: stands in where the subject of a test is not the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .model import Completion, Ending, Form, Message, ModelStatus, Sampling
from .stop import Stop


class ScriptedModel:
    """Gives the scripted texts in turn, then repeats the last; remembers what it was asked."""

    name = "scripted"

    def __init__(self, *texts: str, form: Form = Form.ENGINE) -> None:
        self.form = form
        self._texts = texts or ("",)
        self._next = 0
        self.asked: list[tuple[Message, ...]] = []
        self.how: list[Sampling] = []

    def _recite(self) -> str:
        text = self._texts[min(self._next, len(self._texts) - 1)]
        self._next += 1
        return text

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        self.asked.append(tuple(messages))
        self.how.append(sampling)
        completions: list[Completion] = []
        for i in range(sampling.n):
            if stop:
                break
            completion = Completion(self._recite(), Ending.STOP, 1)
            if on_text:
                on_text(i, completion.text)
            if on_completion:
                on_completion(i, completion)
            completions.append(completion)
        return tuple(completions)

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        return tuple(-float(len(c)) for c in continuations)

    def status(self) -> ModelStatus:
        return ModelStatus("scripted", "none", 0, 0, None)

    def close(self) -> None:
        pass
