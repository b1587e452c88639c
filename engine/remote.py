"""An OpenAI-compatible server as a `Model`: how a team outgrows a laptop. Off unless the user names an endpoint.

    sample ──POST /chat/completions, n, streamed──▶ lanes ──▶ completions
    score  ──POST /completions, echo + log-probabilities──▶ sums, or () where the server has none

Servers differ in what they honour, so nothing is taken for granted: an answer that repeats its beginning is cut there,
stop strings are looked for here, and what a server that ignores `n` left out is asked for again with the next seed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .errors import BadInput, ModelError, PromptTooLong
from .model import Completion, Ending, Form, Message, ModelStatus, Sampling
from .remote_answers import Answer, Catalogue, Malformed, Served, read
from .remote_http import Offline, Refused, Talk
from .remote_lane import Lane
from .stop import Stop

POLL_S = 0.02
"""How soon a stop is noticed."""

KEY_VARIABLE = "DARNER_API_KEY"
"""Holds the key of an endpoint that asks for one: a command line would show it to every user of the machine."""

Result = TypeVar("Result")


class RemoteModel:
    """The model that an endpoint such as `http://127.0.0.1:8000/v1` serves. Usable from any thread.

    Nothing is sent before the first request. The key of DARNER_API_KEY goes out as a bearer token.
    """

    form = Form.ENGINE

    def __init__(self, endpoint: str, model: str = "") -> None:
        """Raises BadInput when `endpoint` is not an http(s) address."""
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{endpoint!r} is not an address of a model server; write it like http://127.0.0.1:8000/v1.")
        self._endpoint = endpoint.rstrip("/")
        self._host = parts.netloc.rpartition("@")[2]
        self._model = model
        self._talk = Talk(self._endpoint, os.environ.get(KEY_VARIABLE, ""))
        self._scores = True
        self._rate: float | None = None

    @property
    def name(self) -> str:
        return f"{self._model or 'model'} at {self._host}"

    @property
    def identity(self) -> str:
        return f"{self._model} at {self._endpoint}"

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        """`sampling.n` completions, always; those that `stop` kept from ending have ending CANCELLED.

        Raises ModelError: nobody answers, the server refuses, or what it says is no completion.
        """
        lanes = [Lane(i, sampling, on_text, on_completion) for i in range(sampling.n)]
        if lanes:
            self._run(self._fill(messages, sampling, lanes), stop)
        return tuple(lane.ended or lane.end(Ending.CANCELLED) for lane in lanes)

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        """One natural-log probability per continuation, or () when `stop` came or the server has no such figures.

        The prompt is sent as plain text: the server's chat template is not known here, and a ranking does not need it.
        """
        prompt = "\n\n".join(message.content for message in messages) + "\n\n"
        if not self._scores or not continuations:
            return ()
        try:
            scores = self._run(self._likelihoods(prompt, continuations), stop)
        except Refused:
            scores = None
            self._scores = False
        return scores or ()

    def status(self) -> ModelStatus:
        """What the server says of its model; bytes are 0, because they are not on this machine. Raises ModelError."""
        served = self._run(self._named(), Stop())
        context = (served.max_model_len if served else None) or 0
        return ModelStatus(self.name, f"remote: {self._endpoint}", context, 0, self._rate)

    def close(self) -> None:
        """Every request ended its own connections already."""

    # Requests

    def _run(self, work: Coroutine[Any, Any, Result], stop: Stop) -> Result | None:
        """The result, or None when `stop` came first; a connection that is cut ends the work on the server too."""
        try:
            return asyncio.run(_until(stop, work))
        except (Offline, Malformed) as error:
            why = str(error) or "what it answers is not what an OpenAI-compatible server answers"
            raise ModelError(
                f"The model server {self._endpoint} cannot be used: {why}. "
                "Start it or correct the endpoint; without an endpoint the model on this machine is used."
            ) from error

    async def _named(self) -> Served:
        """What the server says of the model that requests go to."""
        served = read(await self._talk.get("models"), Catalogue).data or ()
        names = [entry.id for entry in served]
        if not self._model and len(names) != 1:
            listed = ", ".join(names) or "none"
            raise Offline(f"it serves {len(names)} models ({listed}), so name one with --model")
        self._model = self._model or names[0]
        return next((entry for entry in served if entry.id == self._model), Served(self._model))

    async def _fill(self, messages: Sequence[Message], sampling: Sampling, lanes: Sequence[Lane]) -> None:
        if not self._model:
            await self._named()
        loop = asyncio.get_running_loop()
        began = loop.time()
        body = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "stream": True,
        }
        try:
            await self._draw(body, sampling.seed, lanes)
            for lane in [lane for lane in lanes if not lane.heard]:
                await self._draw(body, sampling.seed + lane.index, [lane])
        except Refused as refused:
            kind = PromptTooLong if "context" in str(refused).lower() else ModelError  # every server has its own words
            raise kind(f"The model server {self._endpoint} refused the request: {refused}.") from refused
        self._rate = sum(lane.tokens for lane in lanes) / max(1e-6, loop.time() - began)

    async def _draw(self, body: dict[str, Any], seed: int, lanes: Sequence[Lane]) -> None:
        """One streamed request whose choices fill `lanes` in order; cut off as soon as all have ended."""
        async for event in self._talk.stream("chat/completions", {**body, "n": len(lanes), "seed": seed}):
            for choice in read(event, Answer).choices or ():
                if 0 <= choice.index < len(lanes):
                    lanes[choice.index].hear(choice)
            if all(lane.ended for lane in lanes):
                return
        for lane in lanes:
            if lane.heard:
                lane.hang_up()

    async def _likelihoods(self, prompt: str, continuations: Sequence[str]) -> tuple[float, ...]:
        if not self._model:
            await self._named()
        bodies = [{"model": self._model, "prompt": prompt + text, "max_tokens": 1} for text in continuations]
        answers = [await self._talk.post("completions", {**body, "echo": True, "logprobs": 1}) for body in bodies]
        spans = [(len(prompt), len(prompt + text)) for text in continuations]
        return tuple(_sum(answer, *span) for answer, span in zip(answers, spans, strict=True))


def _sum(answer: dict[str, Any], start: int, end: int) -> float:
    """Natural-log probabilities of the echoed tokens that begin in `start:end` (characters). Raises Refused."""
    choices = read(answer, Answer).choices or ()
    said = choices[0].logprobs if choices else None
    offsets, values = (said.text_offset or (), said.token_logprobs or ()) if said else ((), ())
    found = [value for at, value in zip(offsets, values, strict=False) if start <= at < end]
    known = [value for value in found if value is not None]
    if not known or len(known) < len(found):
        raise Refused("it gives no log-probabilities of a prompt")
    return sum(known)


async def _until(stop: Stop, work: Coroutine[Any, Any, Result]) -> Result | None:
    task: asyncio.Task[Result] = asyncio.ensure_future(work)
    try:
        while not task.done() and not stop:
            await asyncio.wait({task}, timeout=POLL_S)
        return task.result() if task.done() else None
    finally:
        await _ended(task)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancelled and really over, so that no connection outlives its request."""
    task.cancel()
    gone: Awaitable[Any] = asyncio.gather(task, return_exceptions=True)
    await gone
