"""The tests' process and the candidate's exchange plain data, keep what is shared shared, and say what they cannot."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.sandbox.session import Session, open_session
from darner.sandbox.split import Split, split
from darner.sandbox.stand_in import CannotSplit, stand_in
from darner.sandbox.types import Limits, Status

ROOMY = Limits(wall_s=90.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=30.0)
CODE = '''\
import functools
_MISSING = object()


class Cart:
    """Things to buy."""

    rate = 1

    def __init__(self, items=()):
        self.items = list(items)

    @property
    def total(self):
        return -sum(self.items)

    @staticmethod
    def double(n):
        return n

    def both(self, other):
        return None


class Empty(Exception):
    def __init__(self, n):
        super().__init__(n)
        self.n = n


def grow(xs, by=1, default=_MISSING):
    return None


def count(n):
    yield 0


def apply(f, xs):
    return []


def first(xs):
    return xs[1]


def swap(a, b):
    return a, b
'''
RIGHT = {
    "-sum(self.items)": "sum(self.items)",
    "return n\n\n    def both": "return 2 * n\n\n    def both",
    "other):\n        return None": "other):\n        self.items += other.items\n        return self",
    "_MISSING):\n    return None": "_MISSING):\n    assert default is _MISSING\n"
    "    for i in range(len(xs)):\n        xs[i] += by\n    return xs",
    "yield 0": "yield from range(n)",
    "return []": "return [f(x) for x in xs]",
    "return xs[1]": "if not xs:\n        raise Empty(0)\n    return xs[0]",
    "return a, b": "return b, a",
}
TESTS = """\
import pytest
from code_under import *
from code_under import Empty

def test_total():
    assert Cart([1, 2]).total == 3
def test_double():
    assert Cart.double(4) == 8
def test_identity():
    a = Cart([1])
    assert a.both(Cart([2])) is a
    assert a.items == [1, 2]
def test_grow():
    xs = [1, 2]
    assert grow(xs) is xs
    assert xs == [2, 3]
def test_count():
    assert list(count(3)) == [0, 1, 2]
def test_apply():
    seen = []
    assert apply(lambda x: seen.append(x) or 2 * x, iter([1, 2])) == [2, 4]
    assert seen == [1, 2]
def test_first():
    with pytest.raises(Empty) as e:
        first([])
    assert e.value.n == 0
def test_shared():
    a = [1]
    x, y = swap(a, {'k': (a, 1.5, b'b', {2, 3})})
    assert y is a and x['k'][0] is a
    assert x['k'][1:] == (1.5, b'b', {2, 3})
def test_cyclic():
    a = [1]
    a.append(a)
    x, y = swap(a, 0)
    assert y is a and y[1] is a
def test_local_class():
    class Local:
        pass
    assert swap(Local(), 1)[0] == 1
def test_nothing():
    assert True
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    root = tmp_path_factory.mktemp("split") / "project"
    root.mkdir()
    (root / "code_under.py").write_text(CODE)
    (root / "test_code.py").write_text(TESTS)
    with open_session(root.resolve(), Path(sys.executable), trusted=True) as session:
        yield session


def right(*changes: str) -> bytes:
    text = CODE
    for wrong in changes or RIGHT:
        assert wrong in text
        text = text.replace(wrong, RIGHT[wrong])
    return text.encode()


def tried(session: Session, test: str, data: bytes) -> Split:
    return split(session, f"test_code.py::{test}", {"code_under.py": data}, ROOMY, lambda: False)


@pytest.mark.parametrize(
    "test",
    ["test_total", "test_double", "test_identity", "test_grow", "test_count", "test_apply", "test_first",
     "test_shared", "test_cyclic"],
)  # fmt: skip
def test_what_a_test_may_do_with_plain_values_works_across_two_processes(project: Session, test: str) -> None:
    """An honest repair that fails here would be doubted for nothing."""
    assert tried(project, test, right()).status is Status.PASS


def test_the_unrepaired_program_fails_there_too(project: Session) -> None:
    """What changes nothing for the better must not pass by the split."""
    worse = CODE.replace("-sum(self.items)", "-sum(self.items) - 1").encode()

    assert tried(project, "test_total", worse).status is Status.FAIL


@pytest.mark.parametrize("test", ["test_local_class", "test_nothing"])
def test_what_cannot_be_split_is_said_not_guessed(project: Session, test: str) -> None:
    """A class inside a test has no name elsewhere; a test that asks nothing proves nothing."""
    found = tried(project, test, right("return a, b"))

    assert found.status is Status.UNSUPPORTED
    assert found.detail


def test_a_candidate_that_dies_fails(project: Session) -> None:
    """Its end is the end of the run, at once and not at the limit."""
    dying = CODE.replace("-sum(self.items)", "__import__('os')._exit(0)").encode()

    assert tried(project, "test_total", dying).status is not Status.PASS


@pytest.mark.parametrize(
    "change",
    [
        ("rate = 1", "rate = 2"),
        ("class Empty(Exception)", "class Empty(ValueError)"),
        ("    @staticmethod\n", ""),
        ("def count(n):\n    yield 0", "async def count(n):\n    return 0"),
        ("def swap(a, b):\n    return a, b\n", ""),
        ("_MISSING = object()", "_MISSING = None"),
    ],
)
def test_more_than_the_bodies_of_functions_is_refused(change: tuple[str, str]) -> None:
    """Else the tests' process would hold the old class, decorator or constant and judge another program."""
    with pytest.raises(CannotSplit):
        stand_in(CODE.encode(), CODE.replace(*change).encode())


def test_no_text_of_the_candidate_is_in_the_tests_half() -> None:
    """Whatever the candidate writes, the stand-in holds the user's own lines and a call."""
    candidate = CODE.replace("return a, b", "return 'secret marker'").encode()

    made = stand_in(CODE.encode(), candidate).decode()

    assert "secret marker" not in made
    assert made.count("_darner_child_split") == 1
    assert len(made.splitlines()) == len(CODE.splitlines())
    ast.parse(made)
