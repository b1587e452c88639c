"""Ghost text by `textDocument/inlineCompletion`, and one item of `textDocument/completion` for older clients.

Answered within half a second or with nothing; asked for only after the keys have rested a moment. Offered only while
the setting is on: at the start, or later by registering, where the client can.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from .engine_link import EngineError
from .snapshot import Document

if TYPE_CHECKING:
    from .session import Session

_ANSWER_S = 0.47
"""From the client's request to its answer, which is to be there after half a second; later, the text would jump in
where the user already wrote."""
_REST_S = 0.08
_MOST_CHARACTERS = 20_000
_SELECTOR = [lsp.TextDocumentFilterLanguage(language="python")]


class Completer:
    """One request at a time: a newer one makes the older worthless. Used from the event loop only."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: asyncio.Task[str] | None = None

    async def text(self, uri: str, position: lsp.Position) -> str:
        """What may stand at the position; empty when there is nothing to say in time."""
        due = time.monotonic() + _ANSWER_S
        document = self._session.snapshot.documents.get(uri)
        located = self._session.snapshot.locate(uri)
        if document is None or located is None or self._session.shutting_down:
            return ""
        settings = located[0].settings
        if not settings.inline_completion:
            return ""
        if self._asked is not None:
            self._asked.cancel()
        self._asked = asked = asyncio.create_task(self._ask(document, position, settings.completion_model))
        await asyncio.wait({asked}, timeout=due - time.monotonic())  # late work goes on: the next key profits from it
        now = self._session.snapshot.documents.get(uri)
        fresh = now is not None and now.version == document.version
        return asked.result() if asked.done() and not asked.cancelled() and fresh else ""

    async def _ask(self, document: Document, position: lsp.Position, model: str) -> str:
        await asyncio.sleep(_REST_S)
        at = document.text.offset(position, self._session.snapshot.client.encoding)
        before, after = document.text.text[:at], document.text.text[at:]
        params = {"model": model, "before": before[-_MOST_CHARACTERS:], "after": after[:1000]}
        try:
            return str((await self._session.engine.call("fill", params, lambda _name, _data: None))["text"])
        except EngineError as error:
            self._session.show_once(f"No inline completion: {error}", lsp.MessageType.Warning)
            return ""


async def inline_completion(session: Session, params: lsp.InlineCompletionParams) -> lsp.InlineCompletionList:
    text = await session.completer.text(params.text_document.uri, params.position)
    span = lsp.Range(params.position, params.position)
    return lsp.InlineCompletionList([lsp.InlineCompletionItem(text, range=span)] if text else [])


async def completion(session: Session, params: lsp.CompletionParams) -> lsp.CompletionList:
    """The same text as one preselected item. Incomplete: every key may bring another."""
    text = await session.completer.text(params.text_document.uri, params.position)
    span = lsp.Range(params.position, params.position)
    item = lsp.CompletionItem(
        label=text.strip(),
        kind=lsp.CompletionItemKind.Text,
        detail="Darner",
        preselect=True,
        sort_text="\uffff",
        filter_text=text,
        text_edit=lsp.TextEdit(span, text),
    )
    return lsp.CompletionList(is_incomplete=True, items=[item] if text else [])


async def register(session: Session, on: bool) -> None:
    """Offer ghost text from now on, or not any more, to a client that takes registrations."""
    client = session.snapshot.client
    method, options = (
        (lsp.TEXT_DOCUMENT_INLINE_COMPLETION, lsp.InlineCompletionRegistrationOptions(document_selector=_SELECTOR))
        if client.completes_inline
        else (lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionRegistrationOptions(document_selector=_SELECTOR))
    )
    name = "darner-completion"
    with contextlib.suppress(JsonRpcException):
        if on:
            registration = lsp.RegistrationParams([lsp.Registration(name, method, options)])
            await session.server.client_register_capability_async(registration)
        else:
            gone = lsp.UnregistrationParams([lsp.Unregistration(name, method)])
            await session.server.client_unregister_capability_async(gone)


class Offer:
    """Keeps what the client was offered in step with the setting."""

    def __init__(self, session: Session) -> None:
        self._session = session
        client = session.snapshot.client
        self.at_start = session.snapshot.settings.inline_completion
        """Offered in the answer to `initialize`: then it stays, and answers nothing while the setting is off."""
        self._registers = client.registers_inline if client.completes_inline else client.registers_completion
        self._registered = False

    def follow(self) -> None:
        wanted = self._session.snapshot.settings.inline_completion or any(
            board.settings.inline_completion for board in self._session.snapshot.boards.values()
        )
        if not self.at_start and self._registers and wanted != self._registered:
            self._registered = wanted
            self._session.in_background(register(self._session, wanted))
