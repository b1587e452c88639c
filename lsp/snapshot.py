"""Everything a handler may look at, as one immutable value. The session (session.py) replaces it; nobody changes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from pygls.uris import from_fs_path, to_fs_path

from ..engine.settings import Settings
from ..engine.types import Patch
from .cases import Case, Cases, Example
from .client import Client
from .convert import Text
from .disk_text import disk_text


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the client has open."""

    uri: str
    path: str
    """Real path, symlinks resolved; empty for a document that is no file."""
    version: int
    text: Text


@dataclass(frozen=True, slots=True)
class Applied:
    """A repair that the client applied in this session."""

    patch: Patch
    description: str
    nodeid: str
    example: Example | None = None
    """When it was chosen by the answer to a question."""


@dataclass(frozen=True, eq=False)
class Board:
    """One project's failing tests, by node id. Every change makes another board, so two are equal only when one."""

    root: Path
    """Real path."""
    shown: Path
    """The same folder as the client names it, perhaps through a symlink."""
    cases: Cases = field(default_factory=Cases)
    settings: Settings = field(default_factory=Settings)
    applied: tuple[Applied, ...] = ()
    """Latest last."""

    def file(self, path: str) -> str:
        """The real path of a file of the project."""
        return f"{self._folder}{path}"

    @cached_property
    def _folder(self) -> str:
        return f"{str(self.root).rstrip('/')}/"

    def with_case(self, case: Case) -> Board:
        return replace(self, cases=self.cases.changed([case]))

    def without(self, nodeids: frozenset[str]) -> Board:
        return replace(self, cases=self.cases.changed((), nodeids))


@dataclass(frozen=True)
class Snapshot:
    client: Client = field(default_factory=Client)
    settings: Settings = field(default_factory=Settings)
    """Where no project is meant; every board has its own."""
    folders: tuple[Path, ...] = ()
    """Workspace folders, as the client names them."""
    documents: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))
    """By URI."""
    boards: Mapping[Path, Board] = field(default_factory=lambda: MappingProxyType({}))
    """By real root."""

    def document_at(self, path: str) -> Document | None:
        """The open document of this real path."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> Mapping[str, Document]:
        return {document.path: document for document in reversed([*self.documents.values()]) if document.path}

    def around(self, uri: str) -> list[tuple[Board, str]]:
        """The projects that hold a document, innermost first, and its path in each of them.

        None outside of every project, and in one where Darner is switched off.
        """
        path = Path(self.documents[uri].path if uri in self.documents else real_path(uri))
        inside = [board for root, board in self.boards.items() if path.is_relative_to(root)]
        inside.sort(key=lambda board: -len(board.root.parts))
        if not inside or not inside[0].settings.enable:
            return []
        return [(board, path.relative_to(board.root).as_posix()) for board in inside if board.settings.enable]

    def locate(self, uri: str) -> tuple[Board, str] | None:
        """The project that a document belongs to, and its path there: the innermost, unless only another knows of a
        failing test that has to do with it.
        """
        found = self.around(uri)
        knowing = (each for each in found if each[0].cases.about(each[1]).by_id)
        return next(knowing, found[0] if found else None)

    def uri(self, board: Board, path: str) -> str:
        """How the client names a project file: its own name when the file is open."""
        if (document := self.document_at(board.file(path))) is not None:
            return document.uri
        return file_uri(board.shown / path)

    def text(self, board: Board, path: str) -> Text:
        """The open document's text, else what is on disk, else nothing."""
        if (document := self.document_at(board.file(path))) is not None:
            return document.text
        return disk_text(board.file(path))


def real_path(uri: str) -> str:
    """The real path of a `file:` URI; empty for every other scheme (untitled, git, notebook cells, remote)."""
    path = to_fs_path(uri)
    return os.path.realpath(path) if path else ""


def file_uri(path: Path) -> str:
    uri = from_fs_path(str(path))
    assert uri is not None, path  # only a value that is not a string has no URI
    return uri
