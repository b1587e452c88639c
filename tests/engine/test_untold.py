"""Where nothing can be called to tell repairs apart, that is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from darner.engine.behaviour import Cluster, untold
from darner.engine.config import Budget
from darner.engine.events import Done
from darner.engine.loop import repair
from darner.engine.project import Project, find_interpreter
from darner.engine.report import failure
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.engine.types import FixStatus
from darner.sandbox.types import CallResult

SOURCES = {
    "rows.py": "def picker():\n    def pick(row):\n        return row[0]\n\n    return pick\n",
    "test_rows.py": "from rows import picker\n\n\ndef test_pick():\n"
    "    assert picker()({-1: 5, 0: 1, 1: 5, 2: 5}) == 5\n",
}
ALONE = "The 3 candidates that pass were compared by the tests alone"


def test_a_closure_cannot_be_called_alone_and_the_report_says_so(lay_out: Callable[[dict[str, str]], Path]) -> None:
    """-1, 1 and 2 pass: to take one of them in silence would look like knowing that they are the same."""
    root = lay_out(SOURCES)
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        *_, last = repair(session, suite, suite.failing[0], None, Budget("test", 60.0, samples=0, rounds=0), Stop())

    assert isinstance(last, Done)
    assert last.report.status is FixStatus.REPAIRED
    assert "compared by the tests alone: no call of picker.pick can be made outside of its test." in last.report.note
    assert failure(last.report)["not_compared"] == last.report.untold


@pytest.mark.parametrize(
    ("count", "outputs", "called", "why"),
    [
        (1, {}, False, ""),
        (3, {"f()": CallResult("f()", "1", None)}, True, ""),
        (3, {"f()": CallResult("f()", None, "KeyError")}, True, ""),
        (3, {"f()": CallResult("f()", "<Cart of 3>", None)}, True, ""),
        (
            3,
            {"f()": CallResult("f()", "<Cart object>", None)},
            True,
            f"{ALONE}: no call of f can be made outside of its test.",
        ),
        (3, {}, True, f"{ALONE}: no call of f gives the same twice."),
    ],
)
def test_who_was_compared_is_not_said_to_be_unknown(
    count: int, outputs: dict[str, CallResult], called: bool, why: str
) -> None:
    """The sentence is a warning; where all is known it would only worry."""
    assert untold(count, [Cluster((0,), outputs)], called, ["f"]) == why
