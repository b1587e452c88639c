"""Small snapshots for the pure handlers' tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from darner.engine.types import Candidate, Explanation, FileChange, Origin, Patch, Proof, Repair, Suspect, Verdict
from darner.lsp.cases import Case, Cases
from darner.lsp.client import Client
from darner.lsp.convert import Text
from darner.lsp.snapshot import Board, Document, Snapshot, file_uri
from darner.sandbox.types import Assurance, Failure, Frame, Outcome, RunResult, Status, TestResult

ROOT = Path("/nowhere/shop")
NODEID = "test_cart.py::TestCart::test_total[two]"
CART = "def total(prices):\n    return sum(prices[1:])\n"
TESTS = (
    "from cart import total\n\n\nclass TestCart:\n    def test_total(self):\n"
    "        basket = [1, 2]\n        assert total(basket) == 3\n"
)
FRAME = Frame("test_cart.py", 7, "test_total", "assert total(basket) == 3", (("basket", "[1, 2]"),))
FAILURE = Failure("AssertionError", "assert 2 == 3", "E assert 2 == 3", (FRAME,), "==", "2", "3")
FULL = Client(
    related=True,
    diagnostic_data=True,
    markdown=True,
    document_changes=True,
    applies_edits=True,
    progress=True,
    action_literals=True,
    preferred=True,
    disabled=True,
    llm_tag=True,
)


def failing(failure: Failure | None = FAILURE, nodeid: str = NODEID, phase: str = "call") -> TestResult:
    return TestResult(nodeid, Outcome.FAILED, phase, 0.01, failure)


def repair(origin: Origin = Origin.MUTATION, *, complete: bool = True, before: str = CART) -> Repair:
    """The repair of CART; its trial ended as asked."""
    after = before.replace("prices[1:]", "prices")
    patch = Patch((FileChange("cart.py", before.encode(), after.encode()),))
    run = RunResult(Status.PASS, (), 0, None, 0.1, "")
    candidate = Candidate(patch, origin, "`prices[1:]` → `prices` at cart.py:2", operator="qwen")
    return Repair(candidate, Verdict(True, 41, 41, (), run, complete=complete, proof=Proof(Assurance.A)))


def case(*repairs: Repair) -> Case:
    explanation = Explanation("total([1, 2]) gave 2.", "cart.py", 2, ("the test expects 3, and got 2",))
    suspect = Suspect("cart.py", 2, 2, "total", 1.0, ("runs in the failing test and in no passing one",))
    return Case(failing(), (suspect,), explanation, repairs)


def snapshot(*cases: Case, client: Client = FULL, cart: str = CART, tests: str = TESTS) -> Snapshot:
    """Both files open, `cart.py` at version 7."""
    board = Board(ROOT, ROOT, Cases(cases))
    documents = {
        uri(name): Document(uri(name), str(ROOT / name), version, Text(text))
        for name, version, text in (("cart.py", 7, cart), ("test_cart.py", 1, tests))
    }
    return replace(Snapshot(), client=client, documents=documents, boards={ROOT: board})


def uri(name: str) -> str:
    return file_uri(ROOT / name)
