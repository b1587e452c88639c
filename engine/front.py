"""A model before another one: it answers as that does, and who derives from it changes what it must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .model import Completion, Form, Message, Model, ModelStatus, Sampling
from .stop import Stop

Behind = TypeVar("Behind", bound=Model)


class Front(Generic[Behind]):
    """All of `Model`, handed on; the model behind is closed with it."""

    def __init__(self, model: Behind) -> None:
        self._model = model

    @property
    def name(self) -> str:
        return self._model.name

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
        return self._model.sample(messages, sampling, stop, on_text, on_completion)

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        return self._model.score(messages, continuations, stop)

    def status(self) -> ModelStatus:
        return self._model.status()

    def close(self) -> None:
        self._model.close()
