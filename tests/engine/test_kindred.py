"""Failing tests that show the same fault as the one that was asked about: a repair has to cure them, too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine import hunt
from darner.engine.config import Budget
from darner.engine.events import Done, Event, Found, Phase
from darner.engine.evidence import gather
from darner.engine.kindred import kindred
from darner.engine.loop import repair
from darner.engine.stop import Stop
from darner.engine.suite import Suite, run_suite
from darner.engine.types import FailureReport, FixStatus
from darner.sandbox.session import Session, open_session

CODE = """\
def clip(x, low, high):
    return max(low, min(x, border))


def double(x):
    return clip(2 * x, 0, 100)


def half(x):
    if x < 0:
        raise NameError("below")
    return x / 3
"""
NEAR = """\
import pytest

from a import clip


@pytest.mark.parametrize("x", range(10))
def test_low(x):
    assert clip(-x, 1, 10) == 1
"""
FAR = """\
from a import clip, double, half


def test_inside():
    assert clip(5, 1, 10) == 5


def test_above():
    assert clip(20, 1, 10) == 10


def test_double():
    assert double(3) == 6


def test_below():
    assert half(-1) == 0


def test_half():
    assert half(2) == 1


def test_itself():
    assert border == 10
"""
TARGET = "test_a.py::test_low[0]"
BUDGET = Budget("test", 60.0, samples=0, rounds=0)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """More tests fail beside the one asked about than are traced with it; those that tell stand elsewhere."""
    root = tmp_path.resolve()
    for name, text in (("a", CODE), ("test_a", NEAR), ("test_z", FAR)):
        (root / f"{name}.py").write_text(text)
    with open_session(root, Path(sys.executable), trusted=True) as opened:
        yield opened


@pytest.fixture
def suite(session: Session) -> Suite:
    return run_suite(session, (), Stop())


def repaired(session: Session, suite: Suite) -> tuple[list[Event], FailureReport]:
    *events, done = repair(session, suite, TARGET, None, BUDGET, Stop())
    assert isinstance(done, Done)
    return events, done.report


def test_kindred_is_what_the_same_line_raises_whoever_called_it(session: Session, suite: Suite) -> None:
    """Neither another line that raises the same, nor what a test raises itself, nor a wrong result."""
    evidence = gather(session, suite, TARGET, Stop())

    found = kindred(suite, evidence.failing)

    near = [f"test_a.py::test_low[{n}]" for n in range(1, 10)]
    assert found == (*near, *(f"test_z.py::test_{name}" for name in ("inside", "above", "double")))


def test_a_test_that_raises_by_itself_has_no_kindred(session: Session, suite: Suite) -> None:
    asserting = next(test for test in suite.results if test.nodeid == "test_z.py::test_half")
    raising = next(test for test in suite.results if test.nodeid == "test_z.py::test_itself")

    assert (kindred(suite, asserting), kindred(suite, raising)) == ((), ())


def test_a_repair_that_cures_all_that_fail_alike_is_offered_alone(session: Session, suite: Suite) -> None:
    """Any name makes the asked one pass; only one makes those elsewhere pass, and nobody has to be asked which."""
    _, report = repaired(session, suite)

    assert report.status is FixStatus.REPAIRED
    assert b"max(low, min(x, high))" in report.repairs[0].candidate.patch.files[0].after
    assert [one.verdict.uncured for one in report.repairs] == [()]


def test_the_search_goes_on_behind_a_cure_of_some(
    session: Session, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cures the tests that were looked at is verified, announced and kept; then the others are wanted, too."""
    for name in ("_LINGER_FACTOR", "_LINGER_LEAST", "_LINGER_DOUBTFUL"):
        monkeypatch.setattr(hunt, name, 0)

    events, report = repaired(session, suite)

    first = next(event.repair for event in events if isinstance(event, Found))
    assert first.verdict.verified
    assert first.verdict.uncured
    assert any(isinstance(event, Phase) and "fail alike" in event.text for event in events)
    assert b"max(low, min(x, high))" in report.repairs[0].candidate.patch.files[0].after


def test_where_nothing_cures_all_the_first_repair_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its verdict names what it leaves failing."""
    monkeypatch.setattr(hunt, "_PARTIAL_MOST_S", 3.0)
    root = tmp_path.resolve()
    far = "from a import clip\n\n\ndef test_odd():\n    assert clip(20, 1, 10) == 12345\n"
    for name, text in (("a", CODE), ("test_a", NEAR), ("test_z", far)):
        (root / f"{name}.py").write_text(text)
    with open_session(root, Path(sys.executable), trusted=True) as session:
        _, report = repaired(session, run_suite(session, (), Stop()))

    assert report.repairs
    assert {one.verdict.uncured for one in report.repairs} == {("test_z.py::test_odd",)}
