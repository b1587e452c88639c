"""Seeds whose docstring says what they do, in the judgement of the model itself (SelfCodeAlign, its stage 0).

Greedy, a few tokens, examples in a drawn order; whatever is not a clear yes is a no.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from . import teacher
from .shape import Count
from .stages import Context, RecordStage
from .store import Work
from .types import Dropped, Seed


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [documented]."""

    tokens: Count = 5
    """Longest answer."""


def _judged(context: Context, settings: Settings, seed: Seed, index: int) -> Iterator[Seed | Dropped]:
    prompt = teacher.rendered("judgement.j2", judgements=teacher.judgements(context, index), code=seed.code)
    answers = teacher.ask(context, index, prompt, temperature=0.0, tokens=settings.tokens, prefill="Answer:")
    if not answers:
        yield Dropped(teacher.REFUSED)
        return
    yes = answers[0].removeprefix("Answer:").strip(" *`").lower().startswith("yes")
    yield seed if yes else Dropped("docstring does not describe the function")


def _units(context: Context, settings: Settings) -> Sequence[Seed]:
    return context.read("seeds", Seed)


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Seed]) -> Generator[Work]:
    yield lambda seed, index: _judged(context, settings, seed, index)


STAGE = RecordStage("documented", Settings, ("seeds",), units=_units, opened=_opened, uses_model=True)
