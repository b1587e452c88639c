"""What passes the failing test and breaks another one elsewhere is no end of the search."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine import hunt
from darner.engine.case import Case, open_case
from darner.engine.config import Budget
from darner.engine.events import Done
from darner.engine.evidence import gather
from darner.engine.loop import repair
from darner.engine.search import mutations
from darner.engine.stop import Stop
from darner.engine.suite import Suite, run_suite
from darner.engine.types import FixStatus
from darner.engine.work import Work
from darner.sandbox.session import Session, open_session

CODE = "def clip(x, low, high):\n    return max(low, min(x, low))\n"
NEAR = """\
import pytest

from a import clip


def test_it():
    assert clip(5, 1, 10) == 5


@pytest.mark.parametrize("n", range(70))
def test_nothing(n):
    pass
"""
FAR = """\
from a import clip


def test_below():
    assert clip(-3, 1, 10) == 1


def test_narrow():
    assert clip(20, 1, 1) == 1


def test_never():
    assert clip(20, 1, 10) == 11
"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """More passing tests stand beside the failing one than judge a candidate; those that tell stand elsewhere."""
    root = tmp_path.resolve()
    (root / "pytest.ini").write_text("[pytest]\n")
    for name, text in (("a", CODE), ("test_a", NEAR), ("test_z", FAR)):
        (root / f"{name}.py").write_text(text)
    with open_session(root, Path(sys.executable), trusted=True) as opened:
        yield opened


@pytest.fixture
def suite(session: Session) -> Suite:
    return run_suite(session, (), Stop())


@pytest.fixture
def case(session: Session, suite: Suite) -> Case:
    return open_case(session, suite, gather(session, suite, "test_a.py::test_it", Stop()))


def test_the_search_goes_on_behind_what_breaks_a_test_elsewhere(
    session: Session, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended with the first that passed, and time was left."""
    monkeypatch.setattr(hunt, "_ENOUGH_PLAUSIBLE", 1)
    budget = Budget("test", 60.0, samples=0, rounds=0)

    *_, done = repair(session, suite, "test_a.py::test_it", None, budget, Stop())

    assert isinstance(done, Done)
    assert done.report.status is FixStatus.REPAIRED
    (change,) = done.report.repairs[0].candidate.patch.files
    assert b"max(low, min(x, high))" in change.after


def test_a_test_that_was_broken_judges_from_then_on(case: Case) -> None:
    """The next candidate of that kind costs milliseconds, not a run of everything."""
    work = Work(case, Stop(60.0), 0.0)
    passing = [c for c in mutations(case) if not (v := case.trial.quick(c, Stop(60.0))).broken and v.target_passed]
    assert not {"test_z.py::test_below", "test_z.py::test_narrow"} & {*case.trial.covering}

    work.refute(passing[0], ["test_z.py::test_never", "test_z.py::test_narrow"])
    kept = [c for c in passing if not work.case.trial.quick(c, Stop(60.0)).broken]

    assert "test_z.py::test_narrow" in work.case.trial.covering
    assert "test_z.py::test_never" not in work.case.trial.covering  # it fails unchanged: nobody can be held to it
    assert 0 < len(kept) < len(passing)


def test_what_fails_from_cold_without_a_candidate_too_is_held_against_none(case: Case) -> None:
    """A test of memory, of caches or of the clock passes in one run and fails in the next."""
    work = Work(case, Stop(60.0), 0.0)

    assert work.forgives(["test_z.py::test_below", "test_z.py::test_never"])

    assert work.case.trial.forgiven == ("test_z.py::test_never",)
    assert work.case.trial.suite.passed == case.trial.suite.passed - {"test_z.py::test_never"}
    assert not work.forgives(["test_z.py::test_never"])


def test_what_was_not_refuted_is_kept(case: Case) -> None:
    """One candidate stands for all that behave alike where nothing tells them apart: the right one may be behind it."""
    work = Work(case, Stop(60.0), 0.0)
    passing = [c for c in mutations(case) if not (v := case.trial.quick(c, Stop(60.0))).broken and v.target_passed]
    right = [c for c in passing if b"max(low, min(x, high))" in c.patch.files[0].after]
    work.plausible = [passing[0], *right]

    work.refute(passing[0], ["test_z.py::test_narrow"])
    work.set_aside()

    assert (work.plausible, work.untested) == (right, right)
