"""Answers through datatrove's InferenceRunner: its queue, tries and tallies, before an OpenAI-compatible server.

stage ─sample─▶ document ─▶ runner, in a thread with a loop of its own ─▶ at most N requests ─▶ completions
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from ..engine.errors import ModelError
from ..engine.model import Completion, Ending, Form, Message, ModelStatus, Sampling
from ..engine.remote_answers import Choice, Delta
from ..engine.remote_lane import Lane
from ..engine.stop import Stop
from .libraries import Library, library
from .spread import EXTRA

_LOOK_S, _LEAVE_S = 0.05, 10.0
_TRIES = 10
_LOCAL = ("127.0.0.1", "::1", "localhost")

Generate = Callable[[dict[str, Any]], Awaitable[Library]]


class RunnerModel:
    """The model `name` that `endpoint` serves, with at most `in_flight` requests at a time. Usable from any thread."""

    form = Form.ENGINE

    def __init__(self, endpoint: str, name: str, in_flight: int) -> None:
        """Raises BadEnvironment where the extra is not installed. Nothing is sent before the first request."""
        self.name = name
        self._endpoint = endpoint
        self._documents: SimpleQueue[Library] = SimpleQueue()
        self._asked: dict[str, tuple[list[dict[str, Any]], Future[list[Library]]]] = {}
        self._numbers = itertools.count()
        self._document = library("datatrove.data", *EXTRA).Document
        library("loguru", *EXTRA).logger.disable("datatrove")  # stderr is for progress
        self._thread = Thread(target=self._run, args=(_config(endpoint, name, in_flight),), daemon=True)
        self._thread.start()

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        """One request for each completion, each with the next seed; those that `stop` overtook are CANCELLED.

        Raises ModelError when the server refuses, or cannot be reached by the runner's last try.
        """
        lanes = [Lane(i, sampling, on_text, on_completion) for i in range(sampling.n)]
        answers = self._waited(self._send([_payload(messages, sampling, i) for i in range(sampling.n)]), stop)
        for lane, answer in zip(lanes, answers, strict=False):
            lane.hear(Choice(delta=Delta(answer.text), finish_reason=answer.finish_reason or "stop"))
        return tuple(lane.ended or lane.end(Ending.CANCELLED) for lane in lanes)

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        """The runner generates only."""
        return ()

    def status(self) -> ModelStatus:
        return ModelStatus(self.name, f"remote: {self._endpoint}", 0, 0, None)

    def close(self) -> None:
        self._documents.put(None)
        self._thread.join(_LEAVE_S)

    def _send(self, payloads: list[dict[str, Any]]) -> Future[list[Library]]:
        number, answer = str(next(self._numbers)), Future[list[Library]]()
        self._asked[number] = payloads, answer
        self._documents.put(self._document(text="", id=number))
        return answer

    def _waited(self, answer: Future[list[Library]], stop: Stop) -> list[Library]:
        while not stop:
            try:
                return answer.result(_LOOK_S)
            except TimeoutError:
                if not self._thread.is_alive() and not answer.done():
                    raise ModelError(f"The model server {self._endpoint} is not asked any more.") from None
            except Exception as error:
                raise ModelError(f"The model server {self._endpoint} gave no answer: {error}") from error
        return []

    # In the runner's thread

    def _run(self, config: Library) -> None:
        inference = library("datatrove.pipeline.inference.run_inference", *EXTRA)
        with TemporaryDirectory() as folder:  # the runner insists on a writer; what is answered goes to who asked
            writer = library("datatrove.pipeline.writers", *EXTRA).JsonlWriter(folder)
            inference.InferenceRunner(self._answer, config, writer).run(self._queue())

    def _queue(self) -> Iterator[Library]:
        yield from iter(self._documents.get, None)

    async def _answer(self, document: Library, generate: Generate) -> None:
        """Gives the runner nothing to write."""
        payloads, answer = self._asked.pop(document.id)
        try:
            answer.set_result(await asyncio.gather(*(generate(payload) for payload in payloads)))
        except Exception as error:  # the one request's, not the runner's
            answer.set_exception(error)


def _config(endpoint: str, name: str, in_flight: int) -> Library:
    """datatrove adds `/v1` to the address of a server on this machine, and to no other."""
    inference = library("datatrove.pipeline.inference.run_inference", *EXTRA)
    local = urlsplit(endpoint).hostname in _LOCAL
    address = endpoint.rstrip("/").removesuffix("/v1") if local else endpoint
    return inference.InferenceConfig(
        server_type="endpoint",
        model_name_or_path=name,
        endpoint_url=address,
        max_concurrent_generations=in_flight,
        server_ready_max_attempts=_TRIES,  # datatrove's own patience, for a server that it starts, is 50 minutes
        server_ready_delay_sec=1.0,
        server_start_max_retries=0,
    )


def _payload(messages: Sequence[Message], sampling: Sampling, index: int) -> dict[str, Any]:
    return {
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed + index,
    }
