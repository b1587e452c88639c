"""Which calls a test made: each with its arguments as text and how it ended, the first of them and the last.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any, Deque, Dict, List, Optional, Tuple

values: Any = sys.modules["_darner_child_record"]  # loaded before by child.py: this file has no import path
writing: Any = sys.modules["_darner_child_written"]

_MAX_REPLAY = 2_000
_MAX_CALLS, _CALL_BYTES = 400, 700_000
_LATE_CALLS, _LATE_BYTES = 40, 60_000
"""Of a test that makes more calls its last ones are kept as well: they say most about its failure."""
_MOST_LOOKS = 32
"""At objects of one function whose reprs say nothing."""

Call = Dict[str, Any]


class Called:
    """The calls of one test. Its methods run the user's `__repr__`: nobody may listen meanwhile."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._early: List[Call] = []
        self._seen: Dict[Tuple[str, str], Call] = {}
        self._again: Dict[int, Tuple[str, str]] = {}
        self._late: Deque[Tuple[int, Call]] = deque()
        self._late_size = self._size = 0
        self._looks: Dict[str, int] = {}

    @property
    def rows(self) -> List[Call]:
        return self._early + [call for _, call in self._late]

    def entered(self, frame: Any) -> Call:
        """The row of a call that begins, in which its end is to be told."""
        code = frame.f_code
        local = frame.f_locals
        given = [(name, local[name]) for name in values.parameters(code) if name in local]
        rows = [(name, values.bounded_repr(value, _MAX_REPLAY)) for name, value in given]
        place = code.co_filename + ":" + str(code.co_firstlineno)
        key = (place, repr(rows))
        row: Call = {
            "path": values.relative(self._root, code.co_filename),
            "line": code.co_firstlineno,
            "function": values.qualname(code),
            "arguments": rows,
            "text": "",
            "result": None,
            "exception": None,
        }
        if self._size > _CALL_BYTES or len(self._early) >= _MAX_CALLS:
            return self._keep_late(row, byte_count(key[1]))
        self._size += byte_count(key[1])
        if key in self._seen and not self._may_hide(place, rows):
            return self._repeated(row, key)
        row["text"] = text = writing.call(self._root, code, given, frame.f_globals)
        if key in self._seen and (place, text) in self._seen:
            return self._repeated(row, (place, text))
        self._seen[key] = self._seen[place, text] = row
        self._size += byte_count(text)
        self._early.append(row)
        return row

    def returned(self, call: Call, value: object) -> None:
        self._ended(call, "result", values.bounded_repr(value))

    def raised(self, call: Call, name: str) -> None:
        self._ended(call, "exception", name)

    def _keep_late(self, row: Call, size: int) -> Call:
        self._late.append((size, row))
        self._late_size += size
        while len(self._late) > _LATE_CALLS or self._late_size > _LATE_BYTES:
            self._late_size -= self._late.popleft()[0]
        return row

    def _repeated(self, row: Call, key: Tuple[str, str]) -> Call:
        """A call that was recorded before: again only where it ends in another way."""
        row["text"] = self._seen[key]["text"]
        self._again[id(row)] = key
        return row

    def _ended(self, call: Call, how: str, value: str) -> None:
        call[how] = value
        key: Optional[Tuple[str, str]] = self._again.pop(id(call), None)
        if key is not None and call[how] != self._seen[key][how] and len(self._early) < _MAX_CALLS:
            self._seen[key] = call
            self._early.append(call)

    def _may_hide(self, place: str, rows: List[Tuple[str, str]]) -> bool:
        """Objects that look the same may hold other values; of a function called often not all are looked at."""
        if not any(text.endswith(" object>") for _, text in rows):
            return False
        self._looks[place] = self._looks.get(place, 0) + 1
        return self._looks[place] <= _MOST_LOOKS


def byte_count(text: str) -> int:
    """At most, once it is JSON."""
    return len(text) if text.isascii() else 6 * len(text)
