"""No candidate that is still wrong is believed: not by the search's trial, not by the split run, not from cold."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from darner.engine.gate import check
from darner.engine.types import Candidate, FileChange, Origin, Patch
from darner.sandbox.backend import Backend
from darner.sandbox.controls import must_fail
from darner.sandbox.session import Session, open_session
from darner.sandbox.split import split
from darner.sandbox.types import Control, Limits, Outcome, RunResult, Status
from fake_passes import ATTACKS, GOOD, SOURCE, TARGET, TESTS

ROOMY = Limits(wall_s=90.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=30.0)
SEMANTIC = "r19"
"""Hard-coded answers pass every execution of the visible tests: the gate and the doubts are what stops them."""
SLICE = ("r03", "r07", "r10", "r12")


@dataclass(frozen=True)
class Seen:
    """What each way of judging said of one candidate."""

    trial: bool
    split: Status
    cold: bool
    control: Control

    @property
    def believed(self) -> bool:
        """As for assurance A or B (engine/confirm.py), the gate and the doubts aside."""
        apart = self.split in (Status.PASS, Status.UNSUPPORTED)
        return self.trial and self.cold and self.control is Control.HELD and apart


def judge(session: Session, source: str) -> Seen:
    edits = {"calc.py": source.encode()}
    trial = passed(session.run((TARGET,), edits, limits=ROOMY))
    apart = split(session, TARGET, edits, ROOMY, lambda: False).status
    cold = passed(session.run((), edits, limits=ROOMY, fresh=True))
    control = must_fail(session.root, TARGET, edits, lambda files: session.run((TARGET,), files, limits=ROOMY))
    return Seen(trial, apart, cold, control)


def passed(run: RunResult) -> bool:
    target = [test.outcome for test in run.tests if test.nodeid == TARGET]
    return run.status in (Status.PASS, Status.FAIL) and target == [Outcome.PASSED]


def lay_out(root: Path) -> Path:
    root.mkdir()
    (root / "calc.py").write_text(SOURCE)
    (root / "test_calc.py").write_text(TESTS)
    (root / "pytest.ini").write_text("[pytest]\n")
    return root.resolve()


@pytest.fixture(scope="module")
def calc(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    root = lay_out(tmp_path_factory.mktemp("fakes") / "calc")
    with open_session(root, Path(sys.executable), trusted=True, backend=backend) as session:
        yield session


@pytest.fixture(scope="module")
def strongest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    root = lay_out(tmp_path_factory.mktemp("fakes") / "calc")
    with open_session(root, Path(sys.executable), trusted=True) as session:
        yield session


@pytest.mark.parametrize("name", SLICE)
def test_a_fake_pass_is_not_believed(strongest: Session, name: str) -> None:
    """One of each kind, where the default run has time for few."""
    assert not judge(strongest, ATTACKS[name]).believed


def test_the_true_repair_is_believed(strongest: Session) -> None:
    """A harness that believes nothing would pass the others too."""
    assert judge(strongest, GOOD) == Seen(trial=True, split=Status.PASS, cold=True, control=Control.HELD)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - {SEMANTIC}))
def test_no_fake_pass_is_believed_under_any_backend(calc: Session, name: str) -> None:
    """The whole table; what one way lets through another must catch, and the split run lets none of these through."""
    seen = judge(calc, ATTACKS[name])

    assert not seen.believed, seen
    assert seen.split is not Status.PASS, seen


@pytest.mark.slow
def test_the_true_repair_is_believed_under_every_backend(calc: Session) -> None:
    """As above, for each backend."""
    assert judge(calc, GOOD) == Seen(trial=True, split=Status.PASS, cold=True, control=Control.HELD)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_gate_refuses_every_fake_pass_before_it_runs(name: str) -> None:
    """The first line of defence, and for hard-coded answers (r19) the one that counts."""
    change = FileChange("calc.py", SOURCE.encode(), ATTACKS[name].encode())
    candidate = Candidate(Patch((change,)), Origin.MODEL, "test")

    assert check(candidate, {"calc.py": SOURCE.encode()}, TESTS, TESTS) is not None
