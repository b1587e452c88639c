"""A failing test, run again under the probe: what it executed, called and compared, beside tests that pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..sandbox.session import Session
from ..sandbox.types import Detail, Limits, Outcome, RunResult, Status, TestResult
from .order import before, polluters
from .protected import is_test_path
from .stop import Stop
from .suite import Suite
from .types import Evidence

# The test itself is stopped by processor time; the wall leaves room for a laptop that is busy with other things.
# Recording stops after as long as the plain test took, and a little: evidence costs at most about three plain runs.
_ALONE = Limits(wall_s=60.0, cpu_s=30.0, test_wall_s=8.0, test_cpu_s=1.5, trace_s=0.05)
_AWAY = replace(_ALONE, test_cpu_s=0.75)
"""It will not end in any time; where it goes round shows soon."""
_GLIMPSE = replace(_ALONE, test_cpu_s=0.06)
"""For the first facts of such a test, which are then there as soon as any other's."""
_NEIGHBOURS = Limits(wall_s=60.0, cpu_s=20.0, test_wall_s=4.0, test_cpu_s=1.0, trace_s=0.04)
_MOST_NEIGHBOURS = 60
_MOST_RELATED = 8
_MOST_NEIGHBOUR_SECONDS = 2.0
_RERUNS = 2
_LONGER_S = 1.0
"""Of the processor, for the path of a failing test that was cut: once the first facts are there."""
_LONGER_LEAST_S = 6.0
"""A quick search has no second to spare."""
_TRACED = 20.0
_MOST_PATIENCE_S = 30.0


