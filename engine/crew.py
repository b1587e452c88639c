"""A second pair of hands for a long search: a partner session, on a machine that has a core to spare for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from ..sandbox.errors import SandboxError
from ..sandbox.partner import spare_cores
from .stop import Stop
from .trial import Trial
from .types import Candidate

Take = Callable[[], Candidate | None]
Attempt = Callable[[Candidate, Trial, Stop], object]


class Helper:
    """Takes candidates and tries them in the partner of the trial's session, during `with`."""

    def __init__(self, trial: Trial, take: Take, attempt: Attempt, stop: Stop) -> None:
        """`take` and `attempt` are called from a thread of its own."""
        self._trial, self._take, self._attempt = trial, take, attempt
        self._stop = stop.branch()
        self._thread: threading.Thread | None = None

    def _work(self) -> None:
        try:
            trial = replace(self._trial, session=self._trial.session.partner())
        except (SandboxError, OSError):
            return  # the first session goes on alone: it meets the same trouble, and tells it
        while not self._stop and (candidate := self._take()) is not None:
            self._attempt(candidate, trial, self._stop)

    def __enter__(self) -> Helper:
        if spare_cores() > 0 and not self._trial.session.slow_because:
            self._thread = threading.Thread(target=self._work, name="darner-search", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.cancel()
        if self._thread is not None:
            self._thread.join()
