"""The input of a question is made as small as the difference allows."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

from darner.engine.minimise import plainer, smaller
from darner.engine.project import Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.trial import open_session
from darner.engine.types import Answer, Candidate, FileChange, Origin, Patch, Question, Repair, Verdict
from darner.sandbox.types import RunResult, Status
from hypothesis import given
from hypothesis import strategies as st

SOURCE = "def late(days, limit):\n    return [day for day in days if day < limit]\n"
TEST = "from late import late\n\n\ndef test_late():\n    assert late([1, 2], 1) == [2]\n"
LONG = "late([41, 23, 17, 19, 88, 65, 90, 12, 7, 31], limit=17)"
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def repaired(operator: str) -> Repair:
    change = FileChange("late.py", SOURCE.encode(), SOURCE.replace("<", operator).encode())
    verdict = Verdict(True, 0, 0, (), RunResult(Status.PASS, (), 0, None, 0.0, ""), complete=True)
    return Repair(Candidate(Patch((change,)), Origin.MUTATION, operator), verdict)


def asked(call: str) -> Question:
    return Question(call, (Answer("one", 1), Answer("other", 0)), "late.py")


def test_a_long_input_is_cut_down_to_what_makes_the_difference(lay_out: Callable[[dict[str, str]], Path]) -> None:
    """`>` and `>=` differ for the one number that is the limit; nine others only hide it."""
    root = lay_out({"late.py": SOURCE, "test_late.py": TEST})
    repairs = [repaired(">"), repaired(">=")]
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        found = plainer(session, asked(LONG), repairs, "test_late.py::test_late", Stop().within(600.0))
        short = plainer(session, asked("late([3, 1], 1)"), repairs, "test_late.py::test_late", Stop().within(600.0))
        again = plainer(session, asked(LONG), repairs, "test_late.py::test_late", Stop().within(600.0), [found.input])

    assert found.input == "late([17], limit=17)"
    assert [(answer.output, answer.candidate) for answer in found.answers] == [("[17]", 1), ("[]", 0)]
    assert short == asked("late([3, 1], 1)"), "a short call is the user's own"
    assert again == asked(LONG), "what was answered is not asked again"


@given(st.lists(PLAIN, min_size=1, max_size=3))
def test_a_smaller_call_has_no_more_in_it(arguments: list[object]) -> None:
    """It would never end otherwise."""
    text = f"f({', '.join(map(repr, arguments))}, key=[1])"
    whole = list(ast.walk(ast.parse(text)))

    for other in smaller(text):
        parts = list(ast.walk(ast.parse(other)))
        assert other != ast.unparse(ast.parse(text))
        assert len(parts) <= len(whole)
        assert other.startswith("f(")
