"""A repair asked in the form that suits who answers: the messages, and what is put into the model's mouth."""

from __future__ import annotations

from dataclasses import dataclass

from . import brief, prompt
from .model import Form, Message
from .prompt import Attempt, Target
from .shorten import USUAL, Space
from .source import Function

FENCE = "```python\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a function."""

    messages: tuple[Message, ...]
    opening: str = FENCE
    """The answer's beginning, which the model goes on from."""


def repair(target: Target, form: Form, last: Attempt | None = None, space: Space = USUAL) -> Asked:
    """Ask for the whole function again; `last` is what was tried already."""
    ask = brief.repair if form is Form.BRIEF else prompt.repair
    return Asked(ask(target, last, space), opening(target.function, form))


def opening(function: Function, form: Form) -> str:
    """What is put into the model's mouth."""
    return FENCE + brief.opening(function) if form is Form.BRIEF else FENCE


def left_out(target: Target, form: Form, space: Space) -> tuple[str, ...]:
    """What `repair` does not show of its target in so much space, in words."""
    return brief.left_out(target, space) if form is Form.BRIEF else prompt.left_out(target, space)
