"""`darner watch`: after every save the tests that it can affect, and a quick search for those that turned red."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..sandbox.errors import SandboxError
from .config import QUICK
from .errors import BadEnvironment, BadInput
from .events import Done, Event
from .loop import repair
from .rest import reason_to_rest
from .rulings import recall
from .stop import Stop
from .suite import Suite
from .warm import WarmProject

_LOOK_EVERY_S = 0.5
_MOST_AHEAD = 3
"""Tests that one save starts a search for: more red ones at once are most likely one fault."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run of the affected tests."""

    suite: Suite
    """Of the whole project, as it is now."""
    ran: int
    red: tuple[str, ...]
    """Fail now and did not before."""
    green: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """This round could not run; the next save starts another."""

    text: str


def watch(project: WarmProject, stop: Stop) -> Iterator[Round | Trouble | Event]:
    """Until `stop`: a round now and after every change on disk; then events of the search, which a change ends.

    Raises BadEnvironment when there is no interpreter or no sandbox; once a round has run, that is a Trouble.
    """
    failing: frozenset[str] = frozenset()
    ran_once = False
    while not stop:
        try:
            with project.use(stop), _until_changed(project, stop) as current:
                suite, ran = project.run_affected(current, lambda _: None)
                if not current:
                    now = frozenset(suite.failing)
                    red = tuple(name for name in suite.failing if name not in failing)
                    yield Round(suite, ran, red, tuple(sorted(failing - now)))
                    failing, ran_once = now, True
                    yield from _look_ahead(project, suite, red, current)
        except (BadInput, BadEnvironment, SandboxError) as error:  # no tests yet, or a save that the next one mends
            if isinstance(error, BadEnvironment) and not ran_once:
                raise
            if not stop:
                yield Trouble(str(error))
        project.wait_changed(stop, _LOOK_EVERY_S)


def _look_ahead(project: WarmProject, suite: Suite, red: tuple[str, ...], stop: Stop) -> Iterator[Event]:
    rulings = recall(project.session.root)
    for nodeid in red[:_MOST_AHEAD]:
        if stop or reason_to_rest():
            return
        for event in repair(project.session, suite, nodeid, None, QUICK, stop.within(QUICK.seconds), rulings=rulings):
            if stop and isinstance(event, Done):
                return  # what it says is about files that are gone
            yield event


@contextmanager
def _until_changed(project: WarmProject, stop: Stop) -> Generator[Stop]:
    """A stop that a change on disk sets too."""
    current, over = Stop(), threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_S):
            if stop or project.changed:
                current.cancel()
                return

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield current
    finally:
        over.set()
        looking.join()
