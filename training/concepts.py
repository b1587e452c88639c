"""Seeds to concepts: what a piece of code is about, in a few words (SelfCodeAlign, S to C).

A recipe without this stage writes instructions straight from seeds: the paper's ablation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import teacher
from .shape import Count, Heat, Some
from .stages import Context, RecordStage, plain, reads
from .types import Concepts, Dropped, Seed

_LEAST, _MOST, _LONGEST = 2, 8, 60


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [concepts]."""

    shots: Some = 8
    """Hand-written examples in the prompt."""
    temperature: Heat = 0.7
    tokens: Count = 96
    """Longest answer."""


def concepts_in(answer: str) -> tuple[str, ...]:
    """The listed concepts, each once, without bullets and full stops."""
    line = answer.strip().split("\n\n")[0].replace("\n", ",")
    line = re.sub(r"^\s*concepts:\s*", "", line, flags=re.IGNORECASE)
    names = (re.sub(r"^[\s\-*\d.)]+", "", name).strip(" .`*") for name in re.split(r"[,;]", line))
    return tuple(dict.fromkeys(name.lower() for name in names if name and len(name) <= _LONGEST))[:_MOST]


def _concepts(context: Context, settings: Settings, seed: Seed, index: int) -> Iterator[Concepts | Dropped]:
    exemplars = teacher.exemplars(context, index, settings.shots)
    shown = [({"code": each.code}, f"Concepts: {', '.join(each.concepts)}") for each in exemplars]
    prompt = teacher.in_turns("concepts", shown, code=seed.code)
    answers = teacher.ask(
        context, index, prompt, temperature=settings.temperature, tokens=settings.tokens, prefill="Concepts:"
    )
    found = concepts_in(answers[0]) if answers else ()
    if not answers:
        yield Dropped(teacher.REFUSED)
    elif len(found) < _LEAST:
        yield Dropped("fewer than two concepts")
    else:
        yield Concepts(seed.id, seed.code, found, seed.licence)


STAGE = RecordStage(
    "concepts",
    Settings,
    ("seeds",),
    units=reads(Seed, "documented", "seeds"),
    opened=plain(_concepts),
    also=("documented",),
    uses_model=True,
)
