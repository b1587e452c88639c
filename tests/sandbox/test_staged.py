"""Quick runs start from collected tests: the same verdicts as the long way, and refused where they would not be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.sandbox import staged
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Detail, Limits, RunResult, Status

ROOMY = Limits(wall_s=120.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=30.0)
SHOP = """\
from __future__ import annotations

import functools

RATE = 2


def rate():
    return RATE


LIMIT = rate() + 1


class Base:
    def total(self, numbers):
        return sum(numbers)


class Cart(Base):
    def total(self, numbers):
        return super().total(numbers) - self.__extra(1)

    def __extra(self, by):
        return by

    @property
    def size(self) -> int:
        return 3


@functools.lru_cache
def doubled(number: Later = 1):
    return number * 3


try:
    def inside(text):
        return text.lower()
except ImportError:
    pass


def last(numbers):
    return numbers[0]
"""
TESTS = """\
import pytest
from shop import LIMIT, Cart, doubled, inside, last


def test_total(): assert Cart().total([1, 2]) == 3


def test_size(): assert Cart().size == 2


def test_doubled(): assert doubled(2) == 4


def test_limit(): assert LIMIT == 4


@pytest.mark.parametrize("text", ["a", "b"])
def test_inside(text): assert inside(text) == text.upper()


def test_last(): assert last([1, 2]) == 2
"""
CONFTEST = """\
import pytest
import shop


@pytest.fixture(scope="session", autouse=True)
def cart():
    return shop.Cart()
"""
EDITS = [
    ("test_total", "- self.__extra(1)", "+ self.__extra(0)", True),
    ("test_size", "return 3", "count = 2\n        return count", True),
    ("test_doubled", "number * 3", "number * 2", True),
    ("test_inside", "text.lower()", "text.upper()", True),
    ("test_last", "return numbers[0]\n", "return numbers[-1]\n", True),
    ("test_limit", "return RATE", "return RATE + 1", False),
    ("test_limit", "RATE = 2", "RATE = 3", False),
    ("test_size", "    @property\n    def size(self) -> int:\n        return 3", "    size = 2", False),
    (
        "test_last",
        "def last(numbers):\n    return numbers[0]",
        "def last(numbers, at=-1):\n    return numbers[at]",
        False,
    ),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A project whose conftest imports the code under test."""
    root = tmp_path_factory.mktemp("shop")
    for name, text in (("shop.py", SHOP), ("test_shop.py", TESTS), ("conftest.py", CONFTEST)):
        (root / name).write_text(text)
    with open_session(root.resolve(), Path(sys.executable), trusted=True) as session:
        yield session


def run(session: Session, nodeid: str, edits: dict[str, bytes] | None = None, fresh: bool = False) -> RunResult:
    return session.run([nodeid], edits, limits=ROOMY, detail=Detail.VERDICTS, fresh=fresh)


@pytest.mark.parametrize(("test", "old", "new", "in_memory"), EDITS)
def test_a_candidate_means_the_same_in_memory_and_freshly_imported(
    shop: Session, test: str, old: str, new: str, in_memory: bool
) -> None:
    """Each edit repairs its test; what was computed while importing must be computed again."""
    assert SHOP.count(old) == 1
    edits = {"shop.py": SHOP.replace(old, new).encode()}
    before = shop.exchanged
    nodeid = f"test_shop.py::{test}"

    assert run(shop, nodeid).status is Status.FAIL
    assert run(shop, nodeid, edits).status is Status.PASS
    assert shop.exchanged - before == in_memory
    assert run(shop, nodeid, edits, fresh=True).status is Status.PASS
    assert run(shop, nodeid).status is Status.FAIL


def test_a_candidate_that_does_not_parse_fails_and_costs_only_itself(shop: Session) -> None:
    """A syntax error inside one function must not be hidden by the code that is in memory."""
    broken = SHOP.replace("return numbers[0]\n", "return numbers[\n")

    assert run(shop, "test_shop.py::test_last", {"shop.py": broken.encode()}).status is Status.FAIL
    fixed = SHOP.replace("return numbers[0]\n", "return numbers[1]\n")
    assert run(shop, "test_shop.py::test_last", {"shop.py": fixed.encode()}).status is Status.PASS


