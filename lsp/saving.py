"""What a save starts: never while the user types, and once for many saves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from . import commands
from .work_tests import Which

if TYPE_CHECKING:
    from .session import Session

_QUIET_S = 0.25
"""An editor that saves by itself does it between two keys: the run waits until there was no key for so long."""


class Saves:
    """Projects with a save that has not started its run yet. Used from the event loop only."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[Path, asyncio.TimerHandle] = {}

    def saved(self, root: Path) -> None:
        if (timer := self._waiting.pop(root, None)) is not None:
            timer.cancel()
        self._waiting[root] = asyncio.get_running_loop().call_later(_QUIET_S, self._run, root)

    def typed(self) -> None:
        """A document changed: what waits waits longer."""
        for root in list(self._waiting):
            self.saved(root)

    def _run(self, root: Path) -> None:
        del self._waiting[root]
        session = self._session
        board = session.refreshed(root)
        if session.shutting_down or not session.trusted(root):
            return
        if board.settings.run_on_save and board.settings.enable:
            which = Which.AFFECTED if board.settings.affected_tests else Which.ALL
            commands.start_tests(session, root, (), which, asked=False)
        if "testTree" in session.snapshot.client.told:
            commands.list_tests(session, (root,), asked=False)


def outdate(session: Session, path: str) -> None:
    """Work on another text of this file has no reader any more."""
    for job in session.jobs.running:
        if job.basis is not None and job.basis.lost(path):
            job.cancel(f"Stopped: {Path(path).name} was saved with other text.")
