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
from ..engine.types import Explanation, Patch, Question, Repair, Suspect
from ..sandbox.types import Call, TestResult
from .client import Client
from .convert import Text
from .disk_text import disk_text
from .places import Place, places, test_path


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the client has open."""

    uri: str
    path: str
    """Real path, symlinks resolved; empty for a document that is no file."""
    version: int
    text: Text


@dataclass(frozen=True)
class Case:
    """One failing test and what is known about it so far."""

    result: TestResult
    suspects: tuple[Suspect, ...] = ()
    explanation: Explanation | None = None
    repairs: tuple[Repair, ...] = ()
    """Verified only, best first."""
    question: Question | None = None
    note: str = ""
    calls: tuple[Call, ...] = ()
    """One call of each suspected function, with the values that the failing test gave it."""

    @property
    def nodeid(self) -> str:
        return self.result.nodeid

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where it shows, as it was when the test ran."""
        return places(self.result)


@dataclass(frozen=True, slots=True)
class Example:
    """A question, as the user answered it."""

    input: str
    output: str
    path: str
    """Of the repaired function, with a line in it."""
    line: int
    others: tuple[Patch, ...]
    """The repairs that answer otherwise."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A repair that the client applied in this session."""

    patch: Patch
    description: str
    nodeid: str
    example: Example | None = None
    """When it was chosen by the answer to a question."""


def _no_cases() -> Mapping[str, Case]:
    return MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Board:
    """One project's failing tests, by node id. Every change makes another board, so two are equal only when one."""

    root: Path
    """Real path."""
    shown: Path
    """The same folder as the client names it, perhaps through a symlink."""
    cases: Mapping[str, Case] = field(default_factory=_no_cases)
    settings: Settings = field(default_factory=Settings)
    applied: tuple[Applied, ...] = ()
    """Latest last."""

    def file(self, path: str) -> str:
        """The real path of a file of the project."""
        return f"{self._folder}{path}"

    @cached_property
    def _folder(self) -> str:
        return f"{str(self.root).rstrip('/')}/"

    @cached_property
    def shows(self) -> Mapping[str, tuple[tuple[Case, Place], ...]]:
        """What shows in each file, by path: thousands of tests may fail, and every request is about one file."""
        found: dict[str, list[tuple[Case, Place]]] = {}
        for case in self.cases.values():
            for place in case.places:
                found.setdefault(place.path, []).append((case, place))
        return {path: tuple(shown) for path, shown in found.items()}

    @cached_property
    def about(self) -> Mapping[str, tuple[Case, ...]]:
        """The cases that a file has to do with: it shows them, holds the test, or is suspected."""
        found: dict[str, dict[str, Case]] = {}
        for case in self.cases.values():
            paths = [test_path(case.nodeid), *(place.path for place in case.places), *(s.path for s in case.suspects)]
            for path in paths:
                found.setdefault(path, {})[case.nodeid] = case
        return {path: tuple(cases.values()) for path, cases in found.items()}

    def with_case(self, case: Case) -> Board:
        return replace(self, cases={**self.cases, case.nodeid: case})

    def without(self, nodeids: frozenset[str]) -> Board:
        return replace(self, cases={k: v for k, v in self.cases.items() if k not in nodeids})


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

    @property
    def versions(self) -> Mapping[str, int]:
        """Of every open document."""
        return {uri: document.version for uri, document in self.documents.items()}

    def document_at(self, path: str) -> Document | None:
        """The open document of this real path."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> Mapping[str, Document]:
        return {document.path: document for document in reversed([*self.documents.values()]) if document.path}

    def locate(self, uri: str) -> tuple[Board, str] | None:
        """The project that a document belongs to, and the document's path in it; the innermost project wins.

        None outside of every project, and in one where Darner is switched off.
        """
        path = Path(self.documents[uri].path if uri in self.documents else real_path(uri))
        inside = [board for root, board in self.boards.items() if path.is_relative_to(root)]
        if not inside:
            return None
        board = max(inside, key=lambda board: len(board.root.parts))
        return (board, path.relative_to(board.root).as_posix()) if board.settings.enable else None

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
