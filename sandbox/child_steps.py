"""What one test did: its lines, and the order of its steps with the values they left; its calls: child_called.py.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
Steps are kept from the beginning and from the end; recording them stops when it has had its time, and lines go on.
"""

from __future__ import annotations

import dis
import sys
import threading
import time
from collections import deque
from typing import Any, Deque, Dict, List, Optional, Set, Tuple

values: Any = sys.modules["_darner_child_record"]  # loaded before by child.py: this file has no import path
listening: Any = sys.modules["_darner_child_hooks"]
calling: Any = sys.modules["_darner_child_called"]
raising: Any = sys.modules["_darner_child_raised"]

_GENERATOR = 0x20 | 0x200
"""What its code ends with is not what the call returned."""
_MAX_ACTIVATIONS = 2_000
_HEAD, _TAIL = 1_500, 1_500
_PASSED_STEPS = 600
_STEP_BYTES = 700_000
_LOOK_AT_CLOCK = 31
_ABSENT = object()
_DULL = ("module", "function", "type", "builtin_function_or_method")


class _Open:
    """An activation that has not ended."""

    __slots__ = ("call", "frame", "known", "last", "number", "plain", "touched")

    def __init__(self, frame: Any, number: int, call: Optional[Dict[str, Any]], touched: Any) -> None:
        self.frame = frame
        self.number = number
        self.call = call
        self.touched = touched
        self.last: Optional[List[Any]] = None
        self.known: Dict[str, str] = {}
        self.plain: Dict[str, object] = {}


