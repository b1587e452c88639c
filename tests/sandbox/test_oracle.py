"""One way to a verdict for everybody, and no assurance that was not earned."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cart_project import GOOD, SOURCE, lay_out
from darner.sandbox.assurance import Second, assured
from darner.sandbox.choice import BACKENDS, examined, other_than, strongest
from darner.sandbox.errors import NoIsolation
from darner.sandbox.oracle import Claim, Verdict, verdict
from darner.sandbox.session import Session, open_session
from darner.sandbox.split import Split
from darner.sandbox.types import Assurance, Control, Limits, Preference, Status

ROOMY = Limits(wall_s=120.0, cpu_s=120.0, test_wall_s=100.0, test_cpu_s=100.0)
TARGET, OTHER = "test_cart.py::test_sum", "test_cart.py::test_empty"
CONSTANT = "SIGN = -1\n\n\n" + SOURCE.replace("result -= number", "result += SIGN * number")
"""A repair of a constant cannot be asked for in another process: the split run says nothing."""
UNSPLIT = Split(Status.UNSUPPORTED, "a constant was changed")


def claimed(session: Session, source: str) -> Verdict:
    claim = Claim(TARGET, {"cart.py": source.encode()}, frozenset({OTHER}), (), cold=ROOMY, alone=ROOMY)
    return verdict(session, claim, lambda: False)


def of(name: str) -> str:
    """The backend's name; skips where it does not work."""
    found = next(backend for backend in BACKENDS if backend.name == name)
    if trouble := examined(found).trouble:
        pytest.skip(trouble)
    return name


@pytest.fixture
def constant(tmp_path: Path) -> Path:
    root = lay_out(tmp_path / "project")
    (root / "cart.py").write_text(CONSTANT)
    return root


@pytest.fixture
def confined(constant: Path) -> Iterator[Session]:
    of("landlock")
    prefer = Preference(of("namespaces"))
    with open_session(constant, Path(sys.executable), trusted=False, prefer=prefer) as session:
        yield session


def test_what_cannot_be_split_is_b_only_after_it_passed_in_a_second_backend(confined: Session) -> None:
    """One fault of one sandbox must not be enough to be applied unasked; Landlock is a cheap second one."""
    said = claimed(confined, CONSTANT.replace("SIGN = -1", "SIGN = 1"))

    assert said.split.status is Status.UNSUPPORTED, said
    assert (said.assurance, said.second) == (Assurance.B, "landlock"), said.reasons
    assert said.run.backend == "namespaces"


def test_where_there_is_no_second_backend_it_is_c_and_says_so(constant: Path) -> None:
    """`never B`: the user must not read more into it than was tried."""
    backend = strongest(trusted=True)
    with open_session(constant, Path(sys.executable), trusted=True, backend=backend) as session:
        said = claimed(session, CONSTANT.replace("SIGN = -1", "SIGN = 1"))

    assert (said.assurance, said.second) == (Assurance.C, "")
    assert any("second backend" in reason for reason in said.reasons), said.reasons


def test_what_was_judged_apart_needs_no_second_backend(confined: Session) -> None:
    """The usual way must not pay for the rare one."""
    body = CONSTANT.replace("result += SIGN * number", "result += number")
    said = claimed(confined, body)

    assert said.split.status is Status.PASS, said
    assert (said.assurance, said.second) == (Assurance.A, ""), said.reasons


def test_a_candidate_that_breaks_another_test_goes_no_further(confined: Session) -> None:
    """Twins, split and second runs are for candidates that pass from cold."""
    said = claimed(confined, GOOD.replace("result = 0", "result = 0 if numbers else 7"))

    assert said.assurance is Assurance.D
    assert said.control is Control.NONE


@pytest.mark.parametrize("control", Control)
@pytest.mark.parametrize("doubts", [(), ("a doubt",)])
def test_b_without_the_split_run_always_has_a_second_backend(control: Control, doubts: tuple[str, ...]) -> None:
    """Whatever else was found: the table has no hole."""
    alone, _ = assured(control, UNSPLIT, Second(trouble="none works here"), doubts)
    apart, _ = assured(control, Split(Status.PASS), Second(), doubts)

    assert alone > Assurance.B
    held = Assurance.A if not doubts else Assurance.C
    assert apart is {Control.HELD: held, Control.FOOLED: Assurance.D}.get(control, Assurance.C)


def test_nothing_confining_the_candidate_is_never_a() -> None:
    """A plain process may do all that the user may."""
    level, reasons = assured(Control.HELD, Split(Status.PASS), Second(), confined=False)

    assert level is Assurance.B
    assert reasons


def test_the_second_backend_confines_and_is_another_one() -> None:
    """A plain process proves nothing more, nor does the same backend again."""
    for backend in BACKENDS:
        other = other_than(backend, Preference.NO_DOCKER)
        assert other is None or (other is not backend and other.tier > 0 and other.name != "docker")


@pytest.mark.parametrize("name", [each for each in Preference if each not in (Preference.AUTO, Preference.NO_DOCKER)])
def test_a_sandbox_that_is_asked_for_is_used_or_refused_with_the_reason(name: Preference) -> None:
    """Never another one instead, not even a stronger one."""
    backend = next(each for each in BACKENDS if each.name == name)
    trouble = examined(backend).trouble
    if not trouble:
        assert strongest(trusted=False, prefer=name) is backend
        return
    with pytest.raises(NoIsolation) as refused:
        strongest(trusted=True, prefer=name)
    assert trouble in str(refused.value)
    assert "`auto`" in str(refused.value)
