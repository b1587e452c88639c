"""Evidence to messages: what a model is shown, stable part first so that later rounds reuse the prompt's cache."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .model import Message
from .shorten import USUAL, Space
from .source import Function, Source

if TYPE_CHECKING:
    from jinja2 import Environment

_SYSTEM = "You are an expert Python programmer. You repair one function at a time and answer with code."
_TEACHER = "You are a patient teacher of Python. You explain failures from facts that were observed."
_MOST_DIFF = 2_400
_MOST_FUNCTION = 8_000


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
    """An earlier try and what came of it; only the last round is shown (papers.md 3.3: better below 7B)."""

    code: str
    feedback: str


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
        source=target.text[:_MOST_FUNCTION],
        test=target.test[: space.test],
        facts=bullets((*target.required, *target.facts))[: space.facts],
        previous=last.code if last else "",
        feedback=last.feedback[: USUAL.facts] if last else "",
    )
    return (Message("system", _SYSTEM), Message("user", content))


def left_out(target: Target, space: Space) -> tuple[str, ...]:
    """What `repair` does not show of its target in so much space, in words."""
    parts = _parts(target.source, target.function)
    missing = len(parts) - len(_near(parts, space.context))
    said = (
        (f"{missing} of {len(parts)} other parts of {target.source.path}", missing),
        ("some facts of the run", len(bullets(target.facts)) > space.facts),
        ("the end of the test", len(target.test) > space.test),
        (f"the end of {target.function.qualname}", len(target.text) > _MOST_FUNCTION),
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
        header=ast.unparse(_bare(target.function.node)).splitlines()[0],
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
        first=first[:_MOST_FUNCTION],
        second=second[:_MOST_FUNCTION],
        rows=rows,
    )
    return (Message("system", _SYSTEM), Message("user", content))


def distinguish(target: Target, first: str, second: str, count: int) -> tuple[Message, ...]:
    """Ask for calls on which two versions give different results."""
    content = rendered(
        "distinguish.j2",
        function=target.function.qualname,
        docstring=target.description[: USUAL.test],
        first=first[:_MOST_FUNCTION],
        second=second[:_MOST_FUNCTION],
        count=count,
    )
    return (Message("system", _SYSTEM), Message("user", content))


def explain(target: Target, diff: str) -> tuple[Message, ...]:
    text = templates().get_template("explain.j2")
    content = text.render(
        facts=bullets(target.facts)[: USUAL.facts],
        function=target.function.qualname,
        path=target.source.path,
        source=target.text[:_MOST_FUNCTION],
        diff=diff[:_MOST_DIFF],
    )
    return (Message("system", _TEACHER), Message("user", content))


def bullets(facts: Sequence[str]) -> str:
    return "\n".join(f"- {fact}" for fact in facts)


def context_of(source: Source, function: Function, space: Space = USUAL) -> str:
    """Imports, constants, and the heads of other definitions in their order: the nearest, as far as there is space."""
    parts = _parts(source, function)
    return "\n".join(parts[i][1] for i in _near(parts, space.context))


def _parts(source: Source, function: Function) -> list[tuple[int, str]]:
    """All else in the file: how far each part is from the function, in lines, and what is shown of it."""
    outlines = ((node, _outline(source, node)) for node in source.tree.body if not _holds(node, function))
    return [(_distance(node, function), text) for node, text in outlines if text]


def _near(parts: Sequence[tuple[int, str]], space: int) -> list[int]:
    """The parts that fit, by their places; the nearest are asked first."""
    kept: list[int] = []
    for i in sorted(range(len(parts)), key=lambda i: parts[i][0]):
        if len(parts[i][1]) <= space:
            kept.append(i)
            space -= len(parts[i][1])
    return sorted(kept)


def _distance(node: ast.stmt, function: Function) -> int:
    """Imports are near everywhere: a repair may not use what it does not know."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return 0
    return max(node.lineno - function.end_line, function.first_line - (node.end_lineno or node.lineno), 0)


def _outline(source: Source, node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ast.unparse(_bare(node)).rstrip()
    if isinstance(node, ast.ClassDef):
        heads = [_outline(source, child) for child in node.body]
        return f"class {node.name}:\n" + "\n".join(f"    {line}" for head in heads for line in head.splitlines())
    if isinstance(node, ast.Expr):
        return ""
    return source.text(node)


def _bare(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The same definition with its docstring's first line as its only body."""
    documented = ast.get_docstring(node)
    body: ast.stmt = ast.Expr(ast.Constant(documented.splitlines()[0] if documented else ...))
    kind = type(node)
    return kind(
        name=node.name,
        args=node.args,
        body=[body],
        decorator_list=[],
        returns=node.returns,
        type_comment=None,
        lineno=1,
    )


def _holds(node: ast.stmt, function: Function) -> bool:
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return is_function and node.lineno <= function.def_line <= (node.end_lineno or node.lineno)
