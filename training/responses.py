"""Tasks to solutions with tests: several for each, all of the model's own hand (SelfCodeAlign, I to R).

One example in the prompt shows the form: a solution, then its tests, each in a code block under a heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import teacher
from .shape import Count, Heat
from .stages import Context, RecordStage, plain, reads
from .types import Dropped, Instruction, Response

_TESTS = re.compile(r"^(?:#{2,}|\*\*)\s*Tests?\b.*$", re.MULTILINE | re.IGNORECASE)
_NEXT = re.compile(r"\n\s*Task:.*", re.DOTALL)
_UNFINISHED = re.compile(r"\b(todo|your code here|notimplemented\w*)\b", re.IGNORECASE)
PREFILL = "### Solution\n```python\n"


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [responses]."""

    samples: Count = 10
    """Solutions of each task."""
    temperature: Heat = 0.7
    tokens: Count = 768
    """Longest solution with its tests."""


def response_in(instruction: Instruction, number: int, text: str) -> Response | Dropped:
    """Solution and tests, when the text has the form: one heading of tests, code before it and behind it."""
    parts = _TESTS.split(_NEXT.sub("", text))
    if len(parts) != 2:
        return Dropped("not one solution and one set of tests")
    code, tests = teacher.blocks(parts[0]), teacher.blocks(parts[1])
    if not code or not tests:
        return Dropped("solution or tests without code")
    if _UNFINISHED.search(parts[0]):
        return Dropped("unfinished solution")
    if not re.search(r"\bassert", parts[1]):
        return Dropped("tests assert nothing")
    return Response(f"{instruction.id}-{number}", instruction, text, "\n".join(code), "\n".join(tests))


def _responses(
    context: Context, settings: Settings, instruction: Instruction, index: int
) -> Iterator[Response | Dropped]:
    shown = [
        (
            {"instruction": each.instruction},
            teacher.rendered("response_answer.j2", code=each.code_answer, tests=each.tests),
        )
        for each in teacher.exemplars(context, index, 1)
    ]
    prompt = teacher.in_turns("response", shown, instruction=instruction.text)
    answers = teacher.ask(
        context,
        index,
        prompt,
        n=settings.samples,
        temperature=settings.temperature,
        tokens=settings.tokens,
        prefill=PREFILL,
    )
    if not answers:
        yield Dropped(teacher.REFUSED)
    for number, text in enumerate(answers):
        yield response_in(instruction, number, text)


STAGE = RecordStage(
    "responses",
    Settings,
    ("instructions",),
    units=reads(Instruction, "instructions"),
    opened=plain(_responses),
    uses_model=True,
)
