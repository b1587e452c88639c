"""What a user sees of a job is what it does now, also when it then does the same for a long time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from darner.engine.events import Prose
from darner.engine.wire import encode
from darner.lsp.engine_link import Row
from darner.lsp.progress import Progress
from darner.lsp.work import tell
from pygls.lsp.server import LanguageServer

pytestmark = pytest.mark.asyncio


class Listener:
    """Stands in for the client's side: it keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.more = asyncio.Event()

    async def window_work_done_progress_create_async(self, params: Any) -> None:  # noqa: ANN401 - pygls' signature
        await asyncio.sleep(0)

    def progress(self, params: Any) -> None:  # noqa: ANN401 - pygls' signature
        self.told.append(params.value.message)
        self.more.set()

    async def hears(self, message: str) -> None:
        while message not in self.told:
            self.more.clear()
            await asyncio.wait_for(self.more.wait(), 60)


def progress_to(listener: Listener) -> Progress:
    return Progress(cast("LanguageServer", listener), "darner-1", "Run tests", True)


async def test_the_latest_news_is_told_though_nothing_follows_it() -> None:
    """A fast test ends just after the step began, and a slow one follows: "1 run" must not stay unsaid."""
    listener = Listener()
    progress = progress_to(listener)
    await progress.begin()

    progress.phase("Running the tests")
    for count in range(1, 50):
        progress.report(f"{count} run")

    await listener.hears("Running the tests: 49 run")
    assert listener.told == ["Starting", "Running the tests", "Running the tests: 49 run"]


async def test_what_came_before_the_client_was_ready_is_told_when_it_is() -> None:
    """Work does not wait for a client that is slow to answer."""
    listener = Listener()
    progress = progress_to(listener)
    beginning = asyncio.create_task(progress.begin())

    progress.phase("Running the tests")
    progress.report("1 run")
    await beginning

    assert listener.told == ["Running the tests: 1 run"]


async def test_nothing_follows_the_end() -> None:
    """A report after the end is a breach of the protocol."""
    listener = Listener()
    progress = progress_to(listener)
    await progress.begin()
    progress.phase("Running the tests")
    progress.report("1 run")
    progress.outcome = "1 run, 0 failed"

    progress.end()
    progress.report("2 run")
    progress.end()

    assert listener.told == ["Starting", "Running the tests", "1 run, 0 failed"]


async def test_a_models_words_are_told_sentence_by_sentence_as_they_come() -> None:
    """A reader should not wait for the last word to see the first."""
    listener = Listener()
    progress = progress_to(listener)
    await progress.begin()
    progress.phase("asking a model")

    tell(progress, "prose", cast("Row", encode(Prose("t", "It returned 0."))))
    await listener.hears("asking a model: It returned 0.")
    tell(progress, "prose", cast("Row", encode(Prose("t", "It returned 0. The test needs 4."))))
    await listener.hears("asking a model: The test needs 4.")
