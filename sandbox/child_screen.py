"""Many candidates for the same tests in forks of one jailed child; who fails here is done with.

    child (jailed) ──fork──▶ runner: a candidate's bytes on disk, its bodies in memory, the tests ──▶ numbered rows
                                     the next one, while nothing in memory has changed (child_footprint.py)

Jailing is paid once, not for each, and forking seldom. Candidates are confined from the machine as in any run, but not
from each other: what is heard here is never a pass (screen.py), and whatever one leaves behind ends the screening.
Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

watching: Any = sys.modules["_darner_child_watch"]  # loaded before by child.py: this file has no import path
kernel: Any = sys.modules["_darner_child_kernel"]
limiting: Any = sys.modules["_darner_child_limits"]
staging: Any = sys.modules["_darner_child_stage"]
ending: Any = sys.modules["_darner_child_ending"]
footprint: Any = sys.modules["_darner_child_footprint"].footprint

Emit = Callable[[Dict[str, Any]], None]
_SHARE = 0.25
"""Of a run's time: for one process, and for all that a screen begins."""
_ENDING_S = 0.05
"""What watches over a process may end a little later than that."""
_GOOD = 69
"""The exit code of a runner that came to its own end; pytest has none so high."""
_PYTEST_FOLDER = "pytest-of-"
"""Where pytest puts what `tmp_path` gives: a new folder for each run, so what is left in it disturbs no other."""


class Screen:
    """One request's candidates, one after the other."""

    def __init__(self, root: str, stage: Any, run: Callable[[Emit], int], emit: Emit) -> None:
        """`run` has the stage run the tests as they then are in memory, and gives the exit code."""
        self._root, self._stage, self._run, self._emit = root, stage, run, emit
        self._originals: Dict[str, bytes] = {}
        self._candidates: List[Dict[str, Any]] = []
        self._late_at = 0.0

    def serve(self, request: Dict[str, Any], together: bool) -> int:
        """`together`: one process may try several, and the last of them is the unchanged code, which is always tried.

        When a share of the time is over the others wait for the next screen: most of them may never end.
        """
        kernel.adopt_orphans()
        limits = request["limits"]
        self._late_at = time.monotonic() + _SHARE * limits["wall_s"]
        self._originals = {path: _read(os.path.join(self._root, path)) for path in request["edited"]}
        self._candidates = request["candidates"]
        before, number, total = _names(), 0, len(self._candidates)
        least = total - 1 if together else total
        while number < total:
            if 0 < number < least and time.monotonic() > self._late_at:
                self._emit({"late": number})
                number = least
                continue
            number, good = self._fork(number, together, limits)
            if not good:  # it could not put its temporary files away
                before = _names()
            left = _left_behind(before)
            if left:
                self._emit({"littered": left})
                break
        for path, data in self._originals.items():  # where there is no layer, later runs start from these files
            _write(os.path.join(self._root, path), data)
        return 0

    def _fork(self, first: int, together: bool, limits: Dict[str, Any]) -> Tuple[int, bool]:
        """A runner for the candidates from `first` on: the number of the first that it did not try; it ended well."""
        sys.stdout.flush()
        done_r, done_w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(done_r)
            ending.leave(lambda: self._runner(first, together, limits, done_w))
        os.close(done_w)
        done, status = _followed(pid, done_r, min(0.5 * limits["wall_s"], 1.0 + 2.0 * limits["test_wall_s"]))
        os.close(done_r)
        number = first + done
        if done and status is not None and os.WIFEXITED(status) and os.WEXITSTATUS(status) == _GOOD:
            return number, True
        self._emit({"candidate": number, "ended": {**_end(status), "alone": not done}})
        return number + 1, False

    def _runner(self, first: int, together: bool, limits: Dict[str, Any], done: int) -> int:
        """Ends early when a candidate has left less to the next one than it had itself."""
        clean = footprint(self._root, self._stage.held_by_pytest) if together else None
        numbers = random.getstate()
        most_bytes = limiting.mapped_now() + limits["memory_bytes"] // 16
        for number in range(first, len(self._candidates)):
            self._try(number, number == first)
            os.write(done, b".")
            self._stage.put_back()
            random.setstate(numbers)
            late = time.monotonic() > self._late_at or time.process_time() > _SHARE * limits["cpu_s"]
            if not together or late or limiting.mapped_now() > most_bytes:
                break
            if clean is None or not clean.unchanged():
                if number == first:
                    self._emit({"dirty": number})
                break
        return _GOOD

    def _try(self, number: int, alone: bool) -> None:
        def emit(message: Dict[str, Any]) -> None:
            self._emit({**message, "candidate": number})

        changes = self._candidates[number]
        for path, data in self._originals.items():
            text = _applied(data, changes[path]) if path in changes else data
            _write(os.path.join(self._root, path), text)
        try:
            self._stage.exchange(list(changes))
        except staging.Unstaged as reason:
            emit({"refused": str(reason)})
            return
        emit({"ended": {"exit": self._run(emit), "signal": None, "why": "", "alone": alone}})


def _end(status: Optional[int]) -> Dict[str, Any]:
    """How a runner ended in the middle of a candidate; None: it had to be killed."""
    return {
        "exit": os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None,
        "why": "timeout" if status is None else "",
    }


def _applied(original: bytes, change: List[Any]) -> bytes:
    """`change`: the first byte that differs, the first that is equal again, and the text between, a byte a letter."""
    start, end, text = change
    return original[:start] + text.encode("latin-1") + original[end:]


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _followed(pid: int, done: int, seconds: float) -> Tuple[int, Optional[int]]:
    """How many candidates a runner tried, each within `seconds`, and its status; None when it had to be killed."""
    ended = watching.watch_end(pid)
    count, deadline = 0, time.monotonic() + seconds
    waited_for = [done] + ([ended] if ended >= 0 else [])
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return count, None
            ready, _, _ = select.select(waited_for, [], [], left if ended >= 0 else min(left, 0.002))
            if done in ready:
                told = len(os.read(done, 64))
                count, deadline = count + told, time.monotonic() + seconds
                if told:
                    continue
                waited_for.remove(done)  # closed: the end is near
            over, status = os.waitpid(pid, os.WNOHANG)
            if over:
                return count, status
    finally:
        if ended >= 0:
            os.close(ended)


def _names() -> Tuple[Tuple[str, ...], ...]:
    """What lies in the folders that any program may write to, pytest's own aside."""
    found: List[Tuple[str, ...]] = []
    for folder in (os.environ["TMPDIR"], os.environ.get("HOME", ""), "/dev/shm"):
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found.append(tuple(sorted(name for name in names if not name.startswith(_PYTEST_FOLDER))))
    return tuple(found)


def _left_behind(before: Tuple[Tuple[str, ...], ...]) -> str:
    """What the next candidate could stumble over; empty when nothing."""
    deadline = time.monotonic() + _ENDING_S
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid and time.monotonic() > deadline:
                return "a process that goes on"
            time.sleep(0 if pid else 0.002)
    except ChildProcessError:
        pass
    now = _names()
    names = sorted({name for folder in now for name in folder} - {name for folder in before for name in folder})
    return "" if now == before else "files for temporary use (%s)" % ", ".join(names[:3])
