"""Concepts to tasks: what another programmer could be asked (SelfCodeAlign, C to I; from seeds where there are none).

Category and difficulty are drawn; by default half functions, a quarter each classes and programs; easy, medium and hard
alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import teacher
from .job import sha256
from .shape import Count, Heat, Some
from .stages import Context, RecordStage, plain, reads
from .types import Concepts, Dropped, Instruction, Seed

_LEAST_WORDS = 8
_NEXT = re.compile(r"\n\s*(?:Concepts|Category|Difficulty|Language|Task|#+ *(?:Solution|Tests?|Answer))\b.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [instructions]."""

    shots: Some = 8
    """Hand-written examples in the prompt."""
    temperature: Heat = 0.7
    tokens: Count = 320
    """Longest answer."""
    most_words: Count = 200
    """Of a task; a longer one is dropped."""
    categories: tuple[str, ...] = ("function", "function", "class", "program")
    """What is asked for is drawn from these, by how often each is named."""
    difficulties: tuple[str, ...] = ("easy", "medium", "hard")


def task_in(answer: str) -> str:
    """What the model asks for, without what it wrote behind it."""
    text = _NEXT.sub("", answer.removeprefix("Task:")).strip()
    return text.split("```")[0].strip() if text.count("```") % 2 else text


def _instruction(
    context: Context, settings: Settings, source: Concepts | Seed, index: int
) -> Iterator[Instruction | Dropped]:
    draw = teacher.chance(context, index, "properties")
    category, difficulty = draw.choice(settings.categories), draw.choice(settings.difficulties)
    concepts = source.concepts if isinstance(source, Concepts) else ()
    exemplars = teacher.exemplars(context, index, settings.shots)
    shown = [(_asked(each, bool(concepts)), f"Task: {each.instruction}") for each in exemplars]
    asked = {"concepts": concepts, "code": source.code, "category": category, "difficulty": difficulty}
    prompt = teacher.in_turns("instruction", shown, **asked)
    answers = teacher.ask(
        context, index, prompt, temperature=settings.temperature, tokens=settings.tokens, prefill="Task:"
    )
    text = task_in(answers[0]) if answers else ""
    words = len(text.split())
    if not answers:
        yield Dropped(teacher.REFUSED)
    elif words < _LEAST_WORDS:
        yield Dropped("task is too short")
    elif words > settings.most_words:
        yield Dropped("task is too long")
    elif "def " in text and "return" in text and "```" in text:
        yield Dropped("task holds its solution")
    elif teacher.is_exemplar(text):
        yield Dropped("task is an example of the prompt")
    else:
        identity = sha256(" ".join(text.split()).encode())[:16]
        yield Instruction(identity, source.id, text, category, difficulty, concepts, source.licence)


def _asked(exemplar: teacher.Exemplar, concepts: bool) -> dict[str, object]:
    """What an example answers, by its concepts or by its code."""
    known = exemplar.concepts if concepts else ()
    return {
        "concepts": known,
        "code": exemplar.code,
        "category": exemplar.category,
        "difficulty": exemplar.difficulty,
    }


def _units(context: Context, settings: Settings) -> Sequence[Concepts | Seed]:
    if "concepts" in context.present:
        return context.read("concepts", Concepts)
    return reads(Seed, "documented", "seeds")(context, settings)


STAGE = RecordStage(
    "instructions",
    Settings,
    ("seeds",),
    units=_units,
    opened=plain(_instruction),
    also=("documented", "concepts"),
    uses_model=True,
)
