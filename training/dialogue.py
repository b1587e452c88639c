"""How a repair is asked for, in training as in rollouts: the task, the wrong answer, what its tests say, the repair.

user: the task ─▶ assistant: wrong code ─▶ user: what its tests say, explain ─▶ assistant: explanation, code

The engine's own prompt for a repair is made of an `engine_target`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine import prompt
from ..engine.errors import BadInput
from ..engine.model import Message
from ..engine.source import Source
from . import teacher
from .types import Task, Turn


def asked(task: Task) -> tuple[Message, ...]:
    """The first turn."""
    return (Message("user", teacher.rendered("solve.j2", task=task.prompt)),)


def refused(before: Sequence[Message], wrong: str, feedback: str, *, explain: bool) -> tuple[Message, ...]:
    """The turns so far, a wrong answer, and what its tests say; with `explain`, an explanation is asked for first."""
    said = teacher.rendered("feedback.j2", feedback=feedback, explain=explain)
    return (*before, Message("assistant", fenced(wrong)), Message("user", said))


def fenced(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


def answered(explanation: str, code: str) -> str:
    """An answer as it is learnt: the explanation, then the code."""
    return f"{explanation.strip()}\n\n{fenced(code)}" if explanation else fenced(code)


def parted(text: str) -> tuple[str, str]:
    """Explanation and code of an answer; the code is empty where there is no block."""
    code = next(iter(teacher.blocks(text)), "")
    explanation = text.split("```")[0].strip()
    return explanation.removesuffix("Corrected code:").strip(), code


def turns(messages: Sequence[Message], answer: str) -> tuple[Turn, ...]:
    """The whole conversation as a record; the loss falls on the answer."""
    return (*(Turn(message.role, message.content) for message in messages), Turn("assistant", answer))


def engine_target(task: Task, wrong: str, evidence: str) -> prompt.Target | None:
    """What the engine would ask a model to repair; None when the wrong code does not define the function."""
    try:
        source = Source.parse("solution.py", wrong.encode())
    except BadInput:
        return None
    function = next((each for each in source.functions() if each.qualname == task.name), None)
    return prompt.Target(source, function, task.tests, tuple(evidence.splitlines())) if function else None
