"""Failing tests that show the same fault as the one that was asked about: a repair has to cure them, too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from darner.engine import hunt
from darner.engine.case import Case, open_case
from darner.engine.config import Budget
from darner.engine.confirm import confirm
from darner.engine.events import Done, Event, Found, Offered, Phase
from darner.engine.evidence import gather
from darner.engine.kindred import kindred
from darner.engine.loop import repair
from darner.engine.mend import mend
from darner.engine.search import mutations
from darner.engine.stop import Stop
from darner.engine.suite import Suite, run_suite
from darner.engine.types import Candidate, FailureReport, FixStatus, Repair, Ruling
from darner.engine.work import Work
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


def test_far_below():
    assert half(-2) == 0


def test_half():
    assert half(2) == 1


def test_itself():
    assert border == 10
"""
AT_IMPORT = """\
from a import clip

TOP = clip(20, 1, 10)


def test_top():
    assert TOP == 10
"""
TARGET = "test_a.py::test_low[0]"
BUDGET = Budget("test", 600.0, samples=0, rounds=0)
LIMITS = ("hunt._PARTIAL_MOST_S", "hunt._LINGER_MOST_S", "work._WEIGHED_MOST_S")


@pytest.fixture(autouse=True)
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found here is decided by counts alone: a busy machine must not end the search earlier."""
    for name in LIMITS:
        monkeypatch.setattr(f"darner.engine.{name}", 300.0)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """More tests fail beside the one asked about than are traced with it; those that tell stand elsewhere."""
    root = tmp_path.resolve()
    for name, text in (("a", CODE), ("test_a", NEAR), ("test_i", AT_IMPORT), ("test_z", FAR)):
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


@pytest.fixture
def case(session: Session, suite: Suite) -> Case:
    return open_case(session, suite, gather(session, suite, TARGET, Stop()))


def test_kindred_is_what_the_same_line_raises_whoever_called_it(suite: Suite, case: Case) -> None:
    """Neither another line that raises the same, nor what a test raises itself, nor a wrong result."""
    found = kindred(suite, case.evidence.failing)

    near = [f"test_a.py::test_low[{n}]" for n in range(1, 10)]
    far = [f"test_z.py::test_{name}" for name in ("inside", "above", "double")]
    assert sorted(found) == sorted([*near, "test_i.py", *far])


@pytest.mark.parametrize("name", ["half", "itself", "below"])
def test_nothing_is_kindred_to_what_a_test_or_a_check_raises(suite: Suite, name: str) -> None:
    """A line that says `raise` is reached by the faults of many callers."""
    assert kindred(suite, next(t for t in suite.results if t.nodeid == f"test_z.py::test_{name}")) == ()


def test_what_cures_less_is_kept_for_an_answer_that_speaks_for_it(case: Case) -> None:
    """The user knows better than the tests, also when a wider look had set it aside."""
    work = Work(case, Stop(600.0), 0.0)
    for name in ("x", "low", "high"):
        work.accept(edited(case, f"max(low, min(x, {name}))"))
    known = work.plausible

    repair = Repair(known[0], replace(case.trial.quick(known[0], Stop()), uncured=case.trial.kindred))
    assert work.missed(repair) == {f"test_z.py::test_{name}" for name in ("inside", "above", "double")} | {
        f"test_a.py::test_low[{n}]" for n in range(1, 10) if f"test_a.py::test_low[{n}]" not in case.trial.related
    }
    work.widen(repair)
    assert [b"min(x, high)" in c.patch.files[0].after for c in work.plausible] == [True]
    work.hear(Ruling("a.py", "clip(20, 1, 10)", right="20"))

    assert work.plausible == known[:1]


def test_what_is_set_aside_is_weighed_again_when_the_better_one_is_refuted(case: Case) -> None:
    """A cure of all that breaks a test elsewhere must not cost the cure of some."""
    work = Work(case, Stop(600.0), 0.0)
    some, every = (edited(case, f"max(low, min(x, {name}))") for name in ("low", "high"))
    work.case = replace(case, trial=case.trial.curing_also(["test_z.py::test_above"]))
    work.accept(some)
    work.accept(every)
    assert (work.plausible, work.aside) == ([every], [some])

    work.refute(every, ())
    work.set_aside()

    assert (work.plausible, work.aside) == ([some], [])


def test_a_file_that_failed_at_the_same_line_while_it_was_imported_is_cured_by_its_tests(case: Case) -> None:
    right, wrong = (confirm(case, edited(case, f"max(low, min(x, {name}))"), Stop()) for name in ("high", "low"))

    assert (right.verified, right.uncured) == (True, ())
    assert wrong.verified
    assert "test_i.py" in wrong.uncured


def edited(case: Case, text: str) -> Candidate:
    return next(c for c in mutations(case) if text.encode() in c.patch.files[0].after)


def test_a_repair_that_cures_all_that_fail_alike_is_offered_unasked(session: Session, suite: Suite) -> None:
    """Any name makes the asked one pass; only one makes those elsewhere pass, and nobody has to be asked which."""
    _, report = repaired(session, suite)

    assert report.status is FixStatus.REPAIRED
    assert b"max(low, min(x, high))" in report.repairs[0].candidate.patch.files[0].after
    assert report.repairs[0].verdict.uncured == ()
    assert report.question is None


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
    offered = [event.repairs for event in events if isinstance(event, Offered)]
    assert first in offered[0]
    assert offered[-1] == report.repairs
    assert b"max(low, min(x, high))" in report.repairs[0].candidate.patch.files[0].after


def test_what_was_verified_before_a_cancel_is_told(
    session: Session, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for more was the user's to end; the repair of some is theirs, too."""
    for name in ("_LINGER_FACTOR", "_LINGER_LEAST", "_LINGER_DOUBTFUL"):
        monkeypatch.setattr(hunt, name, 0)
    stop, told = Stop(), list[FailureReport]()

    for event in mend(session, replace(suite, failing=(TARGET,)), None, BUDGET, stop):
        if isinstance(event, Phase) and "fail alike" in event.text:
            stop.cancel()
        told += [event.report] if isinstance(event, Done) else []

    (report,) = told
    assert report.repairs[0].verdict.verified
    assert report.repairs[0].verdict.uncured


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
