"""Evidence to messages: what a model is shown, stable part first so that later rounds reuse the prompt's cache."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .model import Message
from .outlines import bare, context_of, near, parts_of
from .shorten import USUAL, Space
from .source import Function, Source

if TYPE_CHECKING:
    from jinja2 import Environment

_SYSTEM = "You are an expert Python programmer. You repair one function at a time and answer with code."
_TEACHER = "You are a patient teacher of Python. You explain failures from facts that were observed."
_MOST_DIFF = 2_400
MOST_FUNCTION = 8_000
"""Characters of the function that is to be repaired."""


@dataclass(frozen=True, slots=True)
class Target:
    """One function that a model is asked to write again."""

    source: Source
    function: Function
    test: str
    """Source of the failing test."""
    facts: tuple[str, ...]
    required: tuple[str, ...] = ()
    """What the user said that it does, beside the test."""

    @property
    def text(self) -> str:
        return self.source.text_of(self.function)

    @property
    def description(self) -> str:
        """The function's docstring, or its module's where it has none."""
        return ast.get_docstring(self.function.node) or ast.get_docstring(self.source.tree) or ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try and what came of it; the last round alone is shown, unless asked for (papers.md 3.3: better below 7B)."""

    code: str
    feedback: str
    earlier: Attempt | None = None
    """The try that it revised, where that is to be shown too."""

    @property
    def rounds(self) -> tuple[Attempt, ...]:
        """Those to show, oldest first."""
        return (*(self.earlier.rounds if self.earlier is not None else ()), self)


@cache
def templates(folder: Path = Path(__file__).parent / "prompts") -> Environment:
    """The prompts in this folder: a missing value is an error, not an empty place."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here: a search alone writes no prompt

    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def rendered(template: str, **values: object) -> str:
    return templates().get_template(template).render(**values)


def repair(target: Target, last: Attempt | None = None, space: Space = USUAL) -> tuple[Message, ...]:
    """Ask for the whole function again."""
    text = templates().get_template("repair.j2")
    content = text.render(
        function=target.function.qualname,
        path=target.source.path,
        context=context_of(target.source, target.function, space),
        source=target.text[:MOST_FUNCTION],
        test=target.test[: space.test],
        facts=bullets((*target.required, *target.facts))[: space.facts],
        rounds=[(one.code[:MOST_FUNCTION], one.feedback[: USUAL.facts]) for one in _told(last, space)],
    )
    return (Message("system", _SYSTEM), Message("user", content))


def _told(last: Attempt | None, space: Space) -> tuple[Attempt, ...]:
    """Where space is short, the last round alone."""
    if last is None:
        return ()
    return last.rounds if space == USUAL else (last,)


def left_out(target: Target, space: Space) -> tuple[str, ...]:
    """What `repair` does not show of its target in so much space, in words."""
    parts = parts_of(target.source, target.function)
    facts = bullets((*target.required, *target.facts))
    return not_shown(target, space, facts, len(parts), len(near(parts, space.context)))


def not_shown(target: Target, space: Space, facts: str, parts: int, shown: int) -> tuple[str, ...]:
    """What is missing of these facts, and where of so many other parts of the file so many are shown, in words."""
    said = (
        (f"{parts - shown} of {parts} other parts of {target.source.path}", parts > shown),
        ("some facts of the run", len(facts) > space.facts),
        ("the end of the test", len(target.test) > space.test),
        (f"the end of {target.function.qualname}", len(target.text) > MOST_FUNCTION),
    )
    return tuple(text for text, true in said if true)


def write(target: Target, space: Space = USUAL) -> tuple[Message, ...]:
    """Ask for the function from its description alone: a small model shown the faulty body likes to copy it.

    The same messages weigh candidates: how likely is each as the answer?
    """
    text = templates().get_template("write.j2")
    content = text.render(
        function=target.function.qualname,
        docstring=target.description[: USUAL.test],
        header=ast.unparse(bare(target.function.node)).splitlines()[0],
        test=target.test[: space.test],
        required=bullets(target.required)[: space.facts],
    )
    return (Message("system", _SYSTEM), Message("user", content))


def judge(target: Target, first: str, second: str, rows: Sequence[tuple[str, str, str]]) -> tuple[Message, ...]:
    """Ask which of two versions is right; `rows` are calls with what either gives."""
    content = rendered(
        "judge.j2",
        function=target.function.qualname,
        docstring=target.description[: USUAL.test],
        test=target.test[: USUAL.test],
        first=first[:MOST_FUNCTION],
        second=second[:MOST_FUNCTION],
        rows=rows,
    )
    return (Message("system", _SYSTEM), Message("user", content))


def distinguish(target: Target, first: str, second: str, count: int) -> tuple[Message, ...]:
    """Ask for calls on which two versions give different results."""
    content = rendered(
        "distinguish.j2",
        function=target.function.qualname,
        docstring=target.description[: USUAL.test],
        first=first[:MOST_FUNCTION],
        second=second[:MOST_FUNCTION],
        count=count,
    )
    return (Message("system", _SYSTEM), Message("user", content))


def explain(target: Target, diff: str) -> tuple[Message, ...]:
    text = templates().get_template("explain.j2")
    content = text.render(
        facts=bullets(target.facts)[: USUAL.facts],
        function=target.function.qualname,
        path=target.source.path,
        source=target.text[:MOST_FUNCTION],
        diff=diff[:_MOST_DIFF],
    )
    return (Message("system", _TEACHER), Message("user", content))


def bullets(facts: Sequence[str]) -> str:
    return "\n".join(f"- {fact}" for fact in facts)
