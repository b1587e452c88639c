"""One fork server and what is ready in it: collected tests for quick runs, imported modules for all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from .errors import SandboxError
from .fork_server import Cancelled, ForkServer, never
from .types import Limits

_RENEW_AFTER = 5_000
_MOST_LOSSES = 20
_MOST_KEPT = 2_000
"""More collected tests than these make every fork slow."""
_MOST_MODULES = 5_000
_COLLECTING = Limits(wall_s=120.0, cpu_s=120.0)


class Staged:
    """Starts servers when they are needed and again after they ended; asks are the caller's business."""

    def __init__(self, start: Callable[[], ForkServer]) -> None:
        self._start = start
        self._server: ForkServer | None = None
        self._wanted: tuple[str, ...] = ()
        self._lives = False
        self._ready = False
        self._modules: tuple[str, ...] = ()
        self._warm = False
        self._runs = self._losses = 0
        self.collected = 0
        """Tests of the whole project; 0 while they are not known."""
        self.slow_because = ""
        """Why runs cannot start from collected tests, when they cannot: each then imports and collects for itself."""
        self.learnt: tuple[str, ...] = ()
        """What plain runs imported beyond collecting: imported once, before later runs start."""
        self._warmed: tuple[str, ...] = ()
        self.repeats_because = ""
        """Why each run imports that for itself, when it must."""

    def collect(self, nodeids: Sequence[str] = (), cancelled: Cancelled = never) -> None:
        """Collect these tests, or all, and keep them ready. Files must be the user's own while this runs."""
        self._wanted = tuple(nodeids)
        said = self._running(cancelled).stage(nodeids, row_of(_COLLECTING), cancelled)
        self.slow_because = str(said["trouble"])
        self._lives, self._warmed = not self.slow_because, ()
        if nodeids or "modules" not in said:
            return
        self.collected = cast(int, said["collected"])
        if not self.slow_because:  # else: what starts threads must not be imported before a fork
            self._modules = tuple(str(name) for name in cast(list[object], said["modules"]))
            self._warm = not said["configured"]

    def narrow(self, nodeids: Sequence[str]) -> None:
        """Keep only these tests ready, where all are too many."""
        if self._lives and self.collected > _MOST_KEPT and not set(nodeids) <= set(self._wanted):
            self.collect(nodeids)

    def quick(self, cancelled: Cancelled) -> ForkServer | None:
        """The server, when collected tests are ready in it, with what they import."""
        if not self.slow_because and not self._lives:
            self.collect(self._wanted, cancelled)
        if self._lives and self._warmed != self.learnt:
            self._warm_up(cancelled)
        return self._running(cancelled) if self._lives else None

    def learn(self, modules: Sequence[str]) -> None:
        """What a plain run imported from outside the project. The next run finds it imported."""
        if not self.repeats_because:
            self.learnt = tuple(dict.fromkeys((*self.learnt, *modules)))[:_MOST_MODULES]

    def unlearn(self, why: str) -> None:
        """From now on every run imports for itself what it needs."""
        self.repeats_because, self.learnt = why, ()
        self._lives = self._lives and not self._warmed

    def relearn(self, modules: Sequence[str]) -> None:
        """These may be imported ahead: they were elsewhere, or turned out to make no difference."""
        self.repeats_because, self.learnt = "", tuple(modules)

    def _warm_up(self, cancelled: Cancelled) -> None:
        said = self._running(cancelled).warm(
            [n for n in self.learnt if n not in self._warmed], row_of(_COLLECTING), cancelled
        )
        self._warmed = self.learnt
        if trouble := str(said["trouble"]):
            self.unlearn(trouble)
            self.collect(self._wanted, cancelled)

    def slow(self, cancelled: Cancelled) -> ForkServer:
        """The server, with the modules imported that tests need and no candidate can change."""
        server = self._running(cancelled)
        if self._modules and not self._ready:
            server.prepare(self._modules, self._warm, cancelled)
            self._ready = True
        return server

    def ended(self, why: str) -> None:
        """Told how each run ended: a server that is spoiled or worn out goes."""
        self._runs += 1
        if why == "lost":
            self._lives, self._losses = False, self._losses + 1
            if self._losses >= _MOST_LOSSES:
                self.slow_because = "the tests end the process that watches them"
        if why in ("infra", "forged", "flood") or self._runs >= _RENEW_AFTER:
            self.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self._lives = self._ready = False

    def _running(self, cancelled: Cancelled) -> ForkServer:
        if self._server is None:
            if cancelled():
                raise SandboxError("It was cancelled before the sandbox was started.")
            self._server = self._start()
            self._runs = 0
        return self._server


def row_of(limits: Limits) -> dict[str, float]:
    """Limits as they travel in a request."""
    return {
        "wall_s": limits.wall_s,
        "cpu_s": limits.cpu_s,
        "memory_bytes": limits.memory_bytes,
        "file_bytes": limits.file_bytes,
        "processes": limits.processes,
        "disk_bytes": limits.disk_bytes,
        "output_bytes": limits.output_bytes,
        "test_wall_s": limits.test_wall_s,
        "test_cpu_s": limits.test_cpu_s,
        "trace_s": limits.trace_s,
        "trace_wall_s": limits.trace_wall_s,
        "report_bytes": _REPORT_BYTES,
    }


_REPORT_BYTES = 64 << 20
