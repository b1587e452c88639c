"""Two candidates before a model: which is right? Asked twice with the order swapped, on code or on real outputs.

S*, papers.md 8.4: a consistent win counts 1, two ties count a half each, an answer that follows the order nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import prompt
from .agreement import is_call_of
from .behaviour import difference, shown
from .choose import place_of, text_after
from .model import Model, Sampling
from .pool import Means, Pool
from .prompt import Target
from .types import Candidate

_VERDICTS = ("1", "2", "0")
_MOST_CALLS = 6
_MOST_SHOWN = 3
_MOST_OUTPUT = 160
_TOKENS = 160
_UNTELLING = frozenset(("Crash", "NotDeterministic", "Timeout"))

Row = tuple[str, str, str]
"""A call, what the first version gives, and what the second gives."""


@dataclass(frozen=True, slots=True)
class Duel:
    first: float
    """Points of the first candidate: 1, a half, or 0."""
    second: float
    margin: float
    """How much likelier the model finds the first, in nats, the mean of both orders: what the order adds cancels."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates as a model is shown them."""

    path: str
    target: Target
    first: str
    second: str

    @property
    def name(self) -> str:
        return self.target.function.qualname.split(".")[-1]


def pair_of(pool: Pool, one: Candidate, other: Candidate) -> Pair | None:
    """The functions that either edits, with each in place; None for edits outside of functions."""
    places = list(dict.fromkeys(p for c in (one, other) if (p := place_of(c, pool.targets)) is not None))
    if not places:
        return None
    targets = [pool.targets[place] for place in places]
    texts = ["\n\n".join(text_after(target, c) for target in targets) for c in (one, other)]
    return Pair(places[0][0], targets[0], texts[0], texts[1])


def fight(means: Means, pair: Pair, rows: Sequence[Row] = ()) -> Duel | None:
    """None when the model may not be asked any more. Raises ModelError."""
    swapped = Pair(pair.path, pair.target, pair.second, pair.first)
    there = _verdicts(means, pair, rows)
    back = _verdicts(means, swapped, [(call, second, first) for call, first, second in rows])
    if there is None or back is None:
        return None
    margin = ((there["1"] - there["2"]) + (back["2"] - back["1"])) / 2
    match max(there, key=lambda v: there[v]), max(back, key=lambda v: back[v]):
        case "1", "2":
            return Duel(1.0, 0.0, margin)
        case "2", "1":
            return Duel(0.0, 1.0, margin)
        case "0", "0":
            return Duel(0.5, 0.5, margin)
        case _:
            return Duel(0.0, 0.0, margin)


def _verdicts(means: Means, pair: Pair, rows: Sequence[Row]) -> dict[str, float] | None:
    """The log-probability of each answer: one reading of the prompt, and the same every time."""
    if means.model is None or means.stop:
        return None
    messages = prompt.judge(pair.target, pair.first, pair.second, rows)
    scores = means.model.score(messages, _VERDICTS, means.stop)
    return dict(zip(_VERDICTS, scores, strict=True)) if scores else None


def differing(means: Means, pool: Pool, one: int, other: int, pair: Pair) -> list[Row]:
    """Calls on which the two really differ: those that the model writes, else the plainest that is known."""
    first, second = pool.candidates[one], pool.candidates[other]
    calls = written(means.model, means, pair) if means.model is not None and not means.stop else []
    rows: list[Row] = []
    if calls:
        a, b = means.run(first, pair.path, calls), means.run(second, pair.path, calls)
        both = [(call, a[call], b[call]) for call in calls if call in a and call in b]
        told = [r for r in both if not {r[1].exception, r[2].exception} & _UNTELLING]
        rows = [(call, shown(x), shown(y)) for call, x, y in told if shown(x) != shown(y)]
    return [_short(row) for row in rows[:_MOST_SHOWN]] or _known(pool, one, other)


def _known(pool: Pool, one: int, other: int) -> list[Row]:
    mine = next(c for c in pool.clusters if one in c.members)
    theirs = next(c for c in pool.clusters if other in c.members)
    call = difference(mine, theirs)
    return [_short((call, shown(mine.outputs[call]), shown(theirs.outputs[call])))] if call is not None else []


def _short(row: Row) -> Row:
    call, first, second = (text if len(text) <= _MOST_OUTPUT else f"{text[:_MOST_OUTPUT]}…" for text in row)
    return call, first, second


def written(model: Model, means: Means, pair: Pair) -> list[str]:
    """Calls that a model believes to tell the two apart; nothing was run yet. Raises ModelError."""
    messages = prompt.distinguish(pair.target, pair.first, pair.second, _MOST_CALLS)
    sampling = Sampling(
        n=2, temperature=0.7, max_tokens=_TOKENS, seed=means.seed, stop=("\n```",), prefill="```python\n"
    )
    answers = model.sample(messages, sampling, means.stop)
    lines = (line for answer in answers for line in answer.text.splitlines())
    calls = (call for line in lines if (call := _call_in(line, pair.name)) is not None)
    return list(dict.fromkeys(calls))[: 2 * _MOST_CALLS]


def _call_in(line: str, name: str) -> str | None:
    """The call on a line that may also print, assert, number or comment it."""
    text = re.sub(r"^\s*(?:\d+[.)]\s*|[-*]\s+)", "", line).strip()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found = (node for node in ast.walk(tree) if is_call_of(node, name))
    call = next(found, None)
    return ast.unparse(call) if call is not None and _is_literal_call(call) else None


def _is_literal_call(call: ast.AST) -> bool:
    """Needs no name but that of what it calls and of constructors."""
    functions = {id(node.func) for node in ast.walk(call) if isinstance(node, ast.Call)}
    return all(id(node) in functions for node in ast.walk(call) if isinstance(node, ast.Name))
