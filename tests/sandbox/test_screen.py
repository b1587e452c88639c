"""Many candidates in one run: whoever is said to fail does fail by itself, and nobody is ever said to pass."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from darner.sandbox.errors import SandboxError
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Detail, Limits, Status

LIMITS = Limits(wall_s=120.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=1.0, memory_bytes=1 << 29)
SOURCE = """\
import functools
import itertools
import os
import random

LOG = []
TICKET = itertools.count()


class Till:
    opened = 0


def total(numbers):
    result = 0
    for number in numbers:
        result -= number
    return result


@functools.lru_cache(maxsize=None)
def price(name):
    return 1


def last(numbers):
    return numbers[-1]
"""
TESTS = """\
import random

import app


def test_total():
    assert not app.LOG
    assert app.Till.opened == 0
    assert app.total([1, 2]) == 3


def test_empty():
    assert app.total([]) == 0


def test_price():
    assert app.price("tea") == 2


class TestLast:
    def test_last(self, tmp_path):
        (tmp_path / "one").write_text("1")
        assert app.last([1, 2]) == 1


def test_random():
    random.seed(3)
    assert app.total([random.randint(1, 9)]) > 0
"""
TOTAL = ("test_app.py::test_total", "test_app.py::test_empty")
GOOD = SOURCE.replace("-=", "+=")


def replaced(*lines: str) -> str:
    """The whole body of `total`."""
    head, _, tail = SOURCE.partition("    result = 0\n")
    _, _, after = tail.partition("    return result\n")
    return head + "".join(f"    {line}\n" for line in lines) + after


BAD: dict[str, str] = {
    "another value": SOURCE.replace("-= number", "-= 2 * number"),
    "an exception": replaced("raise ValueError(numbers)"),
    "no end": replaced("while True: pass"),
    "the process ends as if all were well": replaced("os._exit(0)"),
    "the process ends as a runner does": replaced("os._exit(69)"),
    "exit": replaced("raise SystemExit(0)"),
    "killed": replaced("os.kill(os.getpid(), 9)"),
    "descriptors closed": replaced("os.closerange(3, 256)", "return 0"),
    "deep recursion": replaced("return total(numbers)"),
    "a second test breaks": replaced("return sum(numbers) or 1"),
    "memory": replaced("return [bytearray(1 << 20) for _ in range(1 << 20)]"),
}
POLLUTERS: dict[str, str] = {
    "a list of the module": replaced("LOG.append(1)", "return 0"),
    "an attribute of a class": replaced("Till.opened += 1", "return 0"),
    "a default that is changed": replaced("total.calls = 1", "return 0"),
    "a name of the module": replaced("globals()['sum'] = len", "return 0"),
    "the environment": replaced("os.environ['TILL'] = 'x'", "return 0"),
    "another directory": replaced("os.chdir('/')", "return 0"),
    "a function of a module of Python": replaced("random.seed = None", "return 0"),
}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "test_app.py").write_text(TESTS)
    return open_session(tmp_path.resolve(), Path(sys.executable), trusted=True)


def unscreened(session: Session) -> str:
    return session.slow_because or session.screen.off_because


def screened(session: Session, nodeids: Sequence[str], texts: Sequence[str]) -> list[Status | None]:
    edits = [{"app.py": text.encode()} for text in texts]
    return [None if one is None else one.run.status for one in session.screen.failures(nodeids, edits, True, LIMITS)]


def alone(session: Session, nodeids: Sequence[str], text: str) -> Status:
    return session.run(nodeids, {"app.py": text.encode()}, limits=LIMITS, detail=Detail.VERDICTS).status


def test_whoever_is_said_to_fail_fails_by_itself_and_who_passes_is_never_named(session: Session) -> None:
    """A crash, an endless loop or a lie costs its own candidate; the good ones among them stay unnamed."""
    with session:
        if unscreened(session):
            pytest.skip(unscreened(session))
        texts = [GOOD, *BAD.values(), GOOD.replace("result = 0", "result = 0  # again")]
        found = screened(session, TOTAL, texts)
        again = screened(session, TOTAL, texts)

        assert found[0] is found[-1] is again[0] is again[-1] is None
        for name, text, one, two in zip(BAD, BAD.values(), found[1:-1], again[1:-1], strict=True):
            assert Status.PASS not in (one, two), name
            assert (one is None and two is None) or alone(session, TOTAL, text) is not Status.PASS, name
        assert sum(one is not None for one in again) >= len(BAD) - 2, dict(zip(BAD, again[1:-1], strict=True))
        assert alone(session, TOTAL, GOOD) is Status.PASS


def test_what_one_candidate_changes_in_memory_makes_no_other_fail(session: Session) -> None:
    """Otherwise the repair behind it in the queue would be lost."""
    with session:
        for name in [*POLLUTERS, *POLLUTERS]:
            found = screened(session, TOTAL, [POLLUTERS[name], GOOD, POLLUTERS[name], GOOD])
            assert (found[1], found[3]) == (None, None), (name, found)


KEPT = """\
import decimal
import functools

