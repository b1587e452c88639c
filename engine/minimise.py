"""The smallest input on which two candidates still differ: parts of a call are left out and values made plainer
(delta debugging, greedily) as long as what the two give differs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from ..sandbox.session import Session
from ..sandbox.types import CallResult
from .behaviour import UNKNOWN, Inputs, outputs, shown
from .nearby import swapped
from .stop import Stop
from .types import Candidate, Question, Repair

S = TypeVar("S", str, "list[ast.expr]", "list[tuple[ast.expr | None, ast.expr]]")

_SHORT = 40
"""Characters; a call of the user's own that is no longer is known to them, and says more than a made one."""
_MOST_ROUNDS, _AT_ONCE = 12, 16
_SECONDS, _SHARE = 3.0, 0.2
_MOST_DROPPED = 12

_UNSAID = UNKNOWN | {"Timeout"}

Pair = tuple[CallResult, CallResult]
Given = Callable[[Sequence[str]], Mapping[str, Pair]]
"""What both candidates give, by call."""


def plainer(
    session: Session,
    question: Question,
    repairs: Sequence[Repair],
    nodeid: str,
    stop: Stop,
    besides: Collection[str] = (),
) -> Question:
    """The question about a smaller call, where its own is long; never about one of `besides`, which were answered."""
    pair = [repairs[answer.candidate].candidate for answer in question.answers]
    found = minimised(session, pair, question.input, question.path, nodeid, stop)
    if found is None or found[0] in besides:
        return question
    given = zip(question.answers, found[1], strict=True)
    return replace(question, input=found[0], answers=tuple(replace(a, output=shown(came)) for a, came in given))


def minimised(
    session: Session, pair: Sequence[Candidate], text: str, path: str, nodeid: str, stop: Stop
) -> tuple[str, Pair] | None:
    """A smaller call on which the two candidates differ, and what each gives; None where there is none.

    `path`: the module in whose names the call is written. Takes at most 3 s, and a fifth of the time that is left.
    """
    stop = stop.within(min(_SECONDS, _SHARE * stop.remaining_s))
    one, other = pair

    def given(texts: Sequence[str]) -> Mapping[str, Pair]:
        inputs = [Inputs(path, tuple(texts), ())]
        rows = [outputs(session, candidate, inputs, nodeid, stop) for candidate in (one, other)]
        return {each: (rows[0][each], rows[1][each]) for each in texts if each in rows[0] and each in rows[1]}

    if len(text) <= _SHORT or stop:
        return None
    best = given([text]).get(text)
    return _descended(text, best, given, stop) if best is not None and _differ(best) else None


def _descended(text: str, best: Pair, given: Given, stop: Stop) -> tuple[str, Pair] | None:
    found: tuple[str, Pair] | None = None
    known = {text}
    for _ in range(_MOST_ROUNDS):
        steps = list(islice((step for step in smaller(text) if step not in known), _AT_ONCE))
        if not steps or stop:
            break
        known.update(steps)
        came = given(steps)
        told = [s for s in came if _differ(came[s]) and _raising(came[s]) <= _raising(best)]
        if told:
            text = min(told, key=len)
            found = text, came[text]
    return found


def _differ(pair: Pair) -> bool:
    return _UNSAID.isdisjoint(result.exception for result in pair) and shown(pair[0]) != shown(pair[1])


def _raising(pair: Pair) -> int:
    return sum(result.exception is not None for result in pair)


def smaller(text: str) -> Iterator[str]:
    """The same call with one of its values emptied, halved, shortened or nearer to zero; what holds others first."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return
    nodes = [node for node in ast.walk(tree.body) if isinstance(node, ast.expr)]
    for node in sorted(nodes, key=lambda node: isinstance(node, ast.Constant | ast.UnaryOp)):
        yield from (swapped(text, node, step) for step in _plainer(node))


def _plainer(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int() as number):
            yield from (ast.Constant(n) for n in dict.fromkeys((0, number // 2, number - 1)) if _nearer(n, number))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            yield ast.Constant(0)
        case ast.Constant(value=float() as number):
            yield from (ast.Constant(n) for n in dict.fromkeys((0.0, float(int(number)))) if _nearer(n, number))
        case ast.Constant(value=str() as words):
            yield from (ast.Constant(part) for part in _shorter(words))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            kind = type(node)
            yield from (kind(list(part), ast.Load()) for part in _shorter(elements))
        case ast.Set(elts=elements):
            yield from (ast.Set(list(part)) for part in _shorter(elements) if part)
        case ast.Dict(keys=keys, values=values):
            for part in _shorter(list(zip(keys, values, strict=True))):
                yield ast.Dict([key for key, _ in part], [value for _, value in part])
        case _:
            return


def _nearer(number: float, than: float) -> bool:
    return abs(number) < abs(than)


def _shorter(parts: S) -> Iterator[S]:
    """Nothing, one half, the other, then all but one."""
    if not parts:
        return
    yield parts[:0]
    half = len(parts) // 2
    yield from (parts[half:], parts[:half]) if half else ()
    yield from (parts[:i] + parts[i + 1 :] for i in range(min(len(parts), _MOST_DROPPED)) if len(parts) > 2)
