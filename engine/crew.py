"""A second pair of hands for a long search: a partner session, on a machine that has a core to spare for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TypeVar

from ..sandbox.errors import SandboxError
from ..sandbox.partner import spare_cores
from ..sandbox.session import Session
from .stop import Stop
from .trial import Trial

Item = TypeVar("Item")
Result = TypeVar("Result")
_SOON_S, _REST_S = 2.0, 5.0
Advance = Callable[[Trial, Stop], bool]
"""Try some candidates; False when none is left (work.py)."""


def opens_soon(session: Session) -> bool:
    """A partner of it would be ready before most searches end; copying a large project for nothing helps nobody."""
    return session.opening_s < _SOON_S


def expect_help(session: Session) -> None:
    """Begin to open a second pair of hands for the search, and half of each proof, where that is soon done."""
    if spare_cores() > 0 and opens_soon(session):
        session.expect_partner()


def in_both(session: Session, items: Sequence[Item], work: Callable[[Session, Item], Result]) -> list[Result]:
    """`work` on each item, by the session or its partner, whoever is free, in the items' order.

    Raises what `work` raises in the session; what fails in the partner is done once more in the session.
    """
    done: dict[int, Result] = {}
    waiting = list(enumerate(items))[::-1]

    def go(place: Session) -> None:
        while waiting:
            try:
                number, item = waiting.pop()
            except IndexError:
                return  # the other one took the last
            try:
                done[number] = work(place, item)
            except BaseException:
                waiting.append((number, item))
                raise

    def help_out() -> None:
        with suppress(SandboxError, OSError):
            go(session.partner())

    helps = len(items) > 1 and spare_cores() > 0 and opens_soon(session)
    thread = threading.Thread(target=help_out, name="darner-comparing", daemon=True) if helps else None
    if thread is not None:
        thread.start()
    try:
        go(session)
    except BaseException:
        waiting.clear()  # the partner ends with what it holds
        raise
    finally:
        if thread is not None:
            thread.join()
    go(session)  # what the partner gave back
    return [done[number] for number in range(len(items))]


class Helper:
    """Takes candidates and tries them in the partner of the trial's session, from `call` until the end of `with`."""

    def __init__(self, trial: Trial, advance: Advance, stop: Stop) -> None:
        """`advance` is called from a thread of its own."""
        self._trial, self._advance = trial, advance
        self._stop = stop.branch()
        self._thread: threading.Thread | None = None
        self._begun, self._resting = threading.Event(), threading.Event()

    def call(self) -> None:
        """Begin, where that makes sense and did not happen yet; returns at once."""
        if self._thread is None and spare_cores() > 0 and not self._trial.session.slow_because:
            self._thread = threading.Thread(target=self._work, name="darner-search", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        try:
            trial = replace(self._trial, session=self._trial.session.partner())
            self._begun.set()
        except (SandboxError, OSError):
            return  # the first session goes on alone: it meets the same trouble, and tells it
        with suppress(SandboxError, OSError):  # the first session meets the same trouble, and tells it
            while not (self._stop or self._resting.is_set()) and self._advance(trial, self._stop):
                continue

    def finish(self) -> None:
        """Wait for what it is trying; it ends when no candidate is left. It can be called again."""
        if self._thread is not None and self._begun.is_set():
            self._thread.join()
            self._thread = None

    def rest(self) -> None:
        """Let it finish what it holds, for some seconds: the best candidates may be among them."""
        self._resting.set()
        if self._thread is not None and self._begun.is_set():
            self._thread.join(_REST_S)

    def __enter__(self) -> Helper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.cancel()
        self.finish()  # one that waits for the partner sees the stop then
