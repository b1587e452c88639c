"""A pytest plugin that reports what every test did, from inside the sandbox.

Runs in the user's interpreter (Python 3.9 to 3.14, pytest 7 to 9) and imports the standard library only.
What it writes is data for wire.py; nothing here decides whether a candidate is good.
"""

from __future__ import annotations

import ast
import os
import re
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, Generator, List, Optional, Set, Tuple

import pytest

_MAX_REPR = 240
_MAX_REPLAY = 2_000
_MAX_TEXT = 8_000
_MAX_FRAMES = 24
_MAX_LOCALS = 40
_MAX_CALLS = 400
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_SIZED: Any = (str, bytes, list, tuple, set, frozenset, dict)

Emit = Callable[[Dict[str, Any]], None]


def bounded_repr(value: object, limit: int = _MAX_REPR) -> str:
    """A repr that never raises and never grows: user code may define any `__repr__`."""
    try:
        size = len(value) if isinstance(value, _SIZED) else 0  # type: ignore[arg-type]
        if size > 20 * limit:
            return "<%s of %d items>" % (type(value).__name__, size)
        text = _ADDRESS.sub("", repr(value))
    except BaseException as error:  # boundary: the user's own __repr__
        return "<repr failed: %s>" % type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


class TestTimeout(BaseException):
    """Not an Exception, so that the code under test does not catch it."""

    __test__ = False


