"""How a repair is asked for, in training as in rollouts: the task, the wrong answer, what its tests say, the repair.

user: the task ─▶ assistant: wrong code ─▶ user: what its tests say, explain ─▶ assistant: explanation, code

A repair without an explanation is asked for in one of the engine's forms (engine/forms.py), made of an `engine_target`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..engine import brief, prompt
from ..engine.errors import BadInput
from ..engine.model import Form, Message
from ..engine.source import Source
from . import doctests, teacher
from .types import Task, Turn

_IMPORTS_OF_SOLUTION = re.compile(r"^from solution import .*\n", re.MULTILINE)


def repair(target: prompt.Target, form: Form, last: prompt.Attempt | None = None) -> tuple[Message, ...]:
    """Ask for the whole function again; `last` is what was tried already, as a whole module."""
    if form is Form.ENGINE:
        return prompt.repair(target, last)
    return brief.repair(_shown(_after(target, last) if last else target))


def _after(target: prompt.Target, last: prompt.Attempt) -> prompt.Target:
    """The state that an attempt left. Raises BadInput where its module does not parse."""
    source = Source.parse(target.source.path, last.code.encode())
    function = next(each for each in source.functions() if each.qualname == target.function.qualname)
    return replace(target, source=source, function=function, facts=(last.feedback,))


def _shown(target: prompt.Target) -> prompt.Target:
    """Without what the module says already: where the solution is, and a docstring's examples as one test."""
    test = "" if doctests.is_one(target.test) else _IMPORTS_OF_SOLUTION.sub("", target.test)
    return replace(target, test=test)


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
