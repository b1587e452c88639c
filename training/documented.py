"""Seeds whose docstring says what they do, in the judgement of the model itself (SelfCodeAlign, its stage 0).

Greedy, a few tokens, examples in a drawn order; whatever is not a clear yes is a no.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import teacher
from .shape import Count
from .stages import Context, RecordStage, plain, reads
from .types import Dropped, Seed


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [documented]."""

    tokens: Count = 5
    """Longest answer."""


def _judged(context: Context, settings: Settings, seed: Seed, index: int) -> Iterator[Seed | Dropped]:
    prompt = teacher.rendered("judgement.j2", judgements=teacher.judgements(context), code=seed.code)
    answers = teacher.ask(context, index, prompt, temperature=0.0, tokens=settings.tokens, prefill="Answer:")
    if not answers:
        yield Dropped(teacher.REFUSED)
        return
    yes = answers[0].removeprefix("Answer:").strip(" *`").lower().startswith("yes")
    yield seed if yes else Dropped("docstring does not describe the function")


STAGE = RecordStage(
    "documented", Settings, ("seeds",), units=reads(Seed, "seeds"), opened=plain(_judged), uses_model=True
)
