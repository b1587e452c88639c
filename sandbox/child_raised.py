"""Which exceptions a test's code met, where each was raised, and the function that did not let it through.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Set, Tuple

values: Any = sys.modules["_darner_child_record"]  # loaded before by child.py: this file has no import path

_MOST, _MOST_OF_ONE = 200, 3
_MOST_MET, _MOST_FLYING = 20_000, 1_000
"""A program may raise millions: what it does so often is its way."""
_MOST_MESSAGE = 200
_ENDS = frozenset(("StopIteration", "StopAsyncIteration", "GeneratorExit", "KeyboardInterrupt", "SystemExit"))
"""How loops, generators and programs end."""
_OWN = frozenset((
    NameError, UnboundLocalError, AttributeError, TypeError, ImportError, ModuleNotFoundError, RecursionError,
    ZeroDivisionError, IndexError,
))  # fmt: skip
"""Python's own: what they say is a text of Python's, so that looking at it runs nothing of the user's."""


class _Flight:
    """One exception on its way up. Nobody holds it for us, so that another one may get its id."""

    __slots__ = ("caught_in", "code", "frames", "line", "message", "name")

    def __init__(self, name: str, message: str, code: Any, line: int) -> None:
        self.name = name
        self.message = message
        self.code = code
        self.line = line
        self.frames: Set[int] = set()
        self.caught_in: Any = None
        """The code that it came to last and has not left."""


class Raised:
    """Of one test."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._kept: List[_Flight] = []
        self._often: Dict[Tuple[Any, int, str], int] = {}
        self._flying: Dict[int, _Flight] = {}
        self._met = 0

    @property
    def rows(self) -> List[Dict[str, Any]]:
        """Those that a function of the project ended; what left them all was somebody else's to catch."""
        return [self._row(flight) for flight in self._kept if flight.caught_in is not None]

    def met(self, frame: Any, error: BaseException, traceback: Any) -> None:
        """It was raised in this frame, or has come to it; its traceback begins here."""
        name = type(error).__name__
        self._met += 1
        if traceback is None or name in _ENDS or self._met > _MOST_MET:
            return
        flight = self._flying.get(id(error))
        if flight is None or flight.name != name or not _passed(flight, traceback.tb_next):
            flight = self._new(frame.f_code, error, name, traceback.tb_lineno)
        flight.frames.add(id(frame))
        flight.caught_in = frame.f_code

    def left(self, frame: Any, number: int) -> None:
        """The exception of this id ended this frame."""
        flight = self._flying.get(number)
        if flight is not None and id(frame) in flight.frames:
            flight.caught_in = None

    def _new(self, code: Any, error: BaseException, name: str, line: int) -> _Flight:
        if len(self._flying) > _MOST_FLYING:
            self._flying.clear()
        often = self._often[code, line, name] = self._often.get((code, line, name), 0) + 1
        flight = self._flying[id(error)] = _Flight(name, _message(error), code, line)
        if often <= _MOST_OF_ONE and len(self._kept) < _MOST:  # else it is followed, and forgotten
            self._kept.append(flight)
        return flight

    def _row(self, flight: _Flight) -> Dict[str, Any]:
        code, catcher = flight.code, flight.caught_in
        return {
            "path": values.relative(self._root, code.co_filename),
            "line": flight.line,
            "function": values.qualname(code),
            "exception": flight.name,
            "message": flight.message,
            "catcher": values.qualname(catcher),
            "catcher_path": values.relative(self._root, catcher.co_filename),
        }


def _passed(flight: _Flight, traceback: Any) -> bool:
    """It went through a frame of this flight: below where it is now, or where a context manager was given it."""
    while traceback is not None:
        if id(traceback.tb_frame) in flight.frames:
            return True
        traceback = traceback.tb_next
    return False


def _message(error: BaseException) -> str:
    args = error.args if type(error) in _OWN else ()
    return args[0][:_MOST_MESSAGE] if len(args) == 1 and type(args[0]) is str else ""
