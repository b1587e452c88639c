"""The model that writes the data: prompts from templates and hand-written examples, answers by seed and index."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..engine.errors import ModelError
from ..engine.model import Ending, Message, Sampling
from ..engine.prompt import templates
from . import near
from .shape import shaped
from .stages import Context

_COPIED = 0.6
"""Jaccard similarity of five words in a row from which a task counts as one of the examples."""
_PROMPTS = Path(__file__).parent / "prompts"
_FENCE = re.compile(r"```[ \t]*(?:python|py|python3)?[ \t]*\r?\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL | re.IGNORECASE)

REFUSED = "the model refused the prompt"
"""Reason for a record without an answer."""
SYSTEM = "You are an expert Python programmer. You answer exactly in the form that is asked for."


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One hand-written example of every step."""

    code: str
    concepts: tuple[str, ...]
    category: str
    difficulty: str
    instruction: str
    code_answer: str
    tests: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A hand-written example of whether a docstring describes its function well."""

    code: str
    reason: str
    good: bool


@dataclass(frozen=True, slots=True)
class _Examples:
    exemplar: tuple[Exemplar, ...]
    judgement: tuple[Judgement, ...]


def chance(context: Context, index: int, salt: str) -> random.Random:
    """Every draw of a record depends on the run's seed, its index and what is drawn, on nothing else."""
    return random.Random(f"{salt} {context.seed + index}")


def exemplars(context: Context, index: int, count: int) -> tuple[Exemplar, ...]:
    """`count` of the examples (all when there are fewer), drawn for one record."""
    every = _examples().exemplar
    return tuple(chance(context, index, "exemplars").sample(every, min(count, len(every))))


def judgements(context: Context) -> tuple[Judgement, ...]:
    """In one order for the whole run: what all prompts begin with is computed once."""
    every = _examples().judgement
    return tuple(chance(context, 0, "judgements").sample(every, len(every)))


def is_exemplar(task: str) -> bool:
    """Whether a task is one of those that were shown as examples, or nearly: small models like to say them again."""
    shown = [near.grams(near.words_of_text(each.instruction)) for each in _examples().exemplar]
    return len(shown) in near.near_copies([*shown, near.grams(near.words_of_text(task))], _COPIED)


def in_turns(step: str, shown: Sequence[tuple[Mapping[str, object], str]], **asked: object) -> tuple[Message, ...]:
    """The rule of a step, examples as turns that were answered, and what is asked now.

    In one message a small chat model says the examples again (the 0.5B at 5 of 7 tasks, in turns at 6 of 28).
    """
    turns = [
        Message(role, text.strip())
        for values, answer in shown
        for role, text in (("user", rendered(f"{step}.j2", **values)), ("assistant", answer))
    ]
    rule = f"{SYSTEM} {rendered(f'{step}_rule.j2', **asked).strip()}"
    return (Message("system", rule), *turns, Message("user", rendered(f"{step}.j2", **asked).strip()))


def rendered(template: str, **values: object) -> str:
    return templates(_PROMPTS).get_template(template).render(**values)


def ask(
    context: Context,
    index: int,
    prompt: str | Sequence[Message],
    *,
    n: int = 1,
    temperature: float,
    tokens: int,
    prefill: str = "",
    stops: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """`n` answers, each with its prefill in front; none when the model refuses this prompt, as one that is too long.

    Raises ModelError when the model cannot be asked at all.
    """
    messages = (Message("system", SYSTEM), Message("user", prompt)) if isinstance(prompt, str) else tuple(prompt)
    sampling = Sampling(
        n=n, temperature=temperature, max_tokens=tokens, seed=context.seed + index, stop=stops, prefill=prefill
    )
    model = context.model()
    try:
        answers = model.sample(messages, sampling, context.stop)
    except ModelError:
        model.sample((Message("user", "Hello"),), Sampling(max_tokens=1), context.stop)  # whose fault was it?
        try:
            answers = model.sample(messages, sampling, context.stop)  # a worker that died took all its requests along
        except ModelError:
            return ()
    return tuple(prefill + answer.text for answer in answers if answer.ending is not Ending.CANCELLED)


def blocks(text: str) -> tuple[str, ...]:
    """Code of the fenced blocks; the last may lack its end, where an answer was cut."""
    return tuple(found.strip("\n") + "\n" for found in _FENCE.findall(text) if found.strip())


@cache
def _examples() -> _Examples:
    return shaped(_Examples, tomllib.loads((_PROMPTS / "exemplars.toml").read_text(encoding="utf-8")))
