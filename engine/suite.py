"""The project's tests, run as they stand: which fail, which pass, and what stands in the way of running them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import NoReturn

from ..sandbox.allowance import BASELINE
from ..sandbox.session import Session
from ..sandbox.types import Detail, Failure, Limits, Outcome, RunResult, Status, TestResult
from .errors import BadEnvironment, BadInput
from .stop import Stop

SUITE_LIMITS = BASELINE
_BROKEN = frozenset((Outcome.FAILED, Outcome.ERROR))
_NO_TESTS, _USAGE = 5, 4


@dataclass(frozen=True)
class Suite:
    """One run of the tests as the user left them."""

    results: tuple[TestResult, ...]
    run: RunResult
    failing: tuple[str, ...]
    """Node ids in the order they ran; a file that cannot be collected stands for its tests."""
    passed: frozenset[str]

    @cached_property
    def test_files(self) -> frozenset[str]:
        """Files whose tests were collected, whatever the user's configuration calls them.

        Doctests and what linters report stand in sources.
        """
        return self._files_of("test")

    @cached_property
    def doctested(self) -> frozenset[str]:
        return self._files_of("doctest")

    def _files_of(self, kind: str) -> frozenset[str]:
        return frozenset(test.nodeid.split("::")[0] for test in self.results if kind_of(test) == kind)

    def result(self, nodeid: str) -> TestResult | None:
        return self._by_id.get(nodeid)

    @cached_property
    def _by_id(self) -> Mapping[str, TestResult]:
        return {test.nodeid: test for test in reversed(self.results)}


def run_suite(
    session: Session,
    nodeids: Sequence[str],
    stop: Stop,
    on_test: Callable[[TestResult], None] | None = None,
    detail: Detail = Detail.OUTCOMES,
    *,
    may_be_empty: bool = False,
) -> Suite:
    """Run every test, or those named. A test that kills its process is found, named, and does not hide the others.

    Raises BadInput when there is no test (unless `may_be_empty`) or a node id does not exist, BadEnvironment when the
    sandbox failed.
    """
    run = session.baseline(detail=detail, cancelled=lambda: bool(stop), on_test=on_test)
    results = {test.nodeid: test for test in run.tests}
    if run.status in (Status.CRASH, Status.OOM, Status.TIMEOUT):
        results |= _one_file_at_a_time(session, results, stop, on_test)
    if run.status is Status.INFRA:
        raise BadEnvironment(f"The tests could not be run: {run.detail}")
    if run.exit_code == _USAGE and not results:
        _refused(run.output.strip())
    if not (results or stop.cancelled or may_be_empty):
        raise BadInput(f"No tests found in {session.root}; pytest collects test_*.py and *_test.py unless configured.")
    suite = _suite(results, run)
    if not nodeids:
        return suite
    wanted = frozenset(expand_all(nodeids, tuple(results)))
    return replace(suite, failing=tuple(name for name in suite.failing if name in wanted))


def run_some(
    session: Session, names: Sequence[str], stop: Stop, on_test: Callable[[TestResult], None], detail: Detail
) -> Suite | None:
    """Run only these items and files; None when that told too little, and the whole suite has to run.

    Too little: a process died, or a name does not exist any more.
    """
    run = session.run(names, limits=SUITE_LIMITS, detail=detail, cancelled=lambda: bool(stop), on_test=on_test)
    whole = run.status in (Status.PASS, Status.FAIL) and run.exit_code != _USAGE
    return _suite({test.nodeid: test for test in run.tests}, run) if whole else None


def merged(old: Suite, new: Suite, files: Container[str]) -> Suite:
    """The whole suite after some of it ran again: all that `old` knew of `files` is replaced."""
    kept = {test.nodeid: test for test in old.results if test.nodeid.partition("::")[0] not in files}
    return _suite(kept | {test.nodeid: test for test in new.results}, old.run)


def _suite(results: Mapping[str, TestResult], run: RunResult) -> Suite:
    return Suite(
        results=tuple(results.values()),
        run=run,
        failing=tuple(test.nodeid for test in results.values() if test.outcome in _BROKEN),
        passed=frozenset(test.nodeid for test in results.values() if test.outcome is Outcome.PASSED),
    )


def _refused(output: str) -> NoReturn:
    """pytest did not start: a plugin is missing from the interpreter, or the configuration is wrong."""
    last = (output.splitlines() or ["no message"])[-1]
    if re.search(r"No module named|unrecognized arguments|Missing required plugins", output):
        raise BadEnvironment(f"pytest cannot start: {last}; install what is missing, or pass another --python.")
    raise BadInput(f"pytest refuses the project's configuration: {last}")


def kind_of(test: TestResult) -> str:
    """As pytest has it; by its name where nothing told."""
    return test.kind or ("doctest" if is_doctest(test.nodeid) else "test")


def is_doctest(nodeid: str) -> bool:
    """`shop/cart.py::shop.cart.total`: named by the dotted path of what the docstring belongs to.

    `test_area.py::test_area` would be the docstring of that module as well, but hardly ever is.
    """
    name, _, item = nodeid.partition("::")
    path, item = PurePosixPath(name), item.split("[")[0]
    whole_module = item == (path.parent.name if path.stem == "__init__" else path.stem) and not item.startswith("test")
    return "::" not in item and ("." in item or whole_module)


def expand_all(nodeids: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """`expand` of each; tests' own names need no search. Raises BadInput for one that stands for nothing."""
    single = frozenset(known)
    return tuple(name for nodeid in nodeids for name in ((nodeid,) if nodeid in single else expand(nodeid, known)))


