"""HTTP to a model server: JSON in, JSON or server-sent events out, a few tries, and a reason when it fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar, cast

import httpx2

TRIES = 3
PAUSE_S = 0.5
"""Before the second try, doubled before the third."""
_PATIENCE = httpx2.Timeout(connect=5.0, read=120.0, write=30.0, pool=5.0)
_BUSY = frozenset((429, 500, 502, 503, 504))
_MOST_BYTES = 16 << 20
_MOST_QUOTED = 300

Answer = TypeVar("Answer")


class Offline(Exception):
    """The server cannot be used; the text is a clause that says why."""


class Refused(Exception):
    """The server works and does not want this request; the text is what it says."""


class _Nothing(Exception):
    """A stream ended before anything came."""


class _Again(Exception):
    """Busy or cut off before anything came: worth another try."""


class Talk:
    """Requests to one endpoint, each over a connection of its own."""

    def __init__(self, endpoint: str, key: str) -> None:
        self._endpoint = endpoint
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def get(self, path: str) -> dict[str, Any]:
        """Raises Offline or Refused."""
        return await self._retried(lambda: self._json("GET", path, None))

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises Offline or Refused."""
        return await self._retried(lambda: self._json("POST", path, body))

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The events of a streamed answer. Tried again only while nothing has come. Raises Offline or Refused.

        llama_cpp.server refuses what is too long by an empty stream: asked for it in one piece, it says why.
        """
        async with httpx2.AsyncClient(timeout=_PATIENCE, headers=self._headers) as client:
            response = await self._retried(lambda: self._begun(client, path, body))
            try:
                async for event in _events(response):
                    yield event
            except httpx2.TransportError as error:
                raise Offline(f"the connection broke in the middle of an answer ({_reason(error)})") from error
            except _Nothing:
                await self.post(path, {**body, "stream": False})
                raise Offline("it does not stream: the stream is empty") from None
            finally:
                await response.aclose()

    async def _begun(self, client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> httpx2.Response:
        request = client.build_request("POST", f"{self._endpoint}/{path}", json=body)
        response = await client.send(request, stream=True)
        if response.status_code != 200:
            await response.aread()
            _check(response)
        return response

    async def _json(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        async with httpx2.AsyncClient(timeout=_PATIENCE, headers=self._headers) as client:
            response = await client.request(method, f"{self._endpoint}/{path}", json=body)
        _check(response)
        return _object(response.text)

    async def _retried(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        pause, why = PAUSE_S, ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(pause)
                pause *= 2
            try:
                return await ask()
            except _Again as again:
                why = str(again)
            except httpx2.TimeoutException as error:
                raise Offline(f"it did not answer in time ({_reason(error)})") from error
            except httpx2.TransportError as error:
                why = f"it does not answer ({_reason(error)})"
        raise Offline(f"{why}, {TRIES} times")


def _check(response: httpx2.Response) -> None:
    """Raise unless the status is 200."""
    status = response.status_code
    if status == 200:
        return
    if status in _BUSY:
        raise _Again(f"it answers with status {status}{_said(response)}")
    if status in (401, 403):
        raise Offline(f"it asks for a key (status {status}); set DARNER_API_KEY")
    if status == 404:
        raise Offline(f"it knows no {response.request.url.path} (status 404); most endpoints end in /v1")
    raise Refused(f"status {status}{_said(response)}")


def _said(response: httpx2.Response) -> str:
    text = " ".join(_message(response.text).split())[:_MOST_QUOTED]
    return f', "{text}"' if text else ""


def _message(text: str) -> str:
    """What a person wrote into an error, where it is one of OpenAI's form: `{"error": {"message": ...}}`."""
    with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError):
        said: object = json.loads(text)["error"]["message"]
        return said if isinstance(said, str) else text
    return text


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _object(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Offline(f"it answers with what is not a JSON object: {text[:80]!r}")
    return cast(dict[str, Any], value)


async def _events(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """The objects of a text/event-stream, up to `[DONE]`.

    Raises Offline for what is none, _Nothing for an empty one, Refused for an error.
    """
    size, first, heard = 0, "", False
    async for line in response.aiter_lines():
        size += len(line)
        if not line.startswith(":"):  # a comment: the server says that it lives
            first = first or line
        if size > _MOST_BYTES:
            raise Offline(f"one answer is longer than {_MOST_BYTES >> 20} MB")
        if not line.startswith("data:"):
            continue
        heard = True
        data = line[5:].strip()
        if data == "[DONE]":
            return
        event = _object(data)
        if "error" in event:
            raise Refused(str(event["error"])[:_MOST_QUOTED])
        yield event
    if not first:
        raise _Nothing
    if not heard:
        raise Offline(f"it does not stream: {first[:80]!r}")
