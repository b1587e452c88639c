"""Lines and calls of the project's own code while one test runs, and bounded reprs of its values.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import threading
from typing import Any, Callable, Dict, List, Set, Tuple

_MAX_REPR = 240
_MAX_REPLAY = 2_000
_MAX_CALLS = 400
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SIZED: Any = (str, bytes, list, tuple, set, frozenset, dict)


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
            ours = self._ours[code] = inside(self._root, code.co_filename)
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
            "path": relative(self._root, code.co_filename),
            "line": code.co_firstlineno,
            "function": qualname(code),
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


def qualname(code: Any) -> str:
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


def inside(root: str, path: str) -> bool:
    if not path.startswith(root + os.sep):
        return False
    rest = path[len(root) :]
    return not any(part in rest for part in ("/site-packages/", "/.venv/", "/venv/", "/.tox/", "/.nox/"))


def relative(root: str, path: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/") if path.startswith(root + os.sep) else path
