"""The last instance before a written body is shown: it has to hold each time that it is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.drafts import Draft, Mark
from darner.engine.jury import Jury
from darner.engine.prove import Court
from darner.engine.stop import Stop
from darner.engine.suite import is_doctest, run_suite
from darner.engine.types import Candidate, FileChange, Origin, Patch
from darner.engine.written import Judge
from darner.sandbox.session import open_session
from darner.sandbox.types import Assurance

STUB = "import sys\n\n\ndef total(numbers):\n    ...\n"
ASKED = "test_cart.py::test_sum"
TESTS = "from cart import total\n\n\ndef test_sum():\n    assert total([1, 2]) == 3\n"


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    root = tmp_path_factory.mktemp("court").resolve()
    (root / "cart.py").write_text(STUB)
    (root / "test_cart.py").write_text(TESTS)
    (root / "test_other.py").write_text("def test_other():\n    assert True\n")
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop(600.0))
        assert suite.failing == (ASKED,)
        yield Court(session, suite, Jury(Judge.TESTS, (ASKED,), TESTS), "")


def draft(body: str) -> Draft:
    """One that the quick trial let through."""
    change = FileChange("cart.py", STUB.encode(), STUB.replace("...", body).encode())
    candidate = Candidate(Patch((change,)), Origin.MODEL, "", path="cart.py", line=5)
    return Draft(candidate, body, Mark((ASKED,), (), ()))


def test_a_true_body_is_proven(court: Court) -> None:
    """The control: what follows is refused for what it does."""
    verdict = court.prove(draft("return sum(numbers)"), Stop(600.0))

    assert verdict.verified
    assert verdict.proof is not None
    assert verdict.proof.assurance in (Assurance.A, Assurance.B, Assurance.C)


@pytest.mark.parametrize(
    "body",
    ["return sum(numbers) if 'test_other' in sys.modules else 0", "return 0 if 'test_other' in sys.modules else 3"],
    ids=["only in company", "only alone"],
)
def test_a_body_that_passes_in_one_of_two_cold_runs_is_not_shown(court: Court, body: str) -> None:
    """A pass that depends on what else was collected is none."""
    verdict = court.prove(draft(body), Stop(600.0))

    assert not verdict.verified
    assert not verdict.target_passed


def test_a_function_called_as_its_file_is_a_test_and_no_doctest() -> None:
    """Else writing `area` would not be judged by `test_area.py::test_area`."""
    assert not is_doctest("tests/test_area.py::test_area")
    assert not is_doctest("tests/test_area.py::test_area[2-3]")
    assert is_doctest("area.py::area")
    assert is_doctest("src/shop/__init__.py::shop")
    assert is_doctest("shop/cart.py::shop.cart.total")
