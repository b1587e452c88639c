"""The server's one mutable object: it owns the snapshot, the jobs and the engine, and tells the client what changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from ..engine.project import find_root
from ..engine.trust import is_trusted
from . import diagnostics
from .engine_link import EngineLink
from .jobs import Jobs
from .snapshot import Board, Document, Snapshot

_PUBLISH_S = 0.05
"""Changes within this are told to the client together."""
HOW_TO_TRUST = (
    "Darner runs nothing here until you trust this workspace: run `darner trust` in its folder, "
    'set the initialization option "trust" to true, or send darner/setTrust.'
)


class Session:
    """Used from the event loop only."""

    def __init__(self, server: LanguageServer, engine: Callable[[], EngineLink]) -> None:
        self.server = server
        self.snapshot = Snapshot()
        self.jobs = Jobs()
        self.shutting_down = False
        self._engine_factory = engine
        self._engine: EngineLink | None = None
        self._told_trust: bool | None = None
        self._published: dict[str, str] = {}
        """Result ids of pushed diagnostics, by URI."""
        self._publishing: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._complaints = ""
        self._shown_once: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def engine(self) -> EngineLink:
        if self._engine is None:
            self._engine = self._engine_factory()
        return self._engine

    def engine_running(self) -> bool:
        return self._engine is not None and self._engine.running

    def end_engine(self, seconds: float) -> None:
        """From any thread; see `EngineLink.end`."""
        if self._engine is not None:
            self._engine.end(seconds)

    async def close(self, seconds: float) -> None:
        self.shutting_down = True
        await self.jobs.cancel_all(seconds / 2)
        if self._engine is not None:
            await self._engine.close(seconds / 2)

    def trusted(self, root: Path) -> bool:
        """What the client said last, else its option, else what `darner trust` remembered."""
        if self._told_trust is not None:
            return self._told_trust
        return self.snapshot.options.trust or is_trusted(root)

    def set_trust(self, trusted: bool) -> None:
        self._told_trust = trusted
        if not trusted:
            for job in self.jobs.running:
                job.cancel()

    def open(self, document: Document) -> None:
        """A document was opened or changed; a new one may bring a new project."""
        if document.path and document.uri not in self.snapshot.documents:
            self.board(self.root_of(Path(document.path)))
        self.snapshot = replace(self.snapshot, documents={**self.snapshot.documents, document.uri: document})

    def closed(self, uri: str) -> None:
        documents = {key: value for key, value in self.snapshot.documents.items() if key != uri}
        self.snapshot = replace(self.snapshot, documents=documents)

    def board(self, root: Path) -> Board:
        """The project's board; the first time, an empty one."""
        real = root.resolve()
        if real not in self.snapshot.boards:
            self.put(Board(real, self._shown(real)))
        return self.snapshot.boards[real]

    def put(self, board: Board) -> None:
        self.snapshot = replace(self.snapshot, boards={**self.snapshot.boards, board.root: board})

    def changed(self) -> None:
        """Failures changed: tell the client soon, once for many changes."""
        if self._publishing is None and not self.shutting_down:
            self._publishing = asyncio.get_running_loop().call_later(_PUBLISH_S, self._publish)

    async def wait_changed(self) -> None:
        await self._changed.wait()

    def show(self, message: str, kind: lsp.MessageType = lsp.MessageType.Info) -> None:
        if not self.shutting_down:
            self.server.window_show_message(lsp.ShowMessageParams(kind, message))

    def complain(self, sentences: Sequence[str]) -> None:
        """About the client's options, in one message, once the client may be spoken to."""
        self._complaints = " ".join(sentences)

    def initialized(self) -> None:
        if self._complaints:
            self.show(self._complaints, lsp.MessageType.Warning)

    def show_once(self, message: str, kind: lsp.MessageType) -> None:
        """For what the user did not ask for, as a run after every save."""
        if message not in self._shown_once:
            self._shown_once.add(message)
            self.show(message, kind)

    def _publish(self) -> None:
        self._publishing = None
        self._changed.set()
        self._changed = asyncio.Event()
        if self.snapshot.client.refreshes_lenses:
            self._ask_again(self.server.workspace_code_lens_refresh_async(None))
        if self.snapshot.client.pulls:
            self._ask_again(self.server.workspace_diagnostic_refresh_async(None))
        else:
            self._push()

    def _push(self) -> None:
        snapshot = self.snapshot
        places = {
            snapshot.uri(board, path): board for board in snapshot.boards.values() for path in diagnostics.paths(board)
        }
        for uri in sorted(places.keys() | self._published.keys()):
            found = diagnostics.at(snapshot, uri)
            known = diagnostics.result_id(found)
            if self._published.get(uri) == known:
                continue
            document = snapshot.documents.get(uri) if snapshot.client.diagnostic_versions else None
            self.server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, found, version=document.version if document else None)
            )
            self._published[uri] = known
            if not found:
                self._published.pop(uri)

    def _ask_again(self, request: Coroutine[Any, Any, None]) -> None:
        """A refresh has no answer worth waiting for; a client's error is its own affair."""

        async def ask() -> None:
            with contextlib.suppress(JsonRpcException):
                await request

        task = asyncio.create_task(ask())
        self._asking.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._asking.discard)

    def root_of(self, path: Path) -> Path:
        """The innermost project around a file, but never above the workspace folder that holds it."""
        found = find_root(path.parent if path.parent.is_dir() else Path("/"))
        around = [folder.resolve() for folder in self.snapshot.folders if path.is_relative_to(folder.resolve())]
        innermost = max(around, key=lambda folder: len(folder.parts), default=None)
        return found if innermost is None or found.is_relative_to(innermost) else innermost

    def _shown(self, real: Path) -> Path:
        for folder in self.snapshot.folders:
            resolved = folder.resolve()
            if real.is_relative_to(resolved):
                return folder / real.relative_to(resolved)
        return real
