"""A long search has two pairs of hands: nothing is tried twice, nothing is lost, and both end together."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine import crew
from darner.engine.case import open_case
from darner.engine.crew import Helper, in_both
from darner.engine.evidence import gather
from darner.engine.search import mutations
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.work import Work
from darner.sandbox.errors import SandboxError
from darner.sandbox.session import Session, open_session

SOURCE = "def total(a, b, c):\n    d = a * b\n    e = d - c\n    return e + 1\n"
TESTS = "from app import total\n\ndef test_total():\n    assert total(2, 3, 4) == 1_000\n"


def _soon(_: Session) -> bool:
    """However busy this machine is."""
    return True


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """A search that has not begun, on a machine with a core to spare."""
    monkeypatch.setattr(crew, "spare_cores", lambda: 1)
    monkeypatch.setattr(crew, "opens_soon", _soon)
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "test_app.py").write_text(TESTS)
    with open_session(tmp_path.resolve(), Path(sys.executable), trusted=True) as session:
        stop = Stop()
        suite = run_suite(session, (), stop)
        case = open_case(session, suite, gather(session, suite, suite.failing[0], stop))
        found = Work(case, stop, 0.0, mutations(case))
        found.learn_failure()
        yield found


def test_two_sessions_share_one_search_and_end_together(work: Work) -> None:
    """The partner tries what the first session has not; leaving `with` leaves no thread behind."""
    trial, stop, helped = work.case.trial, work.stop, threading.Event()

    def advance(trial: crew.Trial, own: Stop) -> bool:
        before = work.tried
        more = work.advance(trial, own)
        if work.tried > before:
            helped.set()
        return more

    with Helper(trial, advance, stop) as helper:
        helper.call()
        while not helped.is_set() and work.advance(trial, stop):
            continue

    assert helped.is_set()
    assert "darner-search" not in {thread.name for thread in threading.enumerate()}
    assert work.tried + len(work.returned) == len(work.seen) + len(work.returned)
    assert not stop, "ending the helper ends nobody else"
    assert trial.session.run([trial.nodeid]).tests, "the first session goes on"


def test_a_branch_of_a_stop_ends_with_it_and_not_the_other_way_round() -> None:
    """A helper is sent home without cancelling the user's request; a cancelled request sends it home."""
    stop = Stop(1000.0)
    branch = stop.within(500.0).branch()
    branch.cancel()
    assert branch.cancelled
    assert not stop.cancelled

    other = stop.branch()
    below = other.within(10.0)
    stop.cancel()
    assert other.cancelled
    assert below.cancelled


def test_what_the_second_pair_of_hands_holds_is_told_before_the_search_ends(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best candidate may be among them: a search that left it untried offered a worse repair."""
    monkeypatch.setattr(crew, "_REST_S", 120.0)
    begun = threading.Event()

    def advance(trial: crew.Trial, own: Stop) -> bool:
        begun.set()
        return work.advance(trial, own)

    with Helper(work.case.trial, advance, work.stop) as helper:
        helper.call()
        assert begun.wait(120.0)
        helper.rest()

    assert 0 < work.tried == len(work.seen) < 100
    assert not work.returned


def test_work_in_both_sessions_comes_back_in_its_order_whoever_did_it(work: Work) -> None:
    """Rows of outputs stand for candidates by their place; each session waits until the other has had one."""
    session, both = work.case.trial.session, threading.Barrier(2)

    def done(place: Session, item: int) -> tuple[int, bool]:
        if item < 2:
            both.wait(60.0)
        return 10 * item, place is session

    found = in_both(session, range(6), done)

    assert [value for value, _ in found] == [0, 10, 20, 30, 40, 50]
    assert {own for _, own in found[:2]} == {True, False}


def test_what_the_partner_cannot_do_the_session_does(work: Work) -> None:
    """A partner whose server died costs time, and no candidate; a trouble of the session's own is told."""
    session = work.case.trial.session

    def elsewhere_broken(place: Session, item: int) -> int:
        if place is not session:
            raise SandboxError("its server is gone")
        return item

    assert in_both(session, range(4), elsewhere_broken) == [0, 1, 2, 3]

    def broken(place: Session, item: int) -> int:
        raise SandboxError(f"nobody can do {item}")

    with pytest.raises(SandboxError, match="nobody can do"):
        in_both(session, range(4), broken)
