"""A project that stays open between runs: only what a change cannot affect is left out of the next."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from darner.engine.stop import Stop
from darner.engine.warm import WarmProject

CART = "def total(prices):\n    return sum(prices)\n\n\ndef most(prices):\n    return max(prices)\n"
TOTAL = "from cart import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
MOST = "from cart import most\n\n\ndef test_most():\n    assert most([1, 2]) == 2\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "cart.py").write_text(CART)
    (tmp_path / "test_total.py").write_text(TOTAL)
    (tmp_path / "test_most.py").write_text(MOST)
    return tmp_path


@pytest.fixture
def warm(root: Path) -> Generator[WarmProject]:
    warm = WarmProject(root, None)
    yield warm
    warm.close()


def affected(warm: WarmProject) -> tuple[list[str], list[str]]:
    """What ran, and what fails in the whole project afterwards."""
    ran: list[str] = []
    with warm.use(Stop()) as project:
        suite, count = project.run_affected(Stop(), lambda test: ran.append(test.nodeid))
    assert count == len(ran)
    return sorted(ran), sorted(suite.failing)


def test_only_what_a_change_can_affect_runs_again(warm: WarmProject, root: Path) -> None:
    """The first run knows nothing and runs everything; a failure elsewhere stays known."""
    assert affected(warm) == (["test_most.py::test_most", "test_total.py::test_total"], [])
    (root / "cart.py").write_text(CART.replace("sum(prices)", "sum(prices[1:])"))
    assert affected(warm) == (["test_total.py::test_total"], ["test_total.py::test_total"])
    (root / "test_most.py").write_text(MOST + "\n\ndef test_new():\n    assert most([3]) == 4\n")
    ran, failing = affected(warm)

    assert ran == ["test_most.py::test_most", "test_most.py::test_new", "test_total.py::test_total"]
    assert failing == ["test_most.py::test_new", "test_total.py::test_total"]


def test_one_test_that_is_known_runs_alone(warm: WarmProject) -> None:
    """A click on Run in a large project must not run the rest."""
    ran: list[str] = []
    with warm.use(Stop()) as project:
        project.run(Stop(), lambda _: None)
        suite = project.run_named(("test_total.py",), Stop(), lambda test: ran.append(test.nodeid))
        whole = project.current_suite(Stop())

    assert ran == ["test_total.py::test_total"]
    assert suite.failing == ()
    assert len(whole.results) == 2
