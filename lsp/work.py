"""Around every job: progress, one sentence at its end, and what every call of the engine needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types as lsp

from ..engine import wire
from ..engine.blame import where
from ..engine.events import Found, Phase, Prose, Tried
from .describe import short
from .engine_link import CANCELLED, EngineError, Row
from .feed import log_end
from .jobs import Job
from .progress import Progress
from .session import Session


@asynccontextmanager
async def shown(session: Session, job: Job, *, asked: bool = True, silent: bool = False) -> AsyncGenerator[Progress]:
    """The job's progress, around one call of the engine. An EngineError ends here, told once; a cancel is passed on.

    A job may ask the engine several times, as a repair that runs the tests first: to the client that is one progress,
    which ends when the job does.
    """
    progress = job.progress or _begun(session, job, silent)
    try:
        await session.configuration.settled()
        yield progress
    except asyncio.CancelledError:
        progress.outcome = job.why or "Cancelled; nothing was changed."
        raise
    except EngineError as error:
        progress.outcome = str(error)
        if error.code != CANCELLED:
            (session.show if asked else session.show_once)(str(error), lsp.MessageType.Error)
    except Exception as error:
        progress.outcome = f"{job.title} failed inside Darner: {where(error, frames=1)}."
        session.show_once(progress.outcome, lsp.MessageType.Error)
        raise  # the job logs it
    finally:
        job.outcome = progress.outcome


def tell(progress: Progress, name: str, data: Row) -> None:
    """An event of a search, to whoever waits for it."""
    if name == "phase":
        progress.phase(wire.decode(data, Phase).text)
    elif name == "tried":
        progress.report(f"{wire.decode(data, Tried).count} tried")
    elif name == "prose":
        progress.report(short(wire.decode(data, Prose).text.rpartition(". ")[2]))
    elif name == "found":
        progress.report(f"found {short(wire.decode(data, Found).repair.candidate.description, 80)}")


def _begun(session: Session, job: Job, silent: bool) -> Progress:
    supported = session.snapshot.client.progress and not silent
    progress = job.progress = Progress(session.server, job.id, job.title, supported)
    beginning = asyncio.create_task(progress.begin())
    began = time.monotonic()

    def end() -> None:
        beginning.cancel()
        progress.end()
        if not silent:
            log_end(session, job, time.monotonic() - began)

    job.on_end = end
    return progress


def common(session: Session, root: Path) -> dict[str, object]:
    settings = session.board(root).settings
    return {
        "root": str(root),
        "python": settings.interpreter,
        "sandbox": settings.sandbox,
        "keep_prompts": settings.keep_prompts,
        "keep_explanations": settings.keep_explanations,
    }
