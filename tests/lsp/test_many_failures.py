"""Thousands of failing tests: each request is about one file, and nobody waits for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from boards import FAILURE, FRAME, failing
from darner.engine.types import Suspect
from darner.lsp.cases import Case, Cases
from darner.lsp.turns import Turns
from darner.sandbox.types import Frame
from hypothesis import given
from hypothesis import strategies as st

PATHS = ("test_a.py", "test_b.py", "shop.py")
paths = st.sampled_from(PATHS)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    nodeid = f"{draw(paths)}::test_{draw(st.integers(0, 2))}"
    frames = tuple(Frame(draw(paths), 1, "f", "x", ()) for _ in range(draw(st.integers(0, 2))))
    suspects = tuple(Suspect(draw(paths), 1, 1, "f", 1.0, ()) for _ in range(draw(st.integers(0, 1))))
    failure = FAILURE if not frames else type(FAILURE)("E", "m", "", frames)
    return Case(failing(failure, nodeid), suspects)


def by_path(known: Mapping[str, Case]) -> dict[str, dict[str, Case]]:
    """Found anew from all of them."""
    return {path: {nodeid: case for nodeid, case in known.items() if path in case.files} for path in PATHS}


@given(st.lists(st.tuples(st.lists(cases(), max_size=3), st.sets(st.integers(0, 9), max_size=2)), max_size=6))
def test_each_file_knows_its_cases_whatever_came_and_went(steps: list[tuple[list[Case], set[int]]]) -> None:
    """What is kept up with the news must be what one would find by looking at everything."""
    now, known = Cases(), dict[str, Case]()
    for news, numbers in steps:
        gone = {nodeid for number, nodeid in enumerate(sorted(known)) if number in numbers}
        before, frozen = now, dict(now)
        now = now.changed(news, gone)
        known = {nodeid: case for nodeid, case in known.items() if nodeid not in gone}
        known |= {case.nodeid: case for case in news}

        assert dict(now) == known
        assert len(now) == len(known)
        assert {path: dict(now.about(path).by_id) for path in PATHS} == by_path(known)
        assert dict(before) == frozen


def test_news_of_one_file_leave_what_is_known_of_another() -> None:
    """What was made for a file is kept by it, so a run of other tests must not touch it."""
    here, there = (Case(failing(None, f"{path}::test_x")) for path in PATHS[:2])
    before = Cases([here, there])
    after = before.changed([Case(failing(FAILURE, there.nodeid))])

    assert after.about(PATHS[0]) is before.about(PATHS[0])
    assert after.about(PATHS[1]) is not before.about(PATHS[1])
    assert FRAME.path in after[there.nodeid].files


def test_long_work_lets_others_run_before_its_end() -> None:
    """A hover must not wait for the diagnostics of five thousand tests."""
    order: list[str] = []

    async def long() -> None:
        turns, end = Turns(), time.monotonic() + 0.1
        while time.monotonic() < end:
            await turns.rest()
        order.append("long")

    async def short() -> None:
        order.append("short")

    async def both() -> None:
        await asyncio.gather(long(), short())

    asyncio.run(both())

    assert order == ["short", "long"]
