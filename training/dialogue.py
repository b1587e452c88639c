"""How a repair is asked for, in training as in rollouts: the task, the wrong answer, what its tests say, the repair.

user: the task ─▶ assistant: wrong code ─▶ user: what its tests say, explain ─▶ assistant: explanation, code

A repair without an explanation is asked for in one of two forms, made of an `engine_target`: the engine's own prompt,
or a brief one for small models.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from enum import StrEnum

from ..engine import prompt
from ..engine.errors import BadInput
from ..engine.model import Message
from ..engine.source import Source
from . import doctests, teacher
from .types import Task, Turn

_HELPER = "You are a helpful Python programmer."
_IMPORTS_OF_SOLUTION = re.compile(r"^from solution import .*\n", re.MULTILINE)
_MOST_SOURCE, _MOST_DOCSTRING, _MOST_TEST, _MOST_FACTS = 4_000, 300, 900, 400
_QUOTES = re.compile(r"""\s*[rRuU]*("{3}|'{3})""")


class Form(StrEnum):
    """How a repair is asked for."""

    ENGINE = "engine"
    """The engine's own prompt."""
    BRIEF = "brief"
    """The module, the test, a word of what happened: a model of half a billion weights copies less of what is wrong."""


def repair(target: prompt.Target, form: Form, last: prompt.Attempt | None = None) -> tuple[Message, ...]:
    """Ask for the whole function again; `last` is what was tried already."""
    if form is Form.ENGINE:
        return prompt.repair(target, last)
    source, facts = (last.code, last.feedback) if last else (target.source.data.decode(), "\n".join(target.facts))
    content = teacher.rendered(
        "brief.j2",
        source=briefly(source)[:_MOST_SOURCE].strip(),
        test="" if doctests.is_one(target.test) else _IMPORTS_OF_SOLUTION.sub("", target.test)[:_MOST_TEST].strip(),
        facts=facts[:_MOST_FACTS].strip(),
        function=target.function.qualname,
    )
    return (Message("system", _HELPER), Message("user", content))


def opening(name: str, form: Form) -> str:
    """What is put into the model's mouth: after a brief prompt it would else begin with what it read last."""
    return f"```python\ndef {name}(" if form is Form.BRIEF else "```python\n"


def briefly(code: str) -> str:
    """The module with only the beginning of each function's docstring; code that does not parse stays as it is."""
    try:
        nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError):
        return code
    lines = code.splitlines()
    for node in sorted(nodes, key=lambda node: -node.lineno):
        said = node.body[0]
        quotes = _QUOTES.match(lines[said.lineno - 1])
        if ast.get_docstring(node) is not None and quotes:
            _cut(lines, said.lineno - 1, said.end_lineno or said.lineno, quotes.group(1))
    return "\n".join(lines)


def _cut(lines: list[str], first: int, end: int, quotes: str) -> None:
    """Leave of the docstring in these lines what fits, in place."""
    room = _MOST_DOCSTRING
    for at in range(first, end):
        room -= len(lines[at].strip())
        if room < 0 and at > first:
            indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
            lines[at:end] = [f"{indent}...{quotes}"]
            return


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
