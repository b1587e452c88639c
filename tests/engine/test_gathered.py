"""What a failing test shows: what the code did, not what pytest made of it; of an endless one, where it goes round."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from darner.engine.evidence import Flaky, compared, enters_no_more, first_look, gather
from darner.engine.stop import Stop
from darner.engine.suite import SUITE_LIMITS, Suite, run_suite
from darner.engine.types import Evidence
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Call, Failure, Frame, Outcome, TestResult

SHOWN = """\
class Box:
    def __repr__(self):
        return "Box()"


def opened(box):
    raise ValueError("no key")
"""
NODE = "test_endless.py::test_it"
SOON = """\
def spun(number):
    while number:
        number += 1
"""
LATE = """\
import time


def prepared(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass


def spun(number):
    prepared(0.3)
    while number:
        number += 1
"""
SAME = """\
import time


def spun(number):
    began = time.process_time()
    while time.process_time() - began < 0.3:
        pass
    while number:
        number += 1
"""
PASSING = """\
import time


def spun(number):
    began = time.process_time()
    while time.process_time() - began < 0.3:
        number += 1
"""


@contextmanager
def endless(root: Path, code: str) -> Generator[tuple[Session, Suite]]:
    """With what a run of its tests tells, where each may take one second in place of twenty."""
    (root / "endless.py").write_text(code)
    (root / "test_endless.py").write_text("from endless import spun\n\n\ndef test_it():\n    spun(1)\n")
    with open_session(root, Path(sys.executable), trusted=True) as session:
        run = session.run((NODE,), limits=replace(SUITE_LIMITS, test_cpu_s=1.0, test_wall_s=20.0))
        yield session, Suite(run.tests, run, (NODE,), frozenset())


def gathered(root: Path, files: dict[str, str]) -> Evidence:
    for name, text in files.items():
        (root / name).write_text(text)
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        return gather(session, suite, suite.failing[0], Stop())


def test_what_pytest_calls_to_render_a_failure_is_no_evidence(tmp_path: Path) -> None:
    """Rendered local variables run the project's `__repr__`, after the test had failed."""
    files = {
        "boxes.py": SHOWN,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--showlocals'\n",
        "test_boxes.py": "from boxes import Box, opened\n\n\ndef test_it():\n    opened(Box())\n",
    }
    failing = gathered(tmp_path.resolve(), files).failing

    assert failing.failure is not None
    assert "box        = Box()" in failing.failure.text
    assert failing.trace is not None
    assert [one.function for one in failing.trace.activations] == ["test_it", "opened"]


def test_what_the_end_of_a_test_runs_is_evidence_though_its_failure_was_rendered_before(tmp_path: Path) -> None:
    """Fixtures are taken down after the failure; their lines count."""
    tests = (
        "import pytest\nfrom tidy import tidied\n\n\n@pytest.fixture\ndef room():\n    yield 1\n    tidied()\n\n\n"
        "def test_it(room):\n    assert room == 2\n"
    )
    failing = gathered(tmp_path.resolve(), {"tidy.py": "def tidied():\n    return 1\n", "test_tidy.py": tests}).failing

    assert dict(failing.lines)["tidy.py"]


@pytest.mark.parametrize(
    "code",
    [SOON, LATE, SAME],
    ids=["at once", "after another function", "further down in the same function"],
)
def test_an_endless_test_is_seen_where_it_goes_round_and_first_only_if_it_came_that_far(
    tmp_path: Path, code: str
) -> None:
    """A glance suffices for most; of one that was still on its way, the first facts are what the plain run told."""
    with endless(tmp_path.resolve(), code) as (session, suite):
        first = first_look(session, suite, NODE, Stop())
        whole = compared(session, suite, first, Stop())

    assert (first.failing.trace is None) == (code != SOON)
    for evidence in (first, whole):
        failure = evidence.failing.failure
        assert failure is not None
        assert failure.exception == "TestTimeout"
        assert failure.frames[-1].function == "spun"
        assert failure.frames[-1].source in ("while number:", "number += 1")


def test_a_test_that_only_ran_away_once_is_flaky_though_a_glance_does_not_see_its_end(tmp_path: Path) -> None:
    """An earlier test left something behind: no edit of the code is to be sought."""
    with endless(tmp_path.resolve(), SOON) as (_, told):
        pass
    with endless(tmp_path.resolve(), PASSING) as (session, _):
        seen = first_look(session, told, NODE, Stop())
        with pytest.raises(Flaky, match="passed when it ran again"):
            compared(session, told, seen, Stop())


@pytest.mark.parametrize(
    ("called", "raised_in", "no_more"),
    [(("add",), "add", True), ((), "total", True), (("add", "pieces"), "add", False), (("add",), "pieces", False)],
)
def test_a_test_enters_no_more_than_another_by_its_calls_and_where_it_failed(
    called: tuple[str, ...], raised_in: str, no_more: bool
) -> None:
    """An endless test has no recorded calls; the frames of where it was stopped stand for them."""
    other = _failed(("add", "total"), "total")

    assert enters_no_more(_failed(called, raised_in), other) is no_more


def _failed(called: tuple[str, ...], raised_in: str) -> TestResult:
    calls = tuple(Call("cart.py", 1, name, (), "", None, None) for name in called)
    failure = Failure("ValueError", "", "", (Frame("cart.py", 1, raised_in, "", ()),))
    return TestResult("t", Outcome.FAILED, "call", 0.0, failure, calls=calls)