BAD = {
    "loops for ever": ("while True: pass", {Status.TIMEOUT, Status.FAIL}),
    "eats memory": ("x = []\n    while True: x.append(bytearray(1 << 24))", {Status.FAIL, Status.OOM, Status.CRASH}),
    "deletes the copy": ("import shutil, os; shutil.rmtree(os.getcwd()); return numbers[0]", {Status.FAIL}),
    "kills its parent": (
        "import os; os.kill(os.getppid(), 9); return numbers[-1]",
        {Status.CRASH, Status.PASS, Status.FAIL},
    ),
    "leaves many behind": (
        "import os, time\n    for _ in range(40): os.fork() or time.sleep(600)\n    return numbers[0]",
        {Status.FAIL},
    ),
    "floods": ("print('x' * 50_000_000); return numbers[0]", {Status.FAIL}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mutation_that_misbehaves_costs_one_child_and_nothing_else(shop: Session, name: str) -> None:
    """The next candidate runs as if it had never been."""
    body, endings = BAD[name]
    limits = Limits(wall_s=20.0, cpu_s=4.0, test_wall_s=10.0, test_cpu_s=2.0, memory_bytes=1 << 30)
    edits = {"shop.py": SHOP.replace("return numbers[0]\n", f"{body}\n").encode()}

    ended = shop.run(["test_shop.py::test_last"], edits, limits=limits, detail=Detail.VERDICTS)

    assert ended.status in endings, ended
    assert (shop.root / "shop.py").read_text() == SHOP
    fixed = SHOP.replace("return numbers[0]\n", "return numbers[1]\n")
    assert run(shop, "test_shop.py::test_last", {"shop.py": fixed.encode()}).status is Status.PASS
    assert run(shop, "test_shop.py::test_last").status is Status.FAIL


def test_a_project_that_starts_threads_when_imported_runs_the_long_way_and_says_so(tmp_path: Path) -> None:
    """A lock held by a thread that the fork leaves behind is never released."""
    threads = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    (tmp_path / "app.py").write_text(threads + "def one():\n    return 2\n")
    (tmp_path / "test_app.py").write_text("from app import one\ndef test_one(): assert one() == 1\n")
    with open_session(tmp_path.resolve(), Path(sys.executable), trusted=True) as session:
        assert "threads" in session.slow_because
        assert run(session, "test_app.py::test_one").status is Status.FAIL
        fixed = {"app.py": (threads + "def one():\n    return 1\n").encode()}
        assert run(session, "test_app.py::test_one", fixed).status is Status.PASS
        assert session.exchanged == 0


def test_tests_that_cannot_all_be_collected_run_the_long_way(tmp_path: Path) -> None:
    """Running everything must tell the collection error; what is collected still runs quickly."""
    (tmp_path / "test_good.py").write_text("def test_good(): pass\n")
    (tmp_path / "test_bad.py").write_text("import nothing_of_that_name\n")
    with open_session(tmp_path.resolve(), Path(sys.executable), trusted=True) as session:
        everything = session.run((), limits=ROOMY)
        assert {t.nodeid.split("::")[0]: str(t.outcome) for t in everything.tests} == {
            "test_good.py": "passed",
            "test_bad.py": "error",
        }
        assert run(session, "test_good.py::test_good").status is Status.PASS


def test_of_too_many_tests_only_the_wanted_ones_are_kept_and_all_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fork of thousands of collected tests would be slow."""
    monkeypatch.setattr(staged, "_MOST_KEPT", 2)
    (tmp_path / "app.py").write_text("def one():\n    return 2\n")
    tests = "".join(f"def test_{n}(): assert one() == {n}\n" for n in (1, 2, 3))
    (tmp_path / "test_app.py").write_text("from app import one\n" + tests)
    with open_session(tmp_path.resolve(), Path(sys.executable), trusted=True) as session:
        session.narrow(["test_app.py::test_1"])
        fixed = {"app.py": b"def one():\n    return 1\n"}
        assert run(session, "test_app.py::test_1", fixed).status is Status.PASS
        assert session.exchanged == 1
        assert run(session, "test_app.py::test_2").status is Status.PASS
        assert len(session.run((), limits=ROOMY).tests) == 3
