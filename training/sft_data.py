"""Validated solutions to conversations: one for each task, none like another (SelfCodeAlign, its selection).

Half of the tasks that show no example of their own get some lines of the solution's tests: a user often has some.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from . import held_out, near, teacher
from .shape import Share
from .sift import Column, sift
from .stages import Context, RecordStage, plain
from .store import Row, Settle
from .types import Conversation, Dropped, Response, Turn

_SHOWS = re.compile(r"\b(test|tests|assert|example|examples)\b|>>>", re.IGNORECASE)
_MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [sft_data]."""

    show_tests: Share = 0.5
    """Share of the tasks that show tests."""
    similar: Share = 0.7
    """Jaccard similarity of 5-grams from which a task, an answer or its code is a copy of another."""


def _conversation(
    context: Context, settings: Settings, responses: Sequence[Response], index: int
) -> Iterator[Conversation | Dropped]:
    draw = teacher.chance(context, index, "selection")
    chosen = draw.choice(responses)
    if len(responses) > 1:
        yield Dropped("another solution of the task was chosen", len(responses) - 1)
    instruction = chosen.instruction
    prompt = instruction.text
    if not _SHOWS.search(prompt) and draw.random() < settings.show_tests:
        prompt += f"\n\nYour code should pass these tests:\n```python\n{_some(chosen.tests)}\n```"
    meta = {
        "stage": "sft_data",
        "task": instruction.id,
        "seed": instruction.seed,
        "category": instruction.category,
        "difficulty": instruction.difficulty,
        "licence": instruction.licence,
    }
    answer = f"```python\n{chosen.code.strip()}\n```"
    yield Conversation(chosen.id, (Turn("user", prompt), Turn("assistant", answer)), 1.0, meta)


def _some(tests: str) -> str:
    """The first statements of the tests, whole, within a few lines."""
    lines = tests.strip().splitlines()
    ends = [node.end_lineno or 0 for node in ast.parse(tests.strip()).body]
    fitting = [end for end in ends if end <= _MOST_LINES]
    return "\n".join(lines[: fitting[-1]] if fitting else lines[: ends[0]])


def _code(row: Row) -> str:
    return "".join(teacher.blocks(row["messages"][-1]["content"]))


def _task(row: Row) -> str:
    return row["messages"][0]["content"]


def _named_anew(rows: Iterator[Row]) -> Iterator[Row | Dropped]:
    """Rows whose set of functions, and of classes, no earlier row defines: small models write `solve` for ever."""
    seen: set[tuple[str, frozenset[str]]] = set()
    for row in rows:
        body = ast.parse(_code(row)).body
        functions = frozenset(node.name for node in body if isinstance(node, ast.FunctionDef))
        classes = frozenset(node.name for node in body if isinstance(node, ast.ClassDef))
        named = {(kind, names) for kind, names in (("function", functions), ("class", classes)) if names}
        if named & seen:
            yield Dropped("defines the names of another")
        else:
            seen |= named
            yield row


def _settled(context: Context, settings: Settings) -> Settle:
    kept_out = held_out.read(context.held_out)
    columns: tuple[Column, ...] = (
        lambda row: near.grams(near.words_of_text(_task(row))),
        lambda row: near.grams(near.words_of_text(row["messages"][-1]["content"])),
        lambda row: near.grams(near.words_of_code(_code(row))),
    )

    def settle(rows: Iterator[Row]) -> Iterator[object]:
        named: list[Row] = []
        for found in _named_anew(rows):
            if isinstance(found, Dropped):
                yield found
            else:
                named.append(found)
        yield from sift(iter(named), kept_out, lambda row: (_task(row), _code(row)), columns, settings.similar)

    return settle


def _units(context: Context, settings: Settings) -> Sequence[tuple[Response, ...]]:
    """Solutions by task: those of one stand together."""
    every = context.read("validate", Response)
    return [tuple(group) for _, group in groupby(every, key=lambda response: response.instruction.id)]


STAGE = RecordStage(
    "sft_data",
    Settings,
    ("validate",),
    units=_units,
    opened=plain(_conversation),
    settle=_settled,
    outside=held_out.outside,
)
