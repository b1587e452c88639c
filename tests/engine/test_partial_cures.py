"""Several tests that fail in one function: a repair that cures them all is sought, and one that does not says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.case import Case, open_case
from darner.engine.confirm import confirm
from darner.engine.evidence import gather
from darner.engine.frontier import Frontier, is_pair
from darner.engine.report import verified
from darner.engine.show import still_failing
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.types import Candidate, FileChange, Origin, Patch
from darner.engine.work import Work
from darner.sandbox.session import open_session

SHIPPING = """\
def shipping(weight, count):
    if weight > 10:
        return 2 * count
    if count < 5:
        return 7
    return count
"""
TESTS = """\
from shipping import shipping


def test_heavy():
    assert shipping(10, 1) == 2


def test_few():
    assert shipping(1, 5) == 7


def test_many():
    assert shipping(1, 6) == 6
"""
HEAVY, FEW = "test_shipping.py::test_heavy", "test_shipping.py::test_few"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    root = tmp_path_factory.mktemp("two") / "project"
    root.mkdir()
    (root / "shipping.py").write_text(SHIPPING)
    (root / "test_shipping.py").write_text(TESTS)
    with open_session(root.resolve(), Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop(600.0))
        yield open_case(session, suite, gather(session, suite, HEAVY, Stop(600.0)))


def edited(*changes: tuple[str, str]) -> Candidate:
    after = SHIPPING
    for old, new in changes:
        after = after.replace(old, new)
    patch = Patch((FileChange("shipping.py", SHIPPING.encode(), after.encode()),))
    return Candidate(patch, Origin.MUTATION, "an edit", "relational", 0.5, "shipping.py", 2)


def test_a_repair_names_the_related_tests_that_it_does_not_cure(case: Case) -> None:
    """Whoever applies it must not be surprised by what still fails: in the terminal and in JSON."""
    assert case.trial.related == (FEW,)

    part = confirm(case, edited(("> 10", ">= 10")), Stop(600.0))
    whole = confirm(case, edited(("> 10", ">= 10"), ("< 5", "<= 5")), Stop(600.0))

    assert part.verified, part
    assert (part.uncured, whole.uncured) == ((FEW,), ())
    assert still_failing(part) == "; still failing: test_few"
    assert still_failing(whole) == ""
    assert (verified(part)["still_failing"], verified(whole)["still_failing"]) == ([FEW], [])


def test_a_second_edit_is_tried_on_a_partial_cure_and_wins_when_it_cures_all(case: Case) -> None:
    """Two mistakes in one function: the single edits cure one test each, and only together both."""
    source = case.sources["shipping.py"]
    work = Work(case, Stop(600.0), 0.0, Frontier([(source, case.lines_of("shipping.py"))]))
    work.learn_failure()

    while not work.cures_all and work.advance(case.trial, work.stop):
        continue

    assert work.cures_all
    assert all(is_pair(found) for found in work.plausible), [found.description for found in work.plausible]
    after = work.plausible[0].patch.files[0].after
    assert b"weight >= 10" in after or b"weight > 9" in after, after


def test_building_on_a_partial_cure_loses_no_single_edit() -> None:
    """Second edits take turns with the rest; they must not push it out."""
    source, lines = Source.parse("shipping.py", SHIPPING.encode()), dict.fromkeys(range(1, 7), 1.0)
    plain = {c.patch for c in Frontier([(source, lines)]) if not is_pair(c)}
    building = Frontier([(source, lines)])
    building.build_on(edited(("> 10", ">= 10")))

    found = [c for c, _ in zip(building, range(5_000), strict=False)]

    assert {c.patch for c in found if not is_pair(c)} == plain
    assert is_pair(found[2])


def test_a_test_that_nobody_named_tells_as_much_as_one_that_was(case: Case) -> None:
    """Who names one of two tests that fail in a function would be offered a repair that suits that one alone."""
    session = case.trial.session
    named = run_suite(session, (HEAVY,), Stop(600.0))
    assert named.failing == (HEAVY,)
    assert [test.nodeid for test in gather(session, named, HEAVY, Stop(600.0)).related] == [FEW]
