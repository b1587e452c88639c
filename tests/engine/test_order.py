"""A test that fails only after another: the other is found among many, in few runs."""

from __future__ import annotations

import sys
from pathlib import Path

from darner.engine.order import before, polluters
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.sandbox.session import open_session

STATE = "SEEN = []\n"
TESTS = """\
import pytest
import state


@pytest.mark.parametrize("n", range(50))
def test_many(n):
    if n in {guilty}:
        state.SEEN.append(n)


def test_victim():
    assert len(state.SEEN) < {most}


def test_after():
    pass
"""


def found(root: Path, guilty: set[int]) -> tuple[str, ...]:
    (root / "state.py").write_text(STATE)
    (root / "test_state.py").write_text(TESTS.format(guilty=guilty, most=len(guilty)))
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        earlier = before(suite, "test_state.py::test_victim")
        assert len(earlier) == 50
        return polluters(session, earlier, "test_state.py::test_victim", Stop())


def test_the_one_that_leaves_something_behind_is_named(tmp_path: Path) -> None:
    """Forty-nine others run before the victim too."""
    assert found(tmp_path, {37}) == ("test_state.py::test_many[37]",)


def test_two_that_do_it_only_together_are_both_named(tmp_path: Path) -> None:
    """Neither alone is enough for the victim to fail."""
    assert found(tmp_path, {3, 41}) == ("test_state.py::test_many[3]", "test_state.py::test_many[41]")
