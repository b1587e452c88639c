"""`initialize`: read what the client can do and what it wants, and offer what it can use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from . import configuration
from .client import NOTIFICATIONS, client_of
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .session import Session

SCHEME = "darner"
"""Of the virtual documents that hold long explanations."""


def initialize(session: Session, params: lsp.InitializeParams) -> None:
    """pygls builds the reply from the methods that are registered after this."""
    session.configuration.initial = params.initialization_options
    client = client_of(params.capabilities)
    settings, _ = session.configuration.of_user(None)
    session.snapshot = replace(Snapshot(), client=client, settings=settings, folders=_folders(params))


def initialized(session: Session, _: lsp.InitializedParams) -> None:
    session.initialized()
    session.in_background(configuration.watch(session))


def extend(session: Session, capabilities: lsp.ServerCapabilities) -> None:
    """What pygls does not offer by itself: virtual documents, and the custom messages (docs/lsp.md)."""
    if session.snapshot.client.virtual_documents and capabilities.workspace is not None:
        capabilities.workspace.text_document_content = lsp.TextDocumentContentOptions([SCHEME])
    capabilities.experimental = {
        "darner": {"version": 1, "notifications": sorted(f"darner/{name}" for name in NOTIFICATIONS)}
    }


def did_change_workspace_folders(session: Session, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
    """Folders come and go while the window stays open."""
    removed = set(_paths(folder.uri for folder in params.event.removed))
    kept = [folder for folder in session.snapshot.folders if folder not in removed]
    added = [path for path in _paths(folder.uri for folder in params.event.added) if path not in kept]
    session.set_folders((*kept, *added))
    if session.snapshot.client.configuration:
        session.in_background(configuration.ask(session))


def _folders(params: lsp.InitializeParams) -> tuple[Path, ...]:
    uris: Sequence[str | None] = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri]
    return tuple(_paths(uris)) or ((Path(params.root_path),) if params.root_path else ())


def _paths(uris: Iterable[str | None]) -> list[Path]:
    """Folders on this machine; a remote one is no place to run tests in."""
    found = (to_fs_path(uri) for uri in uris if uri)
    return [Path(path) for path in found if path]
