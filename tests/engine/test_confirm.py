"""Confirming in two places at once says what confirming in one place says, and the first refusal ends both."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.case import Case, open_case
from darner.engine.confirm import confirm
from darner.engine.evidence import gather
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.types import Candidate, FileChange, Origin, Patch, Verdict
from darner.sandbox import oracle
from darner.sandbox.errors import SandboxError
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Control, Status

pytestmark = pytest.mark.slow

CART = "def total(numbers):\n    return sum(numbers) + 1\n"
GOOD = CART.replace(" + 1", "")
FOOLING = "import _pytest.python as p\np.Function.runtest = lambda self: None\n" + CART
BREAKING = "def total(numbers):\n    return sum(numbers) if len(numbers) == 2 else 7\n"
TESTS = """\
from cart import total
def test_sum():
    assert total([1, 2]) == 3
def test_apart():
    assert total([1, 2, 3]) != 8
    assert total([5]) != 7
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    root = tmp_path_factory.mktemp("confirm").resolve()
    (root / "cart.py").write_text(CART)
    (root / "test_cart.py").write_text(TESTS)
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop(600.0))
        assert suite.failing == ("test_cart.py::test_sum",)
        yield open_case(session, suite, gather(session, suite, suite.failing[0], Stop(600.0)))


def confirmed(case: Case, text: str) -> Verdict:
    change = FileChange("cart.py", CART.encode(), text.encode())
    candidate = Candidate(Patch((change,)), Origin.MODEL, "", path="cart.py", line=2)
    return confirm(case, candidate, Stop(600.0))


@pytest.mark.parametrize("cores", [0, 1], ids=["one place", "two places"])
def test_both_ways_say_the_same(case: Case, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second place saves time; a verdict must not depend on how many cores the machine has."""
    monkeypatch.setattr(oracle, "spare_cores", lambda: cores)

    good, fooling, breaking = (confirmed(case, text) for text in (GOOD, FOOLING, BREAKING))

    assert (good.verified, good.proof.control) == (True, Control.HELD)
    assert good.proof.believed
    assert not fooling.verified
    assert fooling.run.status is Status.TAMPERED
    assert not breaking.verified
    assert breaking.broken == ("test_cart.py::test_apart",)
    assert "darner-twins" not in {thread.name for thread in threading.enumerate()}


def test_without_a_second_place_the_first_one_answers(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the disk has no room for another copy: slower, and nothing is believed that was not asked."""

    def no_room(_: Session) -> Session:
        raise SandboxError("no room")

    monkeypatch.setattr(oracle, "spare_cores", lambda: 1)
    monkeypatch.setattr(Session, "partner", no_room)

    assert confirmed(case, GOOD).proof.control is Control.HELD
    assert confirmed(case, FOOLING).run.status is Status.TAMPERED
