"""Around every job: progress, one sentence at its end, and what every call of the engine needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types as lsp

from ..engine.blame import where
from .engine_link import CANCELLED, EngineError
from .jobs import Job
from .progress import Progress
from .session import Session


@asynccontextmanager
async def shown(session: Session, job: Job, *, asked: bool = True, silent: bool = False) -> AsyncGenerator[Progress]:
    """Progress around one call of the engine. An EngineError ends here, told once; a cancel is told and passed on."""
    progress = Progress(session.server, job.id, job.title, session.snapshot.client.progress and not silent)
    begun = asyncio.create_task(progress.begin())
    try:
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
        begun.cancel()
        progress.end()
        job.outcome = progress.outcome


def common(session: Session, root: Path) -> dict[str, object]:
    return {"root": str(root), "python": session.board(root).settings.interpreter}
