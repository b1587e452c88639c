"""Open, change, save and close: the client's documents, kept by the protocol's own rules for lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from lsprotocol import types as lsp
from pygls.protocol import lsp_method

from .convert import Text
from .initialize import extend
from .protocol import CarefulProtocol
from .saving import outdate
from .session import Session
from .snapshot import Document, real_path


class OwnDocuments(CarefulProtocol):
    """pygls' documents split lines at form feeds and clip positions in place, so its handlers are bypassed."""

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> Any:  # noqa: ANN401
        yield self._ours(lsp.TEXT_DOCUMENT_DID_OPEN), (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> Any:  # noqa: ANN401
        yield self._ours(lsp.TEXT_DOCUMENT_DID_CHANGE), (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> Any:  # noqa: ANN401
        yield self._ours(lsp.TEXT_DOCUMENT_DID_CLOSE), (params,), None

    @lsp_method(lsp.INITIALIZE)
    def lsp_initialize(self, params: lsp.InitializeParams) -> Any:  # noqa: ANN401
        result = yield from super().lsp_initialize(params)
        if (session := getattr(self._server, "session", None)) is not None:
            extend(session, result.capabilities)
        return result

    def _ours(self, method: str) -> Any:  # noqa: ANN401 - pygls leaves its generators untyped
        return cast("dict[str, Any]", self.fm.features)[method]  # pyright: ignore[reportUnknownMemberType]


def did_open(session: Session, params: lsp.DidOpenTextDocumentParams) -> None:
    item = params.text_document
    document = Document(item.uri, real_path(item.uri), item.version, Text(item.text))
    session.open(document)
    for job in session.jobs.running:
        if job.basis is not None:
            job.basis.add(document.path)


def did_change(session: Session, params: lsp.DidChangeTextDocumentParams) -> None:
    document = session.snapshot.documents.get(params.text_document.uri)
    if document is None:
        return  # a client that changes what it never opened
    text, encoding = document.text, session.snapshot.client.encoding
    for change in params.content_changes:
        if isinstance(change, lsp.TextDocumentContentChangePartial):
            text = text.changed(change.range, change.text, encoding)
        else:
            text = Text(change.text)
    session.open(replace(document, version=params.text_document.version, text=text))
    session.saves.typed()


def did_save(session: Session, params: lsp.DidSaveTextDocumentParams) -> None:
    """Run the project's tests soon, if the user trusts it and wants that."""
    path = real_path(params.text_document.uri)
    if path and not session.shutting_down:
        outdate(session, path)
        for root in session.touched(Path(path)):
            session.saves.saved(root)


def did_close(session: Session, params: lsp.DidCloseTextDocumentParams) -> None:
    session.closed(params.text_document.uri)