import pytest

import app


class TestKept:
    shop = None

    @functools.cached_property
    def prices(self):
        return app.total([1, 2])

    def test_cached(self):
        assert self.prices == 3

    def test_lazy(self):
        if self.shop is None:
            self.shop = app.total([1, 2])
        assert self.shop == 3


@pytest.fixture(scope="module")
def made():
    return app.total([1, 2])


def test_fixture(made):
    assert made == 3


def test_fixture_too(made):
    assert made


@pytest.mark.parametrize("numbers", [[1, 2]])
def test_parameter(numbers):
    assert app.total(numbers) == 3


def test_precision():
    assert decimal.getcontext().prec == 28
    assert app.total([1, 2]) == 3
"""
SPOILERS = (
    replaced("numbers.clear()", "return 0"),
    replaced("import decimal", "decimal.getcontext().prec = 3", "return 0"),
    replaced("import sys", "sys.stdout = None", "return 0"),
)


@pytest.mark.parametrize(
    "names",
    [
        ("TestKept::test_cached",),
        ("TestKept::test_lazy",),
        ("test_fixture", "test_fixture_too"),
        ("test_parameter",),
        ("test_precision",),
    ],
)
def test_what_pytest_keeps_between_two_runs_makes_no_candidate_fail(tmp_path: Path, names: tuple[str, ...]) -> None:
    """An instance of a test class, a fixture of a module, a parameter, the arithmetic of the process."""
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "test_kept.py").write_text(KEPT)
    nodeids = [f"test_kept.py::{name}" for name in names]
    with open_session(tmp_path.resolve(), Path(sys.executable), trusted=True) as session:
        for spoiler in SPOILERS:
            assert screened(session, nodeids, [SOURCE + "#", spoiler, GOOD, spoiler, GOOD])[2::2] == [None, None]


def test_results_remembered_by_a_function_make_no_other_fail(session: Session) -> None:
    """`lru_cache` keeps what the candidate before gave."""
    with session:
        nodeids = ["test_app.py::test_price"]
        for _ in range(2):
            wrong, right = SOURCE.replace("return 1", "return 3"), SOURCE.replace("return 1", "return 2")
            assert screened(session, nodeids, [wrong, right, wrong, right])[1::2] == [None, None]


def test_a_temporary_folder_of_pytest_is_no_hindrance(session: Session) -> None:
    """`tmp_path` is new for each run; that it leaves a folder behind ends no screen."""
    with session:
        right = SOURCE.replace("numbers[-1]", "numbers[0]")
        found = screened(
            session, ["test_app.py::TestLast::test_last"], [SOURCE.replace("-1", "1"), right, SOURCE + "#"]
        )
        assert found[1] is None
        assert not unscreened(session) or found == [None] * 3


@pytest.mark.parametrize(
    "leaving",
    [
        "open('/tmp/left', 'w').close()",
        "open('left.txt', 'w').close()",
        "os.fork() or (os.setsid(), os.execvp('sleep', ['sleep', '60']))",
    ],
)
def test_what_a_candidate_leaves_on_disk_or_running_ends_the_screens(session: Session, leaving: str) -> None:
    """The next candidate could stumble over it; each is run by itself from then on."""
    with session:
        if unscreened(session):
            pytest.skip(unscreened(session))
        found = screened(session, TOTAL, [replaced(leaving, "return 0"), GOOD, SOURCE.replace("-= n", "-= 3 * n")])
        assert found == [None] * 3
        assert unscreened(session)
        assert screened(session, TOTAL, [SOURCE.replace("-= n", "-= 3 * n")]) == [None]
        assert alone(session, TOTAL, GOOD) is Status.PASS


def test_a_test_that_never_ends_unchanged_is_not_repeated_in_one_process(tmp_path: Path) -> None:
    """Its control would take its whole limit each time; the candidates are judged all the same."""
    (tmp_path / "app.py").write_text(replaced("while True: pass"))
    (tmp_path / "test_app.py").write_text(TESTS)
    with open_session(tmp_path.resolve(), Path(sys.executable), trusted=True) as session:
        if unscreened(session):
            pytest.skip(unscreened(session))
        texts = [SOURCE, GOOD, SOURCE.replace("-= n", "-= 3 * n")]
        assert screened(session, TOTAL, texts) == [None] * 3
        assert screened(session, TOTAL, texts) == [Status.FAIL, None, Status.FAIL]


def test_candidates_that_never_end_leave_the_others_for_the_next_screen(session: Session) -> None:
    """Each takes its whole limit; who comes after them must neither be blamed for that nor run alone."""
    with session:
        if unscreened(session):
            pytest.skip(unscreened(session))
        endless = [replaced(f"while True: {n}").encode() for n in range(12)]
        limits = Limits(wall_s=12.0, cpu_s=8.0, test_wall_s=10.0, test_cpu_s=1.0)
        edits = [{"app.py": text} for text in [*endless, GOOD.encode()]]
        for _ in range(2):
            found = session.screen.failures(TOTAL, edits, True, limits)
            assert 0 < len(found) < len(edits)
            assert all(one is not None and one.run.status is Status.FAIL for one in found), found
        assert session.screen.failures(TOTAL, edits[-1:], True, limits) == (None,)


def test_edits_that_need_a_fresh_import_are_left_to_a_run_of_their_own(session: Session) -> None:
    """A changed constant, a new function, a file that is new: none of them can be exchanged in memory."""
    with session:
        constant = SOURCE.replace("LOG = []", "LOG = [1]")
        assert screened(session, TOTAL, [constant, GOOD, SOURCE + "\ndef more():\n    return 1\n"]) == [None] * 3
        edits: list[dict[str, bytes]] = [{"new.py": b"x = 1\n"}, {"app.py": GOOD.encode()}]
        assert session.screen.failures(TOTAL, edits, True, LIMITS) == (None, None)


def test_a_candidate_that_speaks_for_others_makes_no_pass(session: Session) -> None:
    """It may write into the report that all of them passed; nobody believes it, and the next run is whole."""
    lie = (
        'import gc; emit = [o for o in gc.get_objects() if getattr(o, "__name__", "") == "emit" and callable(o)]',
        'row = {"nodeid": "test_app.py::test_total", "outcome": "passed", "phase": "call", "seconds": 0.0}',
        'for n in range(9): [e({"candidate": n, "test": dict(row, failure=None)}) for e in emit]',
        "return 0",
    )
    with session:
        found = screened(session, TOTAL, [replaced(*lie), SOURCE.replace("-= n", "-= 3 * n"), replaced(*lie)])
        assert Status.PASS not in found
        assert alone(session, TOTAL, SOURCE) is Status.FAIL
        assert alone(session, TOTAL, GOOD) is Status.PASS


def test_a_cancelled_screen_names_nobody(session: Session) -> None:
    """What was not heard to its end is not known."""
    with session:
        edits = [{"app.py": BAD["no end"].encode()}, {"app.py": GOOD.encode()}]
        assert session.screen.failures(TOTAL, edits, True, LIMITS, lambda: True) == (None, None)
        assert alone(session, TOTAL, GOOD) is Status.PASS


def test_a_server_that_is_gone_names_nobody_and_is_replaced(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen is no way to lose a session."""

    def gone(_: object) -> object:
        raise SandboxError("gone")

    with session:
        monkeypatch.setattr(session._staged, "quick", gone)  # pyright: ignore[reportPrivateUsage]
        assert screened(session, TOTAL, [SOURCE, GOOD]) == [None, None]
        monkeypatch.undo()
        assert alone(session, TOTAL, GOOD) is Status.PASS