def expand(nodeid: str, known: Sequence[str]) -> tuple[str, ...]:
    """The items that a node id, file, class or parametrised function stands for."""
    nodeid = nodeid.removeprefix("./")
    found = tuple(
        name for name in known if name == nodeid or name.startswith((f"{nodeid}::", f"{nodeid}[", f"{nodeid}/"))
    )
    if found:
        return found
    containers = tuple(name for name in known if nodeid.startswith(f"{name}::"))
    if containers:  # its file could not be collected: that error is its failure
        return containers
    near = difflib.get_close_matches(nodeid, known, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else "; run `darner fix` without node ids to see what fails."
    raise BadInput(f"There is no test {nodeid}{hint}")


def failing_item(suite: Suite, nodeid: str) -> str:
    """The failing item that a node id stands for. Raises BadInput when there is none."""
    if nodeid in suite.failing:
        return nodeid
    if nodeid in suite.passed:
        raise BadInput(f"{nodeid} passes now; there is nothing to repair.")
    return expand(nodeid, suite.failing)[0]


def _one_file_at_a_time(
    session: Session, known: dict[str, TestResult], stop: Stop, on_test: Callable[[TestResult], None] | None
) -> dict[str, TestResult]:
    """After a crash: list what exists, then run each unreported test by itself until the culprits are known."""
    found: dict[str, TestResult] = {}
    for nodeid in session.collect(limits=SUITE_LIMITS):
        if nodeid in known or stop:
            continue
        run = session.run((nodeid,), limits=_ALONE, cancelled=lambda: bool(stop))
        test = next((t for t in run.tests if t.nodeid == nodeid), None) or _ended(nodeid, run)
        found[nodeid] = test
        if on_test is not None:
            on_test(test)
    return found


_ALONE = Limits(wall_s=45.0, cpu_s=45.0, test_wall_s=40.0, test_cpu_s=20.0)


def _ended(nodeid: str, run: RunResult) -> TestResult:
    """A test whose process did not live to report it."""
    failure = Failure(exception=str(run.status), message=run.detail, text=run.output, frames=())
    return TestResult(nodeid, Outcome.FAILED, "call", run.seconds, failure)