class Recorder:
    """The listener of child_hooks.py for one test after another."""

    def __init__(self, root: str, deep: bool, trace_s: float, trace_wall_s: float) -> None:
        self._root = root
        self._wanted = deep
        self._trace_s, self._trace_wall_s = trace_s, trace_wall_s
        self._ours: Dict[int, Tuple[Any, bool]] = {}
        self._all: Dict[int, Set[int]] = {}
        self._touched: Dict[int, Tuple[Any, Dict[int, Tuple[str, ...]]]] = {}
        self._reset()
        self._hooks: Any = listening.hooks(self)

    def _reset(self) -> None:
        self.deep = self._wanted
        self.busy = False
        self._lines: Dict[int, Tuple[Any, Set[int]]] = {}
        self._calls: Any = calling.Called(self._root)
        self._raised: Any = raising.Raised(self._root)
        self._open: Dict[int, _Open] = {}
        self._activations: List[Dict[str, Any]] = []
        self._head: List[List[Any]] = []
        self._tail: Deque[List[Any]] = deque(maxlen=_TAIL)
        self._totals: Dict[int, int] = {}
        self._unended: Optional[Set[int]] = None
        self._count = self._heard = self._step_size = 0

    def start(self) -> None:
        self._reset()
        self._thread = threading.get_ident()
        self._began, self._began_wall = time.thread_time(), time.perf_counter()
        self._hooks.start()

    def rest(self) -> None:
        """While pytest renders a failure: a thousand calls of its own, and of the user's `__repr__` for it."""
        self.busy = True
        self._hooks.rest()

    def go_on(self) -> None:
        self.busy = False
        self._hooks.go_on()

    def stop(self) -> None:
        self._hooks.stop()
        for opened in list(self._open.values()):
            self._settle(opened)
        self._open.clear()

    def take(self, passed: bool) -> Dict[str, Any]:
        """The test's rows; of a test that passed only the beginning of its path, without values."""
        lines: Dict[str, Set[int]] = {}
        for code, found in self._lines.values():
            lines.setdefault(values.relative(self._root, code.co_filename), set()).update(found)
        covered = {path: sorted(found) for path, found in lines.items()}
        row: Dict[str, Any] = {"lines": covered, "calls": self._calls.rows, "raised": self._raised.rows}
        if self._wanted:
            row["trace"] = self._trace(passed)
        self._reset()
        return row

    def _trace(self, passed: bool) -> Dict[str, Any]:
        steps: List[Any] = self._head + list(self._tail)
        cut = self._unended is not None
        if passed:
            cut = cut or len(steps) > _PASSED_STEPS
            steps = [[number, line, []] for number, line, _ in steps[:_PASSED_STEPS]]
        last = max((step[0] for step in steps), default=-1)
        dropped = self._count - len(steps)
        self._count_unbroken(steps[:_HEAD] if dropped else steps)
        return {"activations": self._activations[: last + 1], "steps": steps, "dropped": dropped, "cut": cut}

    def _count_unbroken(self, beginning: List[Any]) -> None:
        kept: Dict[int, int] = {}
        for number, _, _ in beginning:
            kept[number] = kept.get(number, 0) + 1
        for number, total in self._totals.items():
            if kept.get(number, 0) != total or number in (self._unended or ()):
                self._activations[number]["unbroken"] = kept.get(number, 0)

    # ------------------------------------------------------------ what the hooks ask and tell

    def ours(self, code: Any) -> bool:
        known = self._ours.get(id(code))
        if known is None:
            known = self._ours[id(code)] = (code, values.inside(self._root, code.co_filename))
        return known[1]

    def cover(self, code: Any, line: int) -> bool:
        known = self._lines.get(id(code))
        if known is None:
            known = self._lines[id(code)] = (code, set())
        if line in known[1]:
            return False
        known[1].add(line)
        return True

    def covered(self, code: Any) -> bool:
        if id(code) not in self._all:
            self._all[id(code)] = {line for _, line in dis.findlinestarts(code) if line}
        known = self._lines.get(id(code))
        return known is not None and known[1] >= self._all[id(code)]

    def is_open(self, frame: Any) -> bool:
        return id(frame) in self._open

    def is_late(self) -> bool:
        """Where listening to lines is dear, it too must end."""
        return self._wanted and self._had_its_time(1.25)

    def _had_its_time(self, factor: float) -> bool:
        """Both clocks: a busy machine must not cost a short test its evidence, nor a long one many times its run."""
        if time.perf_counter() - self._began_wall < factor * self._trace_wall_s:
            return False
        return time.thread_time() - self._began > factor * self._trace_s

    def enter(self, frame: Any) -> None:
        code = frame.f_code
        self._lines.setdefault(id(code), (code, set()))
        if threading.get_ident() != self._thread:
            return
        call = self._quietly(self._calls.entered, frame) if code.co_name[0] != "<" else None
        if len(self._activations) >= _MAX_ACTIVATIONS:
            if call is not None:
                self._open[id(frame)] = _Open(frame, -1, call, {})
            return
        caller = self._caller(frame)
        opened = _Open(frame, len(self._activations), call, self._touched_by(code))
        row: Dict[str, Any] = {
            "path": values.relative(self._root, code.co_filename),
            "function": values.qualname(code),
            "line": code.co_firstlineno,
            "caller": caller.number if caller is not None else -1,
            "at": caller.last[1] if caller is not None and caller.last is not None else 0,
            "arguments": self._glances(opened, values.parameters(code)),
            "result": None,
            "exception": None,
            "unbroken": -1,
        }
        self._activations.append(row)
        self._open[id(frame)] = opened

    def line(self, frame: Any, line: int) -> None:
        self._heard += 1
        if not self._heard & _LOOK_AT_CLOCK and self._had_its_time(1.0):
            self.deep = False
            self._unended = self._unended or {each.number for each in self._open.values()}
        opened = self._open.get(id(frame))
        if opened is None or opened.number < 0 or opened.frame is not frame:
            return
        self._settle(opened)
        opened.last = [opened.number, line, []]
        if self._count < _HEAD:
            self._head.append(opened.last)
        else:
            self._tail.append(opened.last)
        self._count += 1
        self._totals[opened.number] = self._totals.get(opened.number, 0) + 1

    def leave(self, frame: Any, value: object) -> None:
        opened = self._closed(frame)
        if opened is None:
            return
        if opened.number >= 0:
            self._activations[opened.number]["result"] = self._quietly(values.glance, value)
        if opened.call is not None and not frame.f_code.co_flags & _GENERATOR:
            self._quietly(self._calls.returned, opened.call, value)

    def unwind(self, frame: Any, name: str) -> None:
        opened = self._closed(frame)
        if opened is None:
            return
        if opened.number >= 0:
            self._activations[opened.number]["exception"] = name
        if opened.call is not None and name != "GeneratorExit":  # that is nobody's failure: the rest was not wanted
            self._calls.raised(opened.call, name)

    def met(self, frame: Any, error: BaseException, traceback: Any) -> None:
        if threading.get_ident() == self._thread:
            self._raised.met(frame, error, traceback)

    def left(self, frame: Any, number: int) -> None:
        self._raised.left(frame, number)

    def _closed(self, frame: Any) -> Optional[_Open]:
        """The activation that ends here; None where none was opened for this frame."""
        opened = self._open.get(id(frame))
        if opened is None or opened.frame is not frame:
            return None
        del self._open[id(frame)]
        self._settle(opened)
        return opened

    # ------------------------------------------------------------ values

    def _settle(self, opened: _Open) -> None:
        """What the last line of this activation left behind, where it changed."""
        names = opened.touched.get(opened.last[1]) if opened.last is not None else None
        if names and opened.last is not None:
            opened.last[2] += self._glances(opened, names)

    def _glances(self, opened: _Open, names: Tuple[str, ...]) -> List[Tuple[str, str]]:
        found: List[Tuple[str, str]] = []
        if self._step_size > _STEP_BYTES:
            return found
        local = opened.frame.f_locals
        for name in names:
            value = _value(local, name)
            if value is _ABSENT or (values.is_plain(value) and opened.plain.get(name, _ABSENT) is value):
                continue
            opened.plain[name] = value if values.is_plain(value) else _ABSENT
            text = self._quietly(values.glance, value)
            if opened.known.get(name) != text:
                opened.known[name] = text
                self._step_size += calling.byte_count(name) + calling.byte_count(text)
                found.append((name, text))
        return found

    def _touched_by(self, code: Any) -> Dict[int, Tuple[str, ...]]:
        known = self._touched.get(id(code))
        if known is None:
            known = self._touched[id(code)] = (code, values.touched_names(code))
        return known[1]

    def _caller(self, frame: Any) -> Optional[_Open]:
        back = frame.f_back
        while back is not None:
            opened = self._open.get(id(back))
            if opened is not None and opened.frame is back and opened.number >= 0:
                return opened
            back = back.f_back
        return None

    def _quietly(self, work: Any, *arguments: object) -> Any:
        """Run the user's `__repr__` and `__eq__` without listening to them."""
        self.busy = True
        try:
            return work(*arguments)
        finally:
            self.busy = False


def _value(local: Any, name: str) -> object:
    base, _, attribute = name.partition(".")
    value = local.get(base, _ABSENT)
    if attribute and value is not _ABSENT:
        value = getattr(value, "__dict__", {}).get(attribute, _ABSENT)
    return _ABSENT if type(value).__name__ in _DULL else value
