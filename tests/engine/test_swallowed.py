"""A mistake inside a broad `try` shows as a wrong value elsewhere; its line is named all the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.case import Case, open_case
from darner.engine.config import Budget
from darner.engine.events import Done
from darner.engine.evidence import gather
from darner.engine.loop import repair
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.swallowed import swallowed
from darner.engine.types import FixStatus
from darner.sandbox.session import Session, open_session

CODE = """\
def keys_of(thing):
    found = list(vars(thing))
    if PY2:
        found.sort()
    return found


def number(text):
    try:
        return int(text)
    except ValueError:
        return checked(text)


def checked(text):
    if not text:
        raise TypeError("nothing")
    return text.value


def described(thing):
    parts = []
    try:
        for key in keys_of(thing):
            parts.append(key)
    except Exception:
        pass
    return parts


def counted(text):
    try:
        return number(text)
    except (AttributeError, TypeError):
        return None
"""
TESTS = """\
import pytest

from a import counted, described, keys_of, number


class Thing:
    def __init__(self):
        self.one = 1
        self.two = 2


def test_described():
    assert described(Thing()) == ["one", "two"]


def test_counted():
    assert (counted("1"), counted("x"), counted("")) == (1, None, None)


def test_asked_for():
    with pytest.raises(AttributeError):
        number("y")
    assert counted("2") == 3


def test_wanted():
    assert counted("z") == 26
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    root = tmp_path_factory.mktemp("swallowed").resolve()
    (root / "a.py").write_text(CODE)
    (root / "test_a.py").write_text(TESTS)
    with open_session(root, Path(sys.executable), trusted=True) as opened:
        yield opened


def case_of(session: Session, name: str) -> Case:
    suite = run_suite(session, (), Stop())
    return open_case(session, suite, gather(session, suite, f"test_a.py::{name}", Stop()))


def test_the_line_that_raised_is_a_fact_and_the_first_suspect(session: Session) -> None:
    """`described` returned an empty list: nothing on the stack, and no value, leads to `keys_of`."""
    case = case_of(session, "test_described")

    fact = "a.py:3 in keys_of: `if PY2:` raised NameError: name 'PY2' is not defined, and `described` caught it"
    assert fact in case.explanation.facts
    assert (case.suspects[0].path, case.suspects[0].line) == ("a.py", 3)
    assert case.lack is not None
    assert case.lack.name == "PY2"


def test_it_is_repaired(session: Session) -> None:
    suite = run_suite(session, (), Stop())
    budget = Budget("test", 120.0, samples=0, rounds=0)
    *_, done = repair(session, suite, "test_a.py::test_described", None, budget, Stop())

    assert isinstance(done, Done)
    assert done.report.status is not FixStatus.UNREPAIRED


def test_what_passing_tests_meet_too_is_the_programs_way(session: Session) -> None:
    """`counted` asks by an AttributeError, and a test of that passes."""
    case = case_of(session, "test_wanted")

    assert [one.exception for one in case.evidence.failing.raised] == ["ValueError", "AttributeError"]
    assert swallowed(case.evidence, case.sources, frozenset()) == ()


def test_what_the_test_itself_asks_for_is_no_mistake(session: Session) -> None:
    case = case_of(session, "test_asked_for")

    assert swallowed(case.evidence, case.sources, frozenset()) == ()
    assert not [fact for fact in case.explanation.facts if "caught it" in fact]
