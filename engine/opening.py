"""Getting ready in a thread of its own: a copy of a project on a slow disk takes seconds, and a cancel must not."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .stop import Stop

_LOOK_S = 0.05


class Opening:
    """Runs `open_it` at once. Who is cancelled meanwhile leaves; the work goes on, for the next one to find it done."""

    def __init__(self, open_it: Callable[[], None], give_back: Callable[[], None]) -> None:
        """`give_back` is called once, at the end, if the work failed or nobody waited for it any more."""
        self._open_it = open_it
        self._give_back = give_back
        self._deciding = threading.Lock()
        self._done = threading.Event()
        self._left = False
        self._error: BaseException | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, stop: Stop) -> bool:
        """True when it is open; False when `stop` came first. Raises what opening raised."""
        while not self._done.wait(_LOOK_S):
            with self._deciding:
                self._left = bool(stop) and not self._done.is_set()
            if self._left:
                return False
        if self._error is not None:
            raise self._error
        return True

    def _run(self) -> None:
        try:
            self._open_it()
        except BaseException as error:  # raised again where it is waited for
            self._error = error
        with self._deciding:
            if self._left or self._error is not None:
                self._give_back()
            self._done.set()