class Flaky(Exception):
    """The test passed when it ran again unchanged; `note` says how."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


def gather(session: Session, suite: Suite, nodeid: str, stop: Stop) -> Evidence:
    """All that is known of a failing test. Raises Flaky when it does not fail every time."""
    return compared(session, suite, first_look(session, suite, nodeid, stop), stop)


def first_look(session: Session, suite: Suite, nodeid: str, stop: Stop) -> Evidence:
    """What the failing test shows by itself: run alone, unchanged, under the probe; of an endless one, its beginning.

    Raises Flaky when it passes.
    """
    told = suite.result(nodeid)
    if told is not None and told.phase == "collect":
        return Evidence(nodeid, told, (), (), told.failure.text if told.failure else "", told.seconds)
    if told is not None and runs_away(told):
        return Evidence(nodeid, _glimpsed(session, told, stop) or told, (), (), "", told.seconds)
    return _alone(session, suite, nodeid, stop)


def compared(session: Session, suite: Suite, seen: Evidence, stop: Stop) -> Evidence:
    """The same, after it failed again, with its neighbours for the other half of the spectrum.

    Raises Flaky when it does not fail again.
    """
    nodeid, told = seen.nodeid, suite.result(seen.nodeid)
    if told is not None and told.phase == "collect":
        return seen
    if told is not None and runs_away(told):  # a glance cannot see that it ends after all, and passes
        seen = _alone(session, suite, nodeid, stop)
    failing, again = seen.failing, None
    for _ in range(0 if runs_away(failing) else _RERUNS):
        run = session.run((nodeid,), limits=patient(told), detail=Detail.VERDICTS, cancelled=lambda: bool(stop))
        _refuse_flaky(session, suite, nodeid, run, stop)
        again = _find(run, nodeid)
    failing = failing if stop.remaining_s < _LONGER_LEAST_S else _whole(session, failing, told, stop)
    if not executed_lines(failing):  # of the project, in this process: there is nothing to compare with other tests
        return replace(seen, again=again)
    passing, related = _neighbours(session, suite, failing, stop)
    return replace(seen, failing=failing, passing=passing, related=related, again=again)


def _whole(session: Session, failing: TestResult, told: TestResult | None, stop: Stop) -> TestResult:
    """The same test with more of its path, where that was cut: what failed came last."""
    if failing.trace is None or not failing.trace.cut or runs_away(failing):
        return failing
    limits = replace(patient(told), trace_s=_LONGER_S)
    seen = _find(_looked_at(session, failing.nodeid, limits, stop), failing.nodeid)
    return seen if seen is not None and _end(seen) == _end(failing) else failing


def _end(test: TestResult) -> tuple[str, tuple[tuple[str, int], ...]]:
    """What it failed with and where; not the words, which may hold an address or a time."""
    failure = test.failure
    return (failure.exception, tuple((f.path, f.line) for f in failure.frames)) if failure is not None else ("", ())


def _alone(session: Session, suite: Suite, nodeid: str, stop: Stop) -> Evidence:
    told = suite.result(nodeid)
    alone = _looked_at(session, nodeid, patient(told), stop)
    _refuse_flaky(session, suite, nodeid, alone, stop)
    failing = _find(alone, nodeid) or told or TestResult(nodeid, Outcome.ERROR, "setup", 0.0)
    seconds = told.seconds if told is not None else failing.seconds
    trouble = alone.detail if alone.status not in (Status.FAIL, Status.PASS) else ""
    if failing.failure is None and told is not None:
        failing = replace(failing, failure=told.failure)
    return Evidence(nodeid, failing, (), (), alone.output, seconds, trouble)


def _glimpsed(session: Session, told: TestResult, stop: Stop) -> TestResult | None:
    """The beginning of a test that ran away, if that had come already to where the whole of it was ended.

    What it would have ended with, no time or no memory, is as it was told.
    """
    seen = _find(_looked_at(session, told.nodeid, _GLIMPSE, stop), told.nodeid)
    if seen is None or seen.failure is None or told.failure is None or not runs_away(seen):
        return None
    ran = {(path, line) for path, lines in seen.lines for line in lines}
    if not all((frame.path, frame.line) in ran for frame in told.failure.frames):
        return None
    same = seen.failure.exception == told.failure.exception
    return seen if same else replace(seen, failure=told.failure)


def _looked_at(session: Session, nodeid: str, limits: Limits, stop: Stop) -> RunResult:
    return session.run((nodeid,), limits=limits, detail=Detail.EVIDENCE, cancelled=lambda: bool(stop))


def _neighbours(
    session: Session, suite: Suite, failing: TestResult, stop: Stop
) -> tuple[tuple[TestResult, ...], tuple[TestResult, ...]]:
    """Tests that pass, and others that fail, traced in one run: the passing ones first, for a failing one may crash.

    Those that ran away are believed to be what they were: to trace each again would cost its whole limit.
    """
    near = nearest_passing(suite, failing.nodeid)
    others = _others(suite, failing.nodeid)[:_MOST_RELATED]
    away = {other: told for other in others if (told := suite.result(other)) is not None and runs_away(told)}
    names = (*near, *(other for other in others if other not in away))
    traced = _traced(session, names, stop) if names else ()
    passing = tuple(test for test in traced if test.outcome is Outcome.PASSED and test.nodeid in suite.passed)
    same = [test for test in traced if test.outcome is Outcome.FAILED and test.nodeid not in suite.passed]
    found = [test for test in same if _same_code(test, failing)]
    return passing, (*found, *(told for told in away.values() if _functions(told) & _functions(failing)))


def _others(suite: Suite, nodeid: str) -> list[str]:
    """Every other test that fails: those asked for, those of the same file, the rest; an unnamed one tells as much."""
    file = nodeid.split("::")[0]
    unnamed = [test.nodeid for test in suite.results if test.outcome is Outcome.FAILED]
    unnamed.sort(key=lambda other: other.split("::")[0] != file)
    return [other for other in dict.fromkeys((*suite.failing, *unnamed)) if other != nodeid]


def _functions(test: TestResult) -> frozenset[tuple[str, str]]:
    """Project functions on the failing stack, tests aside."""
    frames = test.failure.frames if test.failure is not None else ()
    return frozenset((frame.path, frame.function) for frame in frames if not is_test_path(frame.path))


def patient(told: TestResult | None) -> Limits:
    """Tracing slows a test down manyfold: what took a while plainly may take a long while under the probe."""
    if told is None:
        return _ALONE
    if runs_away(told):
        return _AWAY
    more = min(_TRACED * told.seconds, _MOST_PATIENCE_S)
    return replace(
        _ALONE,
        test_cpu_s=_ALONE.test_cpu_s + more,
        test_wall_s=_ALONE.test_wall_s + more,
        cpu_s=_ALONE.cpu_s + more,
        wall_s=_ALONE.wall_s + more,
        trace_wall_s=told.seconds,
    )


def runs_away(test: TestResult) -> bool:
    """It was stopped by a limit: it does so every time, and costs the whole limit each time."""
    return test.failure is not None and test.failure.exception in ("TestTimeout", "MemoryError")


def _refuse_flaky(session: Session, suite: Suite, nodeid: str, alone: RunResult, stop: Stop) -> None:
    if alone.status is not Status.PASS:
        return
    earlier = before(suite, nodeid)
    if earlier and (guilty := polluters(session, earlier, nodeid, stop)):
        raise Flaky(
            f"{nodeid} passes alone and fails after {' and '.join(guilty)}, which leaves something behind. "
            "Clean up there or in a fixture; no edit of the code was sought."
        )
    raise Flaky(f"{nodeid} failed once and passed when it ran again unchanged: it is flaky, so nothing was repaired.")


def _find(run: RunResult, nodeid: str) -> TestResult | None:
    return next((test for test in run.tests if test.nodeid == nodeid), None)


def _traced(session: Session, nodeids: Sequence[str], stop: Stop) -> tuple[TestResult, ...]:
    return session.run(nodeids, limits=_NEIGHBOURS, detail=Detail.EVIDENCE, cancelled=lambda: bool(stop)).tests


def _same_code(one: TestResult, other: TestResult) -> bool:
    """At least half of the project functions that either calls, both call: different inputs, one fault."""
    a, b = _called(one), _called(other)
    return bool(a & b) and 2 * len(a & b) >= len(a | b)


def enters_no_more(test: TestResult, other: TestResult) -> bool:
    """Every project function that it is known to have entered, the other one entered too."""
    return _called(test) | _functions(test) <= _called(other) | _functions(other)


def _called(test: TestResult) -> frozenset[tuple[str, str]]:
    return frozenset((call.path, call.function) for call in test.calls if not is_test_path(call.path))


def executed_lines(test: TestResult) -> frozenset[tuple[str, int]]:
    """Project lines outside the tests."""
    return frozenset((path, line) for path, lines in test.lines if not is_test_path(path) for line in lines)


def nearest_passing(suite: Suite, nodeid: str) -> Sequence[str]:
    """At most 60 passing tests that together took at most 2 s in the plain run."""
    file, base = nodeid.split("::")[0], nodeid.split("[")[0]
    passing = [test for test in suite.results if test.nodeid in suite.passed]
    passing.sort(key=lambda test: (not test.nodeid.startswith(base), test.nodeid.split("::")[0] != file))
    chosen: list[str] = []
    spent = 0.0
    for test in passing[:_MOST_NEIGHBOURS]:
        spent += test.seconds
        if spent > _MOST_NEIGHBOUR_SECONDS:
            break
        chosen.append(test.nodeid)
    return chosen
