"""Long work, one job each: an id at once, equal jobs merged, every end noticed, everything cancellable."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from ..engine.blame import where
from .basis import Basis
from .progress import Progress

log = logging.getLogger(__name__)

Work = Callable[["Job"], Awaitable[None]]
Key = tuple[Hashable, ...]


@dataclass(eq=False)
class Job:
    id: str
    key: Key
    """Equal keys are the same work; the kind, the projects' roots, then what else tells them apart."""
    title: str
    task: asyncio.Task[None] | None = None
    outcome: str = ""
    """How it ended, in one sentence."""
    stopping: bool = False
    """It was asked to end, and may not have ended yet: nobody who asks for the same work now wants this one."""
    cancelled: bool = False
    basis: Basis | None = None
    """What it began with, as long as a save of another text makes its work useless."""
    why: str = ""
    """Why it was stopped, in one sentence, when it was not the user."""
    progress: Progress | None = None
    on_end: Callable[[], None] = lambda: None

    def cancel(self, why: str = "") -> None:
        self.why = self.why or why
        self.stopping = True
        if self.task is not None:
            self.task.cancel()


class Jobs:
    """Used from the event loop only."""

    def __init__(self) -> None:
        self._name = f"darner-{secrets.token_hex(4)}"
        """No other server's: a client may still show a job of one that was killed, with a button that cancels it."""
        self._ids = itertools.count(1)
        self._running: dict[str, Job] = {}
        self._ended: deque[Job] = deque(maxlen=32)
        """The latest, for who asks only after a short job."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when a job has begun or ended."""

    @property
    def running(self) -> tuple[Job, ...]:
        return tuple(self._running.values())

    def start(self, key: Key, title: str, work: Work, basis: Basis | None = None) -> Job:
        """The running job with this key, or a new one."""
        same = next((job for job in self._running.values() if job.key == key and not job.stopping), None)
        if same is not None:
            return same
        job = Job(f"{self._name}-{next(self._ids)}", key, title, basis=basis)
        self._running[job.id] = job
        job.task = asyncio.create_task(self._run(job, work))
        job.task.add_done_callback(lambda _: self._end(job))  # also if cancelled before its first step
        self.on_change()
        return job

    def supersede(self, key: Key, title: str, work: Work) -> Job:
        """A new job in place of a running one with the same key, whose work is out of date."""
        for job in self.running:
            if job.key == key:
                self._running.pop(job.id)
                job.cancel()
        return self.start(key, title, work)

    def cancel(self, job_id: str) -> bool:
        """True when there was such a job."""
        job = self._running.get(job_id)
        if job is not None:
            job.cancel()
        return job is not None

    async def wait(self, job_id: str) -> Job | None:
        """The job, once it has ended; None for an unknown one. A cancel of the wait does not cancel the job."""
        job = self._running.get(job_id) or next((job for job in self._ended if job.id == job_id), None)
        if job is not None and job.task is not None:
            await asyncio.wait({job.task})
        return job

    async def cancel_all(self, seconds: float) -> None:
        """Cancel everything and wait for the ends, at most this long."""
        tasks = [job.task for job in self.running if job.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _end(self, job: Job) -> None:
        self._running.pop(job.id, None)
        self._ended.append(job)
        job.on_end()
        self.on_change()

    async def _run(self, job: Job, work: Work) -> None:
        try:
            await work(job)
        except asyncio.CancelledError:
            job.cancelled = True  # asked for; the work has told the client
        except Exception as error:
            log.error("%s failed inside: %s", job.title, where(error))
