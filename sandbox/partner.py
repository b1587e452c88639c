"""A second session on the same sources, opened once, and ahead of time where somebody says that it will be needed."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import SandboxError

if TYPE_CHECKING:
    from .session import Session


def spare_cores() -> int:
    """Cores that this process may use, besides one."""
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return len(mine) - 1


class Partner:
    """Owned by one session. What runs in it cannot reach what runs there."""

    def __init__(self, make: Callable[[], Session]) -> None:
        """`make` copies the sources and starts nothing yet; it raises SandboxError when they have changed."""
        self._make = make
        self._turn = threading.Lock()
        self._made: Session | None = None
        self._ready = False
        self._opening: threading.Thread | None = None
        self._closed = False

    def expect(self) -> None:
        """It will be asked for soon: begin to open it. Returns at once."""
        if self._opening is None and not self._ready:
            self._opening = threading.Thread(target=self._open, name="darner-partner", daemon=True)
            self._opening.start()

    def get(self) -> Session:
        """The open session. Raises SandboxError or OSError when it cannot be opened."""
        with self._turn:
            if self._closed:
                raise SandboxError("The session was closed.")
            if self._made is None:
                self._made = self._make()
            if not self._ready:
                self._made.prepare()
                self._ready = True
            return self._made

    def close(self) -> None:
        """At once, also while it is being opened."""
        self._closed = True
        if self._made is not None:
            self._made.close()
        if self._opening is not None:
            self._opening.join()
        if self._made is not None:
            self._made.close()  # what was started in the moment of closing goes too

    def _open(self) -> None:
        with contextlib.suppress(SandboxError, OSError):  # whoever asks for it meets the same trouble, and tells it
            self.get()
