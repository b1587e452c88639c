"""Solutions that pass their own tests, run in the sandbox; a solution and tests run once before are not run again."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from . import bench, held_out
from .bench import Ran
from .shape import Size
from .sift import sift
from .stages import Context, RecordStage, reads
from .store import Settle, Work
from .types import Dropped, Response


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [validate]."""

    seconds: Size = 10.0
    """Of processor time, for a solution and all its tests."""
    again: bool = True
    """Run what passed a second time: what depends on chance or the clock must not be learnt."""


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Response]) -> Generator[Work]:
    limits = replace(bench.EACH, cpu_s=settings.seconds, wall_s=settings.seconds + bench.EACH.wall_s)
    with bench.opened(context.stop, trusted=context.trusted) as place:

        @cache
        def once(code: str, tests: str) -> Ran:
            return place.run(code, tests, limits)

        def work(response: Response, index: int) -> Iterator[Response | Dropped]:
            try:
                tests = bench.statements_as_tests(response.code, response.tests)
            except ValueError as why:
                yield Dropped(str(why))
                return
            ran = once(response.code, tests)
            if not ran.passed:
                yield Dropped("fails its own tests" if ran.judged else f"ends with {ran.status.lower()}")
            elif settings.again and not place.run(response.code, tests, limits).passed:
                yield Dropped("passes once and not again")
            else:
                yield response

        yield work


def _settled(context: Context, settings: Settings) -> Settle:
    kept_out = held_out.read(context.held_out)
    return lambda rows: sift(rows, kept_out, lambda row: (row["instruction"]["text"], row["code"]))


STAGE = RecordStage(
    "validate",
    Settings,
    ("responses",),
    units=reads(Response, "responses"),
    opened=_opened,
    settle=_settled,
    outside=held_out.outside,
)
