"""Telling the client what changed: once for many changes, in the way that this client can take it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, cast

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from . import diagnostics

if TYPE_CHECKING:
    from .protocol import CarefulProtocol
    from .session import Session
    from .snapshot import Snapshot

_PUBLISH_S = 0.05
"""Changes within this are told to the client together."""


class Publisher:
    """Used from the event loop only."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._published: dict[str, str] = {}
        """Result ids of pushed diagnostics, by URI."""
        self._basis: dict[str, object] = {}
        """What each file's diagnostics were made of."""
        self._pushing = False
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

    def in_background(self, request: Awaitable[object]) -> None:
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
        elif not self._pushing:
            self.in_background(self._push())
        else:
            self.changed()

    async def _push(self) -> None:
        """File by file: thousands of failing tests must not hold up who asks something meanwhile."""
        self._pushing = True
        try:
            snapshot = self._session.snapshot
            shown = {
                snapshot.uri(board, path) for board in snapshot.boards.values() for path in diagnostics.paths(board)
            }
            for uri in sorted(shown | self._published.keys()):
                await self._push_one(self._session.snapshot, uri)
                await asyncio.sleep(0)
        finally:
            self._pushing = False

    async def _push_one(self, snapshot: Snapshot, uri: str) -> None:
        located = snapshot.locate(uri)
        basis = (located[0].cases.about(located[1]).shown, snapshot.text(*located)) if located else None
        if uri in self._basis and self._basis[uri] == basis:
            return
        self._basis[uri] = basis
        now = await diagnostics.told(snapshot, uri)
        if self._published.get(uri) == now.id:
            return
        document = snapshot.documents.get(uri) if snapshot.client.diagnostic_versions else None
        about = {"uri": uri, "version": document.version} if document else {"uri": uri}
        protocol = cast("CarefulProtocol", self._session.server.protocol)
        protocol.notify_encoded(
            lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, f'{json.dumps(about)[:-1]},"diagnostics":{now.items}}}'
        )
        self._published[uri] = now.id
        if not located or not located[0].cases.about(located[1]).shown:
            self._published.pop(uri)
            self._basis.pop(uri)
