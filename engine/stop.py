"""One token that says "stop": set by Ctrl-C, by a client's cancel, or by a deadline."""

from __future__ import annotations

import threading
import time


class Stop:
    """Shared by everyone who works on one request; cheap to poll."""

    def __init__(self, seconds: float | None = None) -> None:
        self._event = threading.Event()
        self._above: Stop | None = None
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Somebody asked to stop; nothing more is wanted."""
        return self._event.is_set() or (self._above is not None and self._above.cancelled)

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline; infinite without one, 0 when cancelled."""
        if self.cancelled:
            return 0.0
        return float("inf") if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def __bool__(self) -> bool:
        """True when work should end, by cancel or by deadline."""
        return self.remaining_s <= 0.0

    def within(self, seconds: float) -> Stop:
        """A stop with its own, nearer deadline that also obeys this one's cancel."""
        child = Stop(min(seconds, self.remaining_s))
        child._event, child._above = self._event, self._above
        return child

    def branch(self) -> Stop:
        """A stop that ends when this one does and can also be cancelled by itself."""
        child = Stop(self.remaining_s if self._deadline is not None else None)
        child._above = self
        return child
