"""Thousands of candidates through one container, cancelled at random, with the engine killed in the middle.

Not collected by `make test`: `make soak-sandbox` runs it, DARNER_SOAK says how many candidates (2,000).
"""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from darner.sandbox.docker_backend import Docker
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Status
from dockerd import Daemon, containers, real_daemon
from mixed_candidates import Mixed, mixed

_COUNT = int(os.environ.get("DARNER_SOAK", "2000"))
_KINDS = frozenset({"good", "failing", "raising", "exit", "crash", "leaves files"})
_CANCELLED = 0.1
_WARM = 30
_MORE_BYTES = 48 << 20
_MORE_DESCRIPTORS = 4
"""Idle connections that the SDK keeps to an engine that was started again."""


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds of the machine."""

    memory: int
    descriptors: int
    threads: int
    children: int
    mounts: int
    containers: int

    @classmethod
    def now(cls, daemon: Daemon) -> Held:
        gc.collect()
        me = psutil.Process()
        below = [child for child in me.children(recursive=True) if child.pid != daemon.pid]
        ours = [child for child in below if str(daemon.folder) not in " ".join(child.cmdline())]
        mounts = len(Path("/proc/self/mounts").read_text().splitlines())
        return cls(me.memory_info().rss, me.num_fds(), threading.active_count(), len(ours), mounts, containers(daemon))


def test_nothing_grows_and_every_result_is_accounted_for(project: Path) -> None:
    """A session that leaks one descriptor a run, or loses one result in a thousand, is found here."""
    drawn = random.Random(7)
    candidates = [one for one in mixed(4 * _COUNT) if one.kind in _KINDS][:_COUNT]
    counted: Counter[str] = Counter()
    with real_daemon() as daemon:
        backend = Docker(daemon.address)
        with open_session(project, Path(sys.executable), trusted=False, backend=backend) as session:
            for candidate in candidates[:_WARM]:
                _checked(session, candidate, lambda: False, (candidate.expected,))
            before = Held.now(daemon)
            for at, candidate in enumerate(candidates):
                counted[_one(session, candidate, daemon, drawn, kill=at == _COUNT // 2)] += 1
            after = Held.now(daemon)
        assert containers(daemon) == 0
    print(dict(counted), before, after, sep="\n")
    assert sum(counted.values()) == len(candidates)
    assert counted["infra"] == 1
    assert counted["cancelled"] >= _COUNT * _CANCELLED / 4
    _assert_no_growth(before, after)


def _one(session: Session, candidate: Mixed, daemon: Daemon, drawn: random.Random, *, kill: bool) -> str:
    """Run it, as it is, or cancelled after a moment, or with the engine killed; which of these it was."""
    if kill:
        daemon.kill()
        _checked(session, candidate, lambda: False, (Status.INFRA,))
        assert daemon.start() == ""
        return "infra"
    if drawn.random() < _CANCELLED:
        until = time.monotonic() + drawn.random() * 0.1
        ended = _checked(session, candidate, lambda: time.monotonic() > until, (Status.ABORT, candidate.expected))
        return "cancelled" if ended is Status.ABORT else "faster than its cancel"
    _checked(session, candidate, lambda: False, (candidate.expected,))
    return candidate.kind


def _checked(session: Session, candidate: Mixed, cancelled: Callable[[], bool], allowed: tuple[Status, ...]) -> Status:
    edits = {"cart.py": candidate.source.encode()}
    run = session.run((), edits, limits=candidate.limits, cancelled=cancelled)
    assert run.status in allowed, (candidate, run)
    return run.status


def _assert_no_growth(before: Held, after: Held) -> None:
    assert after.memory - before.memory < _MORE_BYTES
    assert after.descriptors - before.descriptors <= _MORE_DESCRIPTORS
    assert after.threads <= before.threads
    assert after.children <= before.children
    assert after.mounts <= before.mounts
    assert after.containers == before.containers == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-s", "-q"]))
