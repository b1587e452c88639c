"""Engine values as JSON and back, for the pipe between the language server and the engine service.

Bytes travel as base85 text, enums as their values, tuples as arrays. Both ends are this code, from one installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ..sandbox.types import RunResult, Status, TestResult
from .coverage import FileCoverage
from .types import FailureReport, Repair
from .written import Written

if TYPE_CHECKING:
    from cattrs.preconf.json import JsonConverter

    from .suite import Suite

T = TypeVar("T")
_OUTPUT_TAIL = 4096
"""Characters of a run's output that an editor gets."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The answer to `test`: how the run ended. Its tests were announced one by one before."""

    status: Status
    detail: str
    """One sentence when the run did not end by itself."""
    seconds: float
    tests: int
    """How many ran."""
    failing: tuple[str, ...]
    """Node ids; also of tests that were not run now and failed before."""
    output: str
    coverage: tuple[FileCoverage, ...] = ()
    """Where it was asked for."""
    late: tuple[TestResult, ...] = ()
    """Failing ones that were not announced like this, as a module that the loop found it cannot collect."""


def encode(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    return _converter().unstructure(value)


def decode(data: object, kind: type[T]) -> T:
    """Raises cattrs' errors when the data is not a `kind`: then the two ends are not of one installation."""
    return _converter().structure(data, kind)


@cache
def _converter() -> JsonConverter:
    from cattrs.preconf.json import make_converter  # here: a command that writes no trace needs it not

    return make_converter()


def slim_test(test: TestResult) -> TestResult:
    """Without what only the engine reads: executed lines, recorded calls and caught exceptions."""
    return replace(test, lines=(), calls=(), raised=())


def slim_repair(repair: Repair) -> Repair:
    """Without the decisive run, which can hold every test of the project."""
    run = repair.verdict.run
    bare = RunResult(run.status, (), run.exit_code, run.signal, run.seconds, "", run.detail)
    return replace(repair, verdict=replace(repair.verdict, run=bare))


def slim_report(report: FailureReport) -> FailureReport:
    return replace(report, repairs=tuple(slim_repair(repair) for repair in report.repairs))


def slim_written(report: Written) -> Written:
    return replace(report, repairs=tuple(slim_repair(repair) for repair in report.repairs))


def ran(suite: Suite, count: int, announced: Mapping[str, TestResult]) -> Ran:
    """`count` tests ran; `suite` may hold more, as they were before. Thousands may fail: none is told twice."""
    failing = frozenset(suite.failing)
    results = (slim_test(test) for test in suite.results if test.nodeid in failing)
    late = tuple(test for test in results if announced.get(test.nodeid) != test)
    run = suite.run
    return Ran(run.status, run.detail, run.seconds, count, suite.failing, run.output[-_OUTPUT_TAIL:], late=late)
