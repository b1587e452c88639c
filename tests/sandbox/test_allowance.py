"""A candidate may use a multiple of what the project's own tests used: enough for a good one, no more for others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cart_project import GOOD, lay_out
from darner.sandbox.allowance import BASELINE, allowed
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Limits, Outcome, RunResult, Status, TestResult

FINE = TestResult("t.py::test", Outcome.PASSED, "call", 1.0)
USED = RunResult(
    status=Status.FAIL,
    tests=(FINE,),
    exit_code=1,
    signal=None,
    seconds=30.0,
    output="",
    cpu_s=40.0,
    mapped_bytes=1 << 30,
    file_bytes=100 << 20,
    disk_bytes=900 << 20,
    processes=40,
    output_bytes=50 << 20,
)


def test_limits_are_multiples_of_what_the_baseline_used() -> None:
    """A suite that needs more than the defaults must not lose its good repairs to them."""
    found = allowed(USED)

    assert (found.wall_s, found.cpu_s) == (300.0, 200.0)
    assert found.memory_bytes == 3 << 30
    assert (found.file_bytes, found.disk_bytes) == (400 << 20, 3600 << 20)
    assert (found.processes, found.output_bytes) == (160, 500 << 20)


def test_a_small_suite_leaves_room_for_an_honest_repair() -> None:
    """The floors: a busy machine, an import, a few threads."""
    tiny = replace(
        USED, seconds=0.01, cpu_s=0.01, mapped_bytes=1, file_bytes=0, disk_bytes=0, processes=1, output_bytes=0
    )
    found = allowed(tiny)

    assert (found.wall_s, found.cpu_s, found.memory_bytes) == (12.0, 4.0, 2 << 30)
    assert (found.file_bytes, found.disk_bytes) == (Limits().file_bytes, Limits().disk_bytes)
    assert (found.processes, found.output_bytes) == (64, 64 << 20)


@pytest.mark.parametrize(
    "run",
    [
        replace(USED, status=Status.CRASH),
        replace(USED, tests=()),
        replace(USED, tests=(FINE, TestResult("u.py", Outcome.ERROR, "collect", 0.0))),
    ],
    ids=["crashed", "empty", "not imported"],
)
def test_a_baseline_that_tells_too_little_bounds_nothing(run: RunResult) -> None:
    """What was not imported was not measured: its repair imports it."""
    assert allowed(run) == Limits()


def test_what_the_kernel_does_not_say_is_not_a_limit() -> None:
    """Without /proc the address space is unknown, and unknown is not zero."""
    assert allowed(replace(USED, mapped_bytes=0)).memory_bytes == Limits().memory_bytes


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    root = lay_out(tmp_path_factory.mktemp("bounded") / "project")
    with open_session(root, Path(sys.executable), trusted=True) as session:
        assert session.limits == Limits()
        run = session.baseline()
        assert run.status is Status.FAIL
        assert session.limits == allowed(run)
        yield session


def test_the_baseline_measures_what_its_tests_used(bounded: Session) -> None:
    """Every figure that a limit is made of comes from a real run."""
    run = bounded.baseline()

    assert run.seconds > 0
    assert run.mapped_bytes > 10 << 20
    assert bounded.limits.memory_bytes < Limits().memory_bytes


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("__import__('mmap').mmap(-1, 2_600_000_000)\n", Status.FAIL),
        ("for _ in range(1100): __import__('os').write(1, b'x' * 65536)\n", Status.CRASH),
    ],
    ids=["memory", "output"],
)
def test_a_candidate_that_uses_far_more_than_the_baseline_is_stopped(
    bounded: Session, source: str, status: Status
) -> None:
    """The same candidate passes where only the defaults bound it, so it is the baseline that stops it."""
    edits = {"cart.py": (source + GOOD).encode()}
    roomy = Limits(wall_s=120.0, cpu_s=120.0, test_wall_s=100.0, test_cpu_s=100.0)

    assert bounded.run((), edits, limits=roomy).status is Status.PASS
    assert bounded.run((), edits, limits=bounded.within(roomy)).status is status
    assert bounded.run((), {"cart.py": GOOD.encode()}, limits=bounded.within(roomy)).status is Status.PASS


def test_a_run_that_is_given_no_limits_takes_those_of_the_baseline(bounded: Session) -> None:
    """Not the defaults, which are for projects that nobody has run yet."""
    edits = {"cart.py": ("__import__('mmap').mmap(-1, 2_600_000_000)\n" + GOOD).encode()}

    assert bounded.run((), edits).status is Status.FAIL


def test_the_baseline_itself_is_bounded_more_loosely_than_any_candidate_by_default() -> None:
    """Else what it uses could never be found out."""
    for name in ("wall_s", "cpu_s", "memory_bytes", "file_bytes", "disk_bytes", "processes", "output_bytes"):
        assert getattr(BASELINE, name) >= getattr(Limits(), name)
