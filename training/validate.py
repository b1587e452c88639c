"""Solutions that pass their own tests, run in the sandbox; a solution and tests run once before are not run again.

A small model writes right solutions and wrong expectations: of the 0.5B's answers one in twenty passes all of its own
tests. With `agree`, the answers to a task judge each other's assertions first (after CodeT, arXiv 2207.10397).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from . import bench, held_out
from .bench import Ran
from .shape import Size, Some
from .sift import sift
from .stages import Context, RecordStage, reads
from .store import Settle, Work
from .types import Dropped, Response

Answers = tuple[Response, ...]
Run = Callable[[str, str], Ran]
"""Of a solution and a test module."""
Again = Callable[[Response], Response | Dropped]

_MOST = 40
"""Assertions of a task that are looked at."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [validate]."""

    seconds: Size = 10.0
    """Of processor time, for a solution and all its tests."""
    agree: Some = 0
    """An assertion counts when so many of the answers to its task pass it. A solution must pass all that count, and at
    least half of its own must; 0: a solution must pass all of its own tests, as in the paper."""
    again: bool = True
    """Run what passed a second time: what depends on chance or the clock must not be learnt."""


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Answers]) -> Generator[Work]:
    limits = replace(bench.EACH, cpu_s=settings.seconds, wall_s=settings.seconds + bench.EACH.wall_s)
    with bench.opened(context.stop, trusted=context.trusted) as place:

        @cache
        def once(code: str, tests: str) -> Ran:
            return place.run(code, tests, limits)

        def agreeing(answers: Answers, index: int) -> Iterator[Response | Dropped]:
            pool = tuple(dict.fromkeys(each for answer in answers for each in _assertions(answer)))[:_MOST]
            passed = [_passed(answer, pool, once) for answer in answers]
            counted = {each for each in pool if sum(each in good for good in passed) >= settings.agree}
            for answer, good in zip(answers, passed, strict=True):
                yield from _agreed(answer, _assertions(answer), counted, good, again)

        def alone(answers: Answers, index: int) -> Iterator[Response | Dropped]:
            yield from (_alone(answer, once, again) for answer in answers)

        def again(answer: Response) -> Response | Dropped:
            tests = bench.statements_as_tests(answer.code, answer.tests)
            if settings.again and not place.run(answer.code, tests, limits).passed:
                return Dropped("passes once and not again")
            return answer

        yield agreeing if settings.agree else alone


def _alone(answer: Response, run: Run, again: Again) -> Response | Dropped:
    try:
        tests = bench.statements_as_tests(answer.code, answer.tests)
    except ValueError as why:
        return Dropped(str(why))
    ran = run(answer.code, tests)
    if not ran.passed:
        return Dropped("fails its own tests" if ran.judged else f"ends with {ran.status.lower()}")
    return again(answer)


def _assertions(answer: Response) -> tuple[str, ...]:
    """Plain ones, which need nothing that stands before them; none when the tests do not parse."""
    try:
        body = ast.parse(answer.tests).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(ast.unparse(node) for node in body if isinstance(node, ast.Assert))


def _passed(answer: Response, pool: Sequence[str], run: Run) -> frozenset[str]:
    """Of the assertions, those that this solution passes."""
    try:
        good = run(answer.code, bench.statements_as_tests(answer.code, "\n".join(pool))).good
    except ValueError:
        return frozenset()
    return frozenset(each for number, each in enumerate(pool, 1) if f"test_{number}" in good)


def _agreed(
    answer: Response, own: Sequence[str], counted: Set[str], passed: Set[str], again: Again
) -> Iterator[Response | Dropped]:
    kept = [each for each in own if each in counted]
    if not counted <= passed:
        yield Dropped("fails what other answers agree on")
    elif not kept or 2 * len(kept) < len(own):
        yield Dropped("too few of its tests are agreed on")
    else:
        yield again(replace(answer, tests="\n".join(kept) + "\n"))


def _units(context: Context, settings: Settings) -> Sequence[Answers]:
    """Each answer alone, or all answers to a task."""
    rows = reads(Response, "responses")(context, settings)
    if not settings.agree:
        return [(row,) for row in rows]
    tasks: dict[str, list[Response]] = {}
    for row in rows:
        tasks.setdefault(row.instruction.id, []).append(row)
    return [tuple(rows) for rows in tasks.values()]


def _settled(context: Context, settings: Settings) -> Settle:
    kept_out = held_out.read(context.held_out)
    return lambda rows: sift(rows, kept_out, lambda row: (row["instruction"]["text"], row["code"]))


STAGE = RecordStage(
    "validate",
    Settings,
    ("responses",),
    units=_units,
    opened=_opened,
    settle=_settled,
    outside=held_out.outside,
)
