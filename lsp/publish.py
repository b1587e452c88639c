"""Telling the client what changed: once for many changes, in the way that this client can take it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from . import diagnostics

if TYPE_CHECKING:
    from .session import Session

_PUBLISH_S = 0.05
"""Changes within this are told to the client together."""


class Publisher:
    """Used from the event loop only."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._published: dict[str, str] = {}
        """Result ids of pushed diagnostics, by URI."""
        self._soon: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()

    def changed(self) -> None:
        """What the handlers answer changed: tell the client soon."""
        if self._soon is None and not self._session.shutting_down:
            self._soon = asyncio.get_running_loop().call_later(_PUBLISH_S, self._publish)

    async def wait_changed(self) -> None:
        await self._changed.wait()

    def notify(self, name: str, params: Mapping[str, object]) -> None:
        """A custom notification `darner/<name>`, for a client that asked for it."""
        if name in self._session.snapshot.client.told and not self._session.shutting_down:
            self._session.server.protocol.notify(f"darner/{name}", params)

    def in_background(self, request: Coroutine[Any, Any, object] | Awaitable[object]) -> None:
        """For a request whose answer nobody waits for; a client's error is its own affair."""

        async def ask() -> None:
            with contextlib.suppress(JsonRpcException):
                await request

        task = asyncio.create_task(ask())
        self._asking.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._asking.discard)

    def _publish(self) -> None:
        self._soon = None
        self._changed.set()
        self._changed = asyncio.Event()
        server, client = self._session.server, self._session.snapshot.client
        if client.refreshes_lenses:
            self.in_background(server.workspace_code_lens_refresh_async(None))
        if client.refreshes_hints:
            self.in_background(server.workspace_inlay_hint_refresh_async(None))
        if client.pulls:
            self.in_background(server.workspace_diagnostic_refresh_async(None))
        else:
            self._push()

    def _push(self) -> None:
        snapshot = self._session.snapshot
        places = {
            snapshot.uri(board, path): board for board in snapshot.boards.values() for path in diagnostics.paths(board)
        }
        for uri in sorted(places.keys() | self._published.keys()):
            found = diagnostics.at(snapshot, uri)
            known = diagnostics.result_id(found)
            if self._published.get(uri) == known:
                continue
            document = snapshot.documents.get(uri) if snapshot.client.diagnostic_versions else None
            self._session.server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, found, version=document.version if document else None)
            )
            self._published[uri] = known
            if not found:
                self._published.pop(uri)
