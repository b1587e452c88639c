"""Which of many candidates fail, found in one run (child_screen.py is the inside).

Candidates of one screen are confined from the machine, but not from each other. So nothing heard here is a pass: who
was not seen to fail is run by itself, with a jail of its own. Nor may one make another fail: where tests leave files or
processes behind there are no more screens, and each screen ends with the unchanged code, which must fail as it did
before any candidate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from . import wire
from .conversation import Conversation
from .types import Detail, Limits, RunResult, Status, TestResult
from .verdict import judge
from .wire import Row
from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class Screened:
    """How a candidate was seen to fail."""

    run: RunResult
    alone: bool
    """No candidate ran in its process before it; else that one may be the reason."""


Failures = tuple[Screened | None, ...]
"""How each candidate failed; None where that is not known, and it may pass. Shorter when the time was up: the others
were not tried."""
_TELLING = (Status.FAIL, Status.TIMEOUT, Status.CRASH, Status.OOM)
_VOID = ("forged", "flood", "infra", "lost", "cancel", "timeout")
"""Ends after which no row is believed, and which say nothing of the tests."""
_MOST_DIRTY = 3
"""Processes of one screen that had to end after a single candidate: from then on each has its own unasked."""
_KEPT_BY_TOOLS = (".hypothesis/", ".pytest_cache/")
"""What tools write beside the tests, and no test reads."""
_UNCHANGED: Mapping[str, object] = {}
_ADDRESS = re.compile(r"0x[0-9a-f]+|/pytest-\d+/\S*")
_Signature = tuple[tuple[str, str, str, str], ...]
"""Of each test: its node id, its outcome, its exception and what that said, without addresses and temporary folders."""


class Screen:
    """Of one session; remembers which of its tests can be screened, and how."""

    def __init__(self, workspace: Workspace, talk: Conversation) -> None:
        self._workspace, self._talk = workspace, talk
        self._unchanged: dict[tuple[str, ...], _Signature | None] = {}
        """How tests fail without a candidate, by their node ids; None where each candidate needs its own process."""
        self._littering: set[tuple[str, ...]] = set()
        self._apart = True
        self.off_because = ""
        """Why tests were not screened any more, the last time that this was found."""

    def failures(
        self,
        nodeids: Sequence[str],
        candidates: Sequence[Mapping[str, bytes]],
        together: bool,
        limits: Limits,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Failures:
        """How each candidate fails, in one run of all, at its first failing test as `Detail.VERDICTS` says.

        `together`: one process may try several. Then the unchanged code runs too, so it must end by itself.
        """
        unknown: Failures = (None,) * len(candidates)
        key = tuple(nodeids)
        if key in self._littering or not self._apart:
            return unknown
        self._talk.put_back()
        changes = self._changes(candidates)
        if changes is None:
            return unknown
        if not together:
            self._unchanged[key] = None
        before = [_UNCHANGED] if key not in self._unchanged else []
        after = [_UNCHANGED] if self._unchanged.get(key, ()) is not None else []
        rows = self._rows(nodeids, [*before, *changes, *after], bool(after), limits, cancelled)
        if not rows:
            return unknown
        found = tuple(_failure(n, nodeids, rows, limits) for n in range(len(before) + len(changes) + len(after)))
        if before:
            self._unchanged[key] = _signature(found[0])
        if after and (self._unchanged[key] is None or _signature(found[-1]) != self._unchanged[key]):
            self._unchanged[key] = None
            return unknown
        if sum("dirty" in row for row in rows) >= _MOST_DIRTY:
            self._unchanged[key] = None
        late = next((row["late"] for row in rows if isinstance(row.get("late"), int)), len(found))
        told = found[len(before) : min(cast(int, late), len(before) + len(changes))]
        self._talk.exchanged += sum(one is not None for one in told)
        return told

    def _rows(
        self,
        nodeids: Sequence[str],
        changes: Sequence[Mapping[str, object]],
        together: bool,
        limits: Limits,
        cancelled: Callable[[], bool],
    ) -> Sequence[Row]:
        """What was said; nothing where that cannot be believed."""
        request: dict[str, object] = {"do": "screen", "nodeids": list(nodeids), "detail": str(Detail.VERDICTS)}
        edited = {path for row in changes for path in row}
        request.update(candidates=changes, edited=sorted(edited), together=together)
        rows, end = self._talk.hold(request, {}, limits, cancelled, lambda row: None)
        if end["why"] in _VOID or any("unstaged" in row for row in rows):
            return ()
        if self._left_behind(rows, end, edited):
            self._littering.add(tuple(nodeids))
            return ()
        return rows

    def _changes(self, candidates: Sequence[Mapping[str, bytes]]) -> list[dict[str, object]] | None:
        """None where a candidate makes a file, or changes one that is reached by a link."""
        found: list[dict[str, object]] = []
        originals = {path: self._workspace.original(path) for edits in candidates for path in edits}
        for edits in candidates:
            row: dict[str, object] = {}
            for path, data in edits.items():
                if (original := originals[path]) is None:
                    return None
                row[path] = _difference(original, data)
            found.append(row)
        return found

    def _left_behind(self, rows: Sequence[Row], end: Mapping[str, object], edited: set[str]) -> bool:
        """A void screen, because one candidate may have met what another left."""
        litter = next((str(row["littered"]) for row in rows if "littered" in row), "")
        layer = cast(list[object] | None, end.get("changed"))
        written = sorted({str(path) for path in layer or ()} - edited)
        others = [path for path in written if not path.startswith(_KEPT_BY_TOOLS)]
        self._apart = layer is not None
        if not (litter or others or layer is None):
            return False
        wrote = f"the tests write {wire.clean(others[0])}" if others else "runs are not kept apart here"
        self.off_because = f"the tests leave {wire.clean(litter)} behind" if litter else wrote
        return True


def _signature(failure: Screened | None) -> _Signature | None:
    """None for a run that did not fail by itself: repeating it tells nothing, or takes its whole limit."""
    if failure is None or failure.run.status is not Status.FAIL:
        return None
    run = failure.run
    failures = [test.failure for test in run.tests]
    if any(failure is not None and failure.exception == "TestTimeout" for failure in failures):
        return None
    said = [("", "") if one is None else (one.exception, _ADDRESS.sub("", one.message)) for one in failures]
    return tuple((test.nodeid, str(test.outcome), *words) for test, words in zip(run.tests, said, strict=True))


def _difference(before: bytes, after: bytes) -> list[object]:
    """The first byte that differs, the first of `before` that is equal again, and what stands between."""
    start = _equal(before, after, min(len(before), len(after)))
    tail = _equal(before[::-1], after[::-1], min(len(before), len(after)) - start)
    return [start, len(before) - tail, after[start : len(after) - tail].decode("latin-1")]


def _equal(one: bytes, other: bytes, most: int) -> int:
    """How many bytes at the beginning are the same, at most `most`; by halves, for files are long and edits short."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _failure(number: int, nodeids: Sequence[str], rows: Sequence[Row], limits: Limits) -> Screened | None:
    """None too for who was stopped by the wall: on a busy machine it may be a good one that had to wait."""
    mine = [row for row in rows if row.get("candidate") == number]
    ends = [row["ended"] for row in mine if "ended" in row]
    if len(ends) != 1 or any("refused" in row for row in mine):
        return None
    told = [row for row in mine if "ended" not in row]
    try:
        end = wire.end(ends[0])
        tests: list[TestResult] = [wire.test_result(row["test"]) for row in told if "test" in row]
    except wire.Malformed:
        return None
    if end["why"]:
        return None
    run = judge(nodeids, tests, told, end, sum(test.seconds for test in tests), limits)
    return Screened(run, end.get("alone") is True) if run.status in _TELLING else None
