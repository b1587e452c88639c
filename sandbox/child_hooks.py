"""How the interpreter tells us where it is: `sys.monitoring` from Python 3.12 on, `sys.settrace` before.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
Either way a listener hears of the project's own code only. It has: `ours(code)`, `cover(code, line) -> bool` (the line
is new), `covered(code)` (no line of it is left), `enter(frame)`, `line(frame, line)`, `leave(frame, value)`,
`unwind(frame, name)`, `is_open(frame)`, `is_late() -> bool`, `met(frame, error, traceback)` (an exception came to a
frame) and `left(frame, number)` (that of this id ended it), and two flags: `deep` (steps are wanted, not only lines)
and `busy` (it runs user code itself).
"""

from __future__ import annotations

import dis
import sys
import threading
from typing import Any, cast

_frame: Any = getattr(sys, "_getframe")
_names: Any = dis.opname
_LOOK_AT_CLOCK = 256
_PATIENCE = 1_000
"""Lines that a frame may run without a new one before its lines are no longer listened to (`sys.settrace` only)."""


def hooks(listener: Any) -> Any:
    """What this interpreter can do: `start()` and `stop()`, and between them `rest()` and `go_on()`."""
    api: Any = getattr(sys, "monitoring", None)
    if api is not None:
        tool = next((n for n in (4, 3, 5, 2) if api.get_tool(n) is None), None)
        if tool is not None:
            return _Monitoring(listener, tool)
    return _Tracing(listener)


class _Monitoring:
    """A location that has nothing left to tell is disabled: the program then runs there at full speed."""

    def __init__(self, listener: Any, tool: int) -> None:
        self._listener = listener
        self._tool = tool
        self._api: Any = getattr(sys, "monitoring")
        self._api.use_tool_id(tool, "darner")
        events = self._api.events
        self._local = events.LINE | events.PY_RETURN | events.PY_RESUME
        self._listened: "set[int]" = set()
        self._codes: "list[Any]" = []
        for event, callback in (
            (events.PY_START, self._start),
            (events.PY_RESUME, self._resume),
            (events.LINE, self._line),
            (events.PY_RETURN, self._return),
            (events.PY_UNWIND, self._unwind),
            (events.RAISE, self._raise),
        ):
            self._api.register_callback(tool, event, callback)

    def start(self) -> None:
        self._api.restart_events()
        events = self._api.events
        self._api.set_events(self._tool, events.PY_START | events.PY_UNWIND | events.RAISE)

    def stop(self) -> None:
        self._api.set_events(self._tool, 0)

    def rest(self) -> None:
        """A busy listener hears nothing, and where nothing is heard it costs next to nothing."""

    def go_on(self) -> None:
        """As before."""

    def _start(self, code: Any, offset: int) -> Any:
        listener = self._listener
        if not listener.ours(code):
            return self._api.DISABLE
        if id(code) not in self._listened:
            self._listened.add(id(code))
            self._codes.append(code)  # as long as its id is remembered
            self._api.set_local_events(self._tool, code, self._local)
        if not listener.deep:
            return self._api.DISABLE
        if not listener.busy:
            listener.enter(_frame(1))
        return None

    def _resume(self, code: Any, offset: int) -> Any:
        return None if self._listener.deep else self._api.DISABLE

    def _line(self, code: Any, line: int) -> Any:
        listener = self._listener
        if listener.busy:
            return None
        listener.cover(code, line)
        if not listener.deep:
            return self._api.DISABLE
        listener.line(_frame(1), line)
        return None

    def _return(self, code: Any, offset: int, value: object) -> Any:
        listener = self._listener
        if listener.busy:
            return None
        frame = _frame(1)
        if not listener.deep and not listener.is_open(frame):
            return self._api.DISABLE
        listener.leave(frame, value)
        return None

    def _unwind(self, code: Any, offset: int, error: BaseException) -> None:
        if not self._listener.busy and self._listener.ours(code):
            self._listener.unwind(_frame(1), type(error).__name__)
            self._listener.left(_frame(1), id(error))

    def _raise(self, code: Any, offset: int, error: BaseException) -> None:
        if not self._listener.busy and self._listener.ours(code):
            self._listener.met(_frame(1), error, error.__traceback__)


class _Tracing:
    """Slower: once no more steps are wanted, a frame that shows nothing new is left alone, in the end all are."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._quiet: "dict[int, int]" = {}
        self._raised: "dict[int, tuple[str, int, int]]" = {}
        self._entered: "dict[int, Any]" = {}
        self._stopped = True

    def start(self) -> None:
        self._quiet, self._raised, self._entered = {}, {}, {}
        self._calls = 0
        threading.settrace(self._call)
        sys.settrace(self._call)
        self._stopped = False

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        self._entered = {}
        self._stopped = True

    def rest(self) -> None:
        """Listening costs by the call, whoever is called; a busy listener hears nothing anyway."""
        sys.settrace(None)

    def go_on(self) -> None:
        if not self._stopped:
            sys.settrace(self._call)

    def _call(self, frame: Any, event: str, arg: object) -> Any:
        listener = self._listener
        code = frame.f_code
        if not listener.ours(code) or listener.busy:
            return None
        if not listener.deep:
            self._calls += 1
            if not self._calls % _LOOK_AT_CLOCK and listener.is_late():
                self.stop()
            return None if listener.covered(code) else self._step
        if self._entered.get(id(frame)) is not frame:  # else a generator goes on
            self._entered[id(frame)] = frame
            listener.enter(frame)
        return self._step

    def _step(self, frame: Any, event: str, arg: object) -> Any:
        listener = self._listener
        if event == "line":
            new = listener.cover(frame.f_code, frame.f_lineno)
            if listener.deep:
                listener.line(frame, frame.f_lineno)
            elif new:
                self._quiet[id(frame)] = 0
            else:
                self._tire(frame)
        elif event == "exception":
            _, error, traceback = cast(Any, arg)  # before Python 3.12 the exception does not know its traceback yet
            # By its id: to hold it would keep what it holds.
            self._raised[id(frame)] = (type(error).__name__, id(error), frame.f_lasti)
            listener.met(frame, error, traceback)
        elif event == "return":
            self._return(frame, arg)
        return self._step

    def _tire(self, frame: Any) -> None:
        seen = self._quiet[id(frame)] = self._quiet.get(id(frame), 0) + 1
        if seen > _PATIENCE:
            frame.f_trace_lines = False
            if self._listener.is_late():  # even a frame that is left alone runs slower while anything is traced
                self.stop()

    def _return(self, frame: Any, value: object) -> None:
        """Also comes when an exception passes through, with None; and at every `yield`."""
        self._listener.cover(frame.f_code, frame.f_lineno)  # of a frame that was left alone, at least the last line
        self._quiet.pop(id(frame), None)
        error = self._raised.pop(id(frame), None)
        last: str = _names[frame.f_code.co_code[frame.f_lasti]] if frame.f_lasti >= 0 else ""
        yields = last.startswith("YIELD_") and not (error is not None and value is None and error[2] == frame.f_lasti)
        if error is not None and not last.startswith("RETURN_") and not yields:
            self._listener.unwind(frame, error[0])
            self._listener.left(frame, error[1])
        elif not yields:
            self._listener.leave(frame, value)
        else:
            return
        self._entered.pop(id(frame), None)
