"""A pytest plugin that reports what every test did, from inside the sandbox.

Runs in the user's interpreter (Python 3.9 to 3.14, pytest 7 to 9) and imports the standard library only.
What it writes is data for wire.py; nothing here decides whether a candidate is good.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, Generator, List, Optional, Set, Tuple

import pytest

_MAX_SOURCE = 240
_MAX_TEXT = 8_000
_MAX_FRAMES = 24
_MAX_LOCALS = 40
_TICK_S = 0.2
_MOST_OF_MEMORY = 0.85
_LEAST_CPU_S, _LEAST_WALL_S = 1.0, 5.0
"""A test that stands where another one did not end is waited for as long at least."""

recording: Any = sys.modules["_darner_child_record"]  # loaded before by child.py: this file has no import path
asserting: Any = sys.modules["_darner_child_asserts"]
stepping: Any = sys.modules["_darner_child_steps"]
limiting: Any = sys.modules["_darner_child_limits"]

Emit = Callable[[Dict[str, Any]], None]


class TestTimeout(BaseException):
    """Not an Exception, so that the code under test does not catch it."""

    __test__ = False


class Probe:
    """Collects per-test reports and, when asked, executed lines and calls of project functions."""

    def __init__(self, root: str, detail: str, emit: Emit, limits: Optional[Dict[str, Any]]) -> None:
        self._root = root
        self._recorder: Any = None
        self._render_unheard()
        self.begin(detail, emit, limits)

    def begin(self, detail: str, emit: Emit, limits: Optional[Dict[str, Any]]) -> None:
        """Forget everything: a stage (child_stage.py) registers one probe, and each of its children begins anew."""
        self._limits = limits
        self._slowest = 0.0
        self._endless: Set[Tuple[Tuple[str, int], ...]] = set()
        self._ends = self._wall_ends = self._ends_early = 0.0
        self._emit = emit
        self._brief = detail == "verdicts"
        traced = detail in ("coverage", "evidence")
        times = (limits["trace_s"], limits["trace_wall_s"]) if limits is not None else (0.0, 0.0)
        self._recorder = stepping.Recorder(self._root, detail == "evidence", *times) if traced else None
        self._reports: Dict[str, Dict[str, Any]] = {}
        self._compare: Optional[Tuple[str, str, str]] = None
        self._asserts: Dict[str, Any] = {}
        self.ids: List[str] = []
        self.collected: List[str] = []

    def _render_unheard(self) -> None:
        """What a failing assert shows of its values is no part of what the test did: the user's `__repr__` runs for it.

        A failed assert is rendered in the test's own frame, before it raises.
        """
        rewriting: Any = sys.modules.get("_pytest.assertion.rewrite")
        for name in ("_saferepr", "_call_reprcompare", "_format_assertmsg", "_should_repr_global_name"):
            work = getattr(rewriting, name, None)  # private API
            if work is not None:
                setattr(rewriting, name, self._unheard(work))

    def _unheard(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def quietly(*arguments: Any) -> Any:
            recorder = self._recorder
            if recorder is None or recorder.busy:
                return work(*arguments)
            recorder.rest()
            try:
                return work(*arguments)
            finally:
                recorder.go_on()

        return quietly

    def pytest_collection_finish(self, session: Any) -> None:
        self.collected = [item.nodeid for item in session.items]
        if self._brief:
            session.config.option.tbstyle = "no"
            session.config.option.maxfail = 1

    def pytest_assertrepr_compare(self, config: Any, op: str, left: object, right: object) -> None:
        """Of the last comparison that pytest renders, whatever becomes of it."""
        if not self._brief:
            self._compare = (op, recording.bounded_repr(left), recording.bounded_repr(right))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, None]:
        outcome = yield
        report: Any = outcome.get_result()
        if report.failed:
            excinfo = getattr(getattr(report, "call", None), "excinfo", None)
            failure = self._failure(excinfo, report) if excinfo is not None else _textual(report)
            self._send(collector, "error", "collect", 0.0, failure)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, Any, None]:
        started = time.perf_counter()
        self._compare = None
        if self._brief:
            item.repr_failure = _unrendered
        if self._recorder is not None:
            self._recorder.start()
        self._set_timers(1.0)
        yield
        self._set_timers(0.0)
        if self._recorder is not None:
            self._recorder.stop()
        report = self._reports.pop(item.nodeid, {"outcome": "error", "phase": "setup", "failure": None})
        seconds = time.perf_counter() - started
        if report["failure"] is None or report["failure"]["exception"] != "TestTimeout":
            self._slowest = max(self._slowest, seconds)
        self._send(item, report["outcome"], report["phase"], seconds, report["failure"])

    def _set_timers(self, factor: float) -> None:
        """Interrupt a test that does not end where it stands, so that its frames and values can be seen."""
        if self._limits is None or threading.current_thread() is not threading.main_thread():
            return
        cpu_s, wall_s = self._limits["test_cpu_s"], self._limits["test_wall_s"]
        patience = 10.0 * self._slowest
        first = min(wall_s, max(_LEAST_WALL_S, patience)) if self._endless else wall_s
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, factor * first, 0.2 * factor)
        self._wall_ends = time.monotonic() + wall_s
        self._ends = time.process_time() + cpu_s
        self._ends_early = time.process_time() + min(cpu_s, max(_LEAST_CPU_S, patience))
        tick = factor * min(_TICK_S, 0.5 * cpu_s)
        signal.signal(signal.SIGVTALRM, self._tick)
        signal.setitimer(signal.ITIMER_VIRTUAL, tick, tick)

    def _ring(self, signum: int, frame: Any) -> None:
        self._end(frame, time.monotonic() >= self._wall_ends)

    def _tick(self, signum: int, frame: Any) -> None:
        """Look at the test's processor time and memory.

        Memory is stopped short of the kernel's limit: where no integer can be made, CPython 3.11 never unwinds.
        """
        if self._limits is not None and limiting.mapped_now() > _MOST_OF_MEMORY * self._limits["memory_bytes"]:
            if self._place(frame):
                raise MemoryError("the test uses all memory that it may have")
        elif time.process_time() >= self._ends_early:
            self._end(frame, time.process_time() >= self._ends)

    def _end(self, frame: Any, over: bool) -> None:
        """Interrupt what had its whole time, and earlier what stands where another test did not end.

        Where one test does not end others will not: they are waited for ten times as long as the slowest that ended.
        Other tests keep their whole time, for a slow one is not endless.
        """
        place = self._place(frame) if over or self._endless else ()
        if place and (over or place in self._endless):
            self._endless.add(place)
            raise TestTimeout("the test did not end")

    def _place(self, frame: Any) -> Tuple[Tuple[str, int], ...]:
        """The project's functions that are running, without the test's own where it called another.

        Only the project's own code is interrupted: pytest, reporting one interruption, must not meet another.
        """
        found: List[Tuple[str, int]] = []
        while frame is not None:
            if recording.inside(self._root, frame.f_code.co_filename):
                found.append((frame.f_code.co_filename, frame.f_code.co_firstlineno))
            frame = frame.f_back
        return tuple(found[:-1] or found)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
        recorder = self._recorder if call.excinfo is not None else None
        if recorder is not None:
            recorder.rest()
        try:
            yield from self._reported(item, call)
        finally:
            if recorder is not None:
                recorder.go_on()

    def _reported(self, item: Any, call: Any) -> Generator[None, Any, None]:
        outcome = yield
        report: Any = outcome.get_result()
        kept = self._reports.setdefault(item.nodeid, {"outcome": "passed", "phase": "call", "failure": None})
        said = _outcome(report)
        if said == "passed" or kept["failure"] is not None:
            return
        kept.update(outcome=said, phase=report.when)
        if said in ("failed", "error"):
            kept["failure"] = self._failure(call.excinfo, report) if call.excinfo is not None else _textual(report)

    def _failure(self, excinfo: Any, report: Any) -> Dict[str, Any]:
        error = excinfo.value
        cause = getattr(error, "__cause__", None)
        if report.when == "collect" and cause is not None:
            error = cause
        compare = asserting.accounting(error, self._compare, self._asserts) or (None, None, None)
        frames = [] if self._brief else self._frames(error)
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            frames.append(self._frame_row(error.filename, error.lineno, "<module>", (error.text or "").strip(), []))
        return {
            "exception": type(error).__name__,
            "message": _message(error)[:_MAX_TEXT],
            "text": (_places(error) if self._brief else str(getattr(report, "longreprtext", "")))[-_MAX_TEXT:],
            "frames": frames,
            "operator": compare[0],
            "left": compare[1],
            "right": compare[2],
        }

    def _frames(self, error: BaseException) -> List[Dict[str, Any]]:
        rows: List[Dict[str, Any]] = []
        trace = error.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            path = frame.f_code.co_filename
            if recording.inside(self._root, path):
                rows.append(
                    self._frame_row(path, trace.tb_lineno, recording.qualname(frame.f_code), "", _locals(frame))
                )
            trace = trace.tb_next
        return rows if len(rows) <= _MAX_FRAMES else rows[: _MAX_FRAMES // 2] + rows[-_MAX_FRAMES // 2 :]

    def _frame_row(self, path: str, line: int, function: str, source: str, values: List[List[str]]) -> Dict[str, Any]:
        text = source or _source_line(path, line)
        return {
            "path": recording.relative(self._root, path),
            "line": line,
            "function": function,
            "source": text,
            "locals": values,
        }

    def _send(self, node: Any, outcome: str, phase: str, seconds: float, failure: Optional[Dict[str, Any]]) -> None:
        self.ids.append(str(node.nodeid))
        row = {"nodeid": self.ids[-1], "outcome": outcome, "phase": phase, "seconds": seconds, "failure": failure}
        row["kind"] = _kind(node)
        if self._recorder is not None:
            row.update(self._recorder.take(outcome == "passed"))
        self._emit(row)


def _kind(node: Any) -> str:
    """What a node of pytest's stands for: a linter's items stand in sources, as doctests do."""
    if any(kind.__name__ in ("DoctestItem", "DoctestModule", "DoctestTextfile") for kind in type(node).__mro__):
        return "doctest"
    return "test" if isinstance(node, (pytest.Function, pytest.Module, pytest.Class, pytest.Package)) else "other"


def _outcome(report: Any) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed" if report.passed else "failed"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    return "skipped" if report.skipped else "passed"


def _unrendered(excinfo: Any, style: Any = None) -> str:
    """What pytest shows of a failure, where nobody looks: rendering it takes longer than most tests."""
    return str(excinfo.typename)


def _textual(report: Any) -> Dict[str, Any]:
    text = str(getattr(report, "longreprtext", "") or getattr(report, "longrepr", ""))[-_MAX_TEXT:]
    last = text.strip().splitlines()[-1] if text.strip() else ""
    return {
        "exception": "Error",
        "message": last,
        "text": text,
        "frames": [],
        "operator": None,
        "left": None,
        "right": None,
    }


def _places(error: BaseException) -> str:
    """Where it came through, without the source lines that a whole traceback reads and parses."""
    return "".join('File "%s", line %d, in %s\n' % place for place in _trace_places(error))


def _trace_places(error: BaseException) -> Generator[Tuple[str, int, str], None, None]:
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        yield code.co_filename, trace.tb_lineno, code.co_name
        trace = trace.tb_next


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:  # boundary: the user's own __str__
        return "<message failed: %s>" % type(broken).__name__


def _locals(frame: Any) -> List[List[str]]:
    names = [name for name in frame.f_locals if not name.startswith(("@", "__"))][:_MAX_LOCALS]
    return [[name, recording.bounded_repr(frame.f_locals[name])] for name in names if not _dull(frame.f_locals[name])]


def _dull(value: object) -> bool:
    return type(value).__name__ in ("module", "function", "type", "builtin_function_or_method")


def _source_line(path: str, line: int) -> str:
    import linecache

    return linecache.getline(path, line).strip()[:_MAX_SOURCE]
