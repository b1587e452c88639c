"""Fresh fork servers for confirming runs: in the second backend where there is one, and made ahead of time.

A confirming run starts a new interpreter. When it also runs in another backend than the search did, one hole in one of
the two is not enough for a wrong verdict. Where that other backend fails at the moment, the session's own is taken and
the run says so.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from .backend import Backend, Launch
from .errors import SandboxError
from .fork_server import ForkServer


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where else a confirming run may take place; each is None where there is nothing."""

    stronger: Callable[[], Backend | None] = lambda: None
    """Taken for every confirming run."""
    other: Callable[[], Backend | None] = lambda: None
    """Taken when it matters that it is another one, even if weaker."""


class ColdServers:
    """Owned by one session. A server that was made ahead has imported nothing of the project."""

    def __init__(self, launch: Launch, own: Backend, elsewhere: Elsewhere) -> None:
        """`elsewhere` is asked when a confirming run is near: it may take a second to examine one."""
        self._launch, self._own, self._elsewhere = launch, own, elsewhere
        self._lock = threading.Lock()
        self._making: threading.Thread | None = None
        self._spare: ForkServer | None = None
        self._wanted = 0
        """Confirming runs to come, as far as somebody said so."""
        self._closed = False

    @property
    def backend(self) -> Backend:
        """Where the next one is made."""
        return self._elsewhere.stronger() or self._own

    def expect(self, runs: int = 1) -> None:
        """So many confirming runs are near: begin to make a server, and another when one is taken. Returns at once."""
        with self._lock:
            self._wanted = runs
            self._begin()

    def take(self) -> ForkServer:
        """The one that was made ahead, or a new one. The caller closes it. Raises SandboxError or OSError."""
        self._wait()
        with self._lock:
            server, self._spare = self._spare, None
            self._wanted = max(self._wanted - 1, 0)
            self._begin()
        return server or ForkServer(self.backend, self._launch)

    def _begin(self) -> None:
        """With the lock held."""
        making = self._making is not None and self._making.is_alive()
        if self._wanted > 0 and not (self._closed or making or self._spare is not None):
            self._making = threading.Thread(target=self._make, name="darner-cold-server", daemon=True)
            self._making.start()

    def take_own(self) -> ForkServer:
        """A fresh one in the session's own backend, for when the second one fails."""
        return ForkServer(self._own, self._launch)

    @property
    def other(self) -> Backend | None:
        """Another backend than the session's own; None where there is none."""
        return self._elsewhere.other()

    def take_other(self) -> ForkServer:
        """A fresh one there. Raises SandboxError or OSError."""
        if (other := self.other) is None:
            raise SandboxError("There is no second backend here.")
        return ForkServer(other, self._launch)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._wait()
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _wait(self) -> None:
        with self._lock:
            making = self._making
        if making is not None:
            making.join()

    def _make(self) -> None:
        with contextlib.suppress(SandboxError, OSError):  # `take` meets the same trouble, and tells it
            server = ForkServer(self.backend, self._launch)
            with self._lock:
                self._spare = server