class Probe:
    """Collects per-test reports and, when asked, executed lines and calls of project functions."""

    def __init__(self, root: str, detail: str, emit: Emit, limits: Optional[Dict[str, Any]]) -> None:
        self._limits = dict(limits) if limits is not None else None
        self._slowest = 0.0
        self._root = root
        self._emit = emit
        self._brief = detail == "verdicts"
        traced = detail in ("coverage", "evidence")
        self._recorder = Recorder(root, calls=detail == "evidence") if traced else None
        self._reports: Dict[str, Dict[str, Any]] = {}
        self._compare: Optional[Tuple[str, str, str]] = None
        self.ids: List[str] = []
        self.collected: List[str] = []

    def pytest_collection_finish(self, session: Any) -> None:
        self.collected = [item.nodeid for item in session.items]
        if self._brief:
            session.config.option.tbstyle = "native"
            session.config.option.maxfail = 1

    def pytest_assertrepr_compare(self, config: Any, op: str, left: object, right: object) -> None:
        self._compare = (op, bounded_repr(left), bounded_repr(right))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, None]:
        outcome = yield
        report: Any = outcome.get_result()
        if report.failed:
            excinfo = getattr(getattr(report, "call", None), "excinfo", None)
            failure = self._failure(excinfo, report) if excinfo is not None else _textual(report)
            self._send(str(report.nodeid), "error", "collect", 0.0, failure)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, Any, None]:
        started = time.perf_counter()
        if self._recorder is not None:
            self._recorder.start()
        self._set_timers(1.0)
        yield
        self._set_timers(0.0)
        if self._recorder is not None:
            self._recorder.stop()
        report = self._reports.pop(item.nodeid, {"outcome": "error", "phase": "setup", "failure": None})
        seconds = time.perf_counter() - started
        self._learn_patience(report["failure"], seconds)
        self._send(item.nodeid, report["outcome"], report["phase"], seconds, report["failure"])

    def _set_timers(self, factor: float) -> None:
        """Interrupt a test that does not end where it stands, so that its frames and values can be seen."""
        if self._limits is None or threading.current_thread() is not threading.main_thread():
            return
        for kind, timer, key in (
            (signal.SIGALRM, signal.ITIMER_REAL, "test_wall_s"),
            (signal.SIGVTALRM, signal.ITIMER_VIRTUAL, "test_cpu_s"),
        ):
            signal.signal(kind, self._interrupt)
            signal.setitimer(timer, factor * self._limits[key], 0.2 * factor)

    def _learn_patience(self, failure: Optional[Dict[str, Any]], seconds: float) -> None:
        """Where one test does not end others will not: wait for them ten times as long as the slowest that ended."""
        if failure is None or failure["exception"] != "TestTimeout":
            self._slowest = max(self._slowest, seconds)
        elif self._limits is not None:
            patience = max(1.0, 10.0 * self._slowest)
            for key in ("test_wall_s", "test_cpu_s"):
                self._limits[key] = min(self._limits[key], patience)

    def _interrupt(self, signum: int, frame: Any) -> None:
        """Only inside the project's own code: pytest, reporting the first interruption, must not be hit by a second."""
        while frame is not None:
            if _inside(self._root, frame.f_code.co_filename):
                raise TestTimeout("the test did not end")
            frame = frame.f_back

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
        outcome = yield
        report: Any = outcome.get_result()
        kept = self._reports.setdefault(item.nodeid, {"outcome": "passed", "phase": "call", "failure": None})
        said = _outcome(report)
        if said == "passed" or kept["failure"] is not None:
            return
        kept.update(outcome=said, phase=report.when)
        if said in ("failed", "error"):
            kept["failure"] = self._failure(call.excinfo, report) if call.excinfo is not None else _textual(report)
        self._compare = None

    def _failure(self, excinfo: Any, report: Any) -> Dict[str, Any]:
        error = excinfo.value
        cause = getattr(error, "__cause__", None)
        if report.when == "collect" and cause is not None:
            error = cause
        compare = self._compare or (None, None, None)
        frames = [] if self._brief else self._frames(error)
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            frames.append(self._frame_row(error.filename, error.lineno, "<module>", (error.text or "").strip(), []))
        return {
            "exception": type(error).__name__,
            "message": _message(error)[:_MAX_TEXT],
            "text": str(getattr(report, "longreprtext", ""))[-_MAX_TEXT:],
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
            if _inside(self._root, path):
                rows.append(self._frame_row(path, trace.tb_lineno, _qualname(frame.f_code), "", _locals(frame)))
            trace = trace.tb_next
        return rows if len(rows) <= _MAX_FRAMES else rows[: _MAX_FRAMES // 2] + rows[-_MAX_FRAMES // 2 :]

    def _frame_row(self, path: str, line: int, function: str, source: str, values: List[List[str]]) -> Dict[str, Any]:
        text = source or _source_line(path, line)
        return {
            "path": _relative(self._root, path),
            "line": line,
            "function": function,
            "source": text,
            "locals": values,
        }

    def _send(self, nodeid: str, outcome: str, phase: str, seconds: float, failure: Optional[Dict[str, Any]]) -> None:
        self.ids.append(nodeid)
        lines, calls = self._recorder.take() if self._recorder is not None else ({}, [])
        self._emit(
            {
                "nodeid": nodeid,
                "outcome": outcome,
                "phase": phase,
                "seconds": seconds,
                "failure": failure,
                "lines": {_relative(self._root, path): sorted(found) for path, found in lines.items()},
                "calls": calls,
            }
        )


class Recorder:
    """Lines and calls of the project's own code while one test runs, by `sys.settrace`."""

    def __init__(self, root: str, calls: bool) -> None:
        self._root = root
        self._want_calls = calls
        self._ours: Dict[Any, bool] = {}
        self._lines: Dict[str, Set[int]] = {}
        self._calls: List[Dict[str, Any]] = []
        self._seen: Set[Tuple[str, str]] = set()
        self._open: Dict[int, Dict[str, Any]] = {}
        self._busy = False

    def start(self) -> None:
        threading.settrace(self._enter)
        sys.settrace(self._enter)

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def take(self) -> Tuple[Dict[str, Set[int]], List[Dict[str, Any]]]:
        lines, calls = self._lines, self._calls
        self._lines, self._calls, self._seen, self._open = {}, [], set(), {}
        return lines, calls

    def _enter(self, frame: Any, event: str, arg: object) -> Any:
        code = frame.f_code
        ours = self._ours.get(code)
        if ours is None:
            ours = self._ours[code] = _inside(self._root, code.co_filename)
        if not ours or self._busy:
            return None
        self._lines.setdefault(code.co_filename, set())
        if self._want_calls and code.co_name[0] != "<" and len(self._calls) < _MAX_CALLS:
            self._record_call(frame)
        return self._step

    def _step(self, frame: Any, event: str, arg: object) -> Any:
        if event == "line":
            self._lines.setdefault(frame.f_code.co_filename, set()).add(frame.f_lineno)
            call = self._open.get(id(frame))
            if call is not None:
                call["handled"] = call["exception"] is not None
        elif event == "return":
            call = self._open.pop(id(frame), None)
            if call is not None:
                self._close_call(call, arg)
        elif event == "exception":
            call = self._open.get(id(frame))
            if call is not None:
                call["exception"] = getattr(arg[0], "__name__", "Exception")  # type: ignore[index]
        return self._step

    def _close_call(self, call: Dict[str, Any], value: object) -> None:
        """A `finally` block also runs lines after an exception: then a None says nothing about the result."""
        handled = call.pop("handled", False)
        if call["exception"] is None or (handled and value is not None):
            call["result"], call["exception"] = self._quietly(bounded_repr, value), None

    def _record_call(self, frame: Any) -> None:
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + _stars(code)]
        values = [(name, frame.f_locals[name]) for name in names if name in frame.f_locals]
        rows: List[Tuple[str, str]] = self._quietly(
            lambda: [(name, bounded_repr(value, _MAX_REPLAY)) for name, value in values]
        )
        key = (code.co_filename + ":" + str(code.co_firstlineno), repr(rows))
        if key in self._seen:
            return
        self._seen.add(key)
        row: Dict[str, Any] = {
            "path": _relative(self._root, code.co_filename),
            "line": code.co_firstlineno,
            "function": _qualname(code),
            "arguments": rows,
            "replayable": self._quietly(_all_replay, values, rows, frame.f_globals),
            "result": None,
            "exception": None,
        }
        self._calls.append(row)
        self._open[id(frame)] = row

    def _quietly(self, work: Callable[..., Any], *arguments: object) -> Any:
        """Run the user's `__repr__` and `__eq__` without tracing them."""
        self._busy = True
        try:
            return work(*arguments)
        finally:
            self._busy = False


def _all_replay(values: List[Tuple[str, object]], rows: List[Tuple[str, str]], namespace: Dict[str, Any]) -> bool:
    return all(_replays(value, text, namespace) for (_, value), (_, text) in zip(values, rows))


def _replays(value: object, text: str, namespace: Dict[str, Any]) -> bool:
    try:
        try:
            return bool(ast.literal_eval(text) == value)
        except (ValueError, SyntaxError):
            again = eval(text, dict(namespace))
            return type(again) is type(value) and bool(again == value)
    except BaseException:  # boundary: the user's own classes
        return False


def _outcome(report: Any) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed" if report.passed else "failed"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    return "skipped" if report.skipped else "passed"


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


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:  # boundary: the user's own __str__
        return "<message failed: %s>" % type(broken).__name__


def _locals(frame: Any) -> List[List[str]]:
    names = [name for name in frame.f_locals if not name.startswith(("@", "__"))][:_MAX_LOCALS]
    return [[name, bounded_repr(frame.f_locals[name])] for name in names if not _dull(frame.f_locals[name])]


def _dull(value: object) -> bool:
    return type(value).__name__ in ("module", "function", "type", "builtin_function_or_method")


def _qualname(code: Any) -> str:
    return str(getattr(code, "co_qualname", "") or _qualname_by_class(code))


def _qualname_by_class(code: Any) -> str:
    """Python before 3.11 has no `co_qualname`: read it from the file, once per code object."""
    known = _QUALNAMES.get(code)
    if known is None:
        known = _QUALNAMES[code] = _look_up_qualname(code)
    return known


_QUALNAMES: Dict[Any, str] = {}


def _look_up_qualname(code: Any) -> str:
    try:
        with open(code.co_filename, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return str(code.co_name)
    stack: List[Tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                first = min([child.lineno] + [d.lineno for d in child.decorator_list])
                if child.name == code.co_name and first == code.co_firstlineno:
                    return prefix + child.name
                name = prefix + child.name + ("." if isinstance(child, ast.ClassDef) else ".<locals>.")
            stack.append((child, name))
    return str(code.co_name)


def _stars(code: Any) -> int:
    return bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)


def _inside(root: str, path: str) -> bool:
    if not path.startswith(root + os.sep):
        return False
    rest = path[len(root) :]
    return not any(part in rest for part in ("/site-packages/", "/.venv/", "/venv/", "/.tox/", "/.nox/"))


def _relative(root: str, path: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/") if path.startswith(root + os.sep) else path


def _source_line(path: str, line: int) -> str:
    import linecache

    return linecache.getline(path, line).strip()[:_MAX_REPR]
