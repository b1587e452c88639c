"""The server's one mutable object: it owns the snapshot, the settings, the jobs and the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from ..engine.project import find_root
from ..engine.trust import is_trusted
from .configuration import Configuration
from .engine_link import EngineLink
from .inline_completion import Completer
from .jobs import Jobs
from .publish import Publisher
from .snapshot import Board, Document, Snapshot

if TYPE_CHECKING:
    from .saving import Saves

HOW_TO_TRUST = (
    "Darner runs nothing here until you trust this workspace: run `darner trust` in its folder, "
    'set the initialization option "trust" to true, or send darner/setTrust.'
)
OUTSIDE = (
    "Darner runs nothing here: this project lies outside of the folders that are open. "
    "Run `darner trust` in its folder, or open it as a folder."
)


class Session:
    """Used from the event loop only."""

    def __init__(
        self, server: LanguageServer, engine: Callable[[], EngineLink], saves: Callable[[Session], Saves]
    ) -> None:
        self.server = server
        self.snapshot = Snapshot()
        self.configuration = Configuration()
        self.shutting_down = False
        self.prose: dict[str, str] = {}
        """What a model said, by a digest of the evidence that it was about."""
        self.on_settings: list[Callable[[], None]] = []
        """Called after the settings were read anew."""
        self._publisher = Publisher(self)
        self.jobs = Jobs()
        self.saves = saves(self)
        self.completer = Completer(self)
        self._engine_factory = engine
        self._engine: EngineLink | None = None
        self._told_trust: bool | None = None
        self._ready = False
        self._shown_once: set[str] = set()

    # The engine

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

    # Settings and trust

    def initialized(self) -> None:
        """The client may be spoken to from now on."""
        self._ready = True
        self.reconfigure()

    def reconfigure(self) -> None:
        """Read every setting anew; each complaint is shown once."""
        settings, complaints = self.configuration.of_user(None)
        self.snapshot = replace(self.snapshot, settings=settings)
        self._complain(complaints)
        for root in list(self.snapshot.boards):
            self._configure(root)
        for listener in self.on_settings:
            listener()
        self.changed()

    def _configure(self, root: Path) -> None:
        read = self.configuration.of_project if self.trusted(root) else self.configuration.of_user
        settings, complaints = read(root)
        self.put(replace(self.snapshot.boards[root], settings=settings))
        if not settings.enable:
            self._forget(root)
        self._complain(complaints)

    def _forget(self, root: Path) -> None:
        """Darner is switched off there: what runs ends, and what shows goes."""
        board = self.snapshot.boards[root]
        if board.cases:
            self.put(board.without(frozenset(board.cases)))
            self.changed()
        for job in self.jobs.running:
            if root in job.key:
                job.cancel("Stopped: Darner was switched off for this project.")

    def _complain(self, sentences: tuple[str, ...]) -> None:
        for sentence in sentences if self._ready else ():
            self.show_once(sentence, lsp.MessageType.Warning)

    def trusted(self, root: Path) -> bool:
        """What the client said last, else what the editor's settings say, else what `darner trust` remembered.

        The first two speak of this workspace: a library that somebody looks into is none of it.
        """
        if self._told_trust is False:
            return False
        return (self.trusts_workspace(root) and self.ours(root)) or is_trusted(root)

    def trusts_workspace(self, root: Path) -> bool:
        """What was said of the workspace, wherever this project lies."""
        return self.configuration.of_user(root)[0].trust if self._told_trust is None else self._told_trust

    def ours(self, path: Path) -> bool:
        """In a folder of the client's; anywhere, when it has opened files and no folder."""
        return not self.snapshot.folders or self._in_folder(path)

    def _in_folder(self, path: Path) -> bool:
        return any(path.is_relative_to(folder.resolve()) for folder in self.snapshot.folders)

    def our_boards(self) -> list[Path]:
        """Roots of the projects that are known and are meant when nobody says which."""
        return [root for root in self.snapshot.boards if self.ours(root)]

    def set_trust(self, trusted: bool) -> None:
        self._told_trust = trusted
        if not trusted:
            for job in self.jobs.running:
                job.cancel()
        self.reconfigure()

    # Documents and projects

    def open(self, document: Document) -> None:
        """A document was opened or changed; a new one may bring a new project."""
        if document.path and document.uri not in self.snapshot.documents:
            self.board(self.root_of(Path(document.path)))
        self.snapshot = replace(self.snapshot, documents={**self.snapshot.documents, document.uri: document})

    def closed(self, uri: str) -> None:
        documents = {key: value for key, value in self.snapshot.documents.items() if key != uri}
        self.snapshot = replace(self.snapshot, documents=documents)
        if self.snapshot.folders:
            self._forget_foreign()

    def set_folders(self, folders: tuple[Path, ...]) -> None:
        self.snapshot = replace(self.snapshot, folders=folders)
        boards = {root: replace(board, shown=self._shown(root)) for root, board in self.snapshot.boards.items()}
        self.snapshot = replace(self.snapshot, boards=boards)
        self._forget_foreign()
        self.changed()

    def _forget_foreign(self) -> None:
        """Projects that lie in no folder are forgotten, unless a document of theirs is open."""
        kept = {
            root: board
            for root, board in self.snapshot.boards.items()
            if self._in_folder(root)
            or any(Path(document.path).is_relative_to(root) for document in self.snapshot.documents.values())
        }
        if len(kept) < len(self.snapshot.boards):
            self.snapshot = replace(self.snapshot, boards=kept)
            self.changed()

    def board(self, root: Path) -> Board:
        """The project's board; the first time, an empty one."""
        if (known := self.snapshot.boards.get(root)) is not None:  # no look at the disk for each result
            return known
        real = root.resolve()
        if real not in self.snapshot.boards:
            self.put(Board(real, self._shown(real)))
            self._configure(real)
        return self.snapshot.boards[real]

    def refreshed(self, root: Path) -> Board:
        """Before anything runs: trust may have been given, and pyproject.toml changed, outside of the editor."""
        board = self.board(root)
        self._configure(board.root)
        return self.snapshot.boards[board.root]

    def put(self, board: Board) -> None:
        self.snapshot = replace(self.snapshot, boards={**self.snapshot.boards, board.root: board})

    def root_of(self, path: Path) -> Path:
        """The innermost project around a file, but never above the workspace folder that holds it."""
        found = find_root(path.parent if path.parent.is_dir() else Path("/"))
        around = [folder.resolve() for folder in self.snapshot.folders if path.is_relative_to(folder.resolve())]
        innermost = max(around, key=lambda folder: len(folder.parts), default=None)
        return found if innermost is None or found.is_relative_to(innermost) else innermost

    def touched(self, path: Path) -> list[Path]:
        """The project of a saved file, and those around it that show failing tests: the save may have mended them."""
        inner = self.board(self.root_of(path)).root
        boards = self.snapshot.boards.items()
        return [inner, *(root for root, board in boards if board.cases and root != inner and path.is_relative_to(root))]

    def _shown(self, real: Path) -> Path:
        for folder in self.snapshot.folders:
            resolved = folder.resolve()
            if real.is_relative_to(resolved):
                return folder / real.relative_to(resolved)
        return real

    # Telling the client

    def changed(self) -> None:
        """Failures, or what is known about them, changed."""
        self._publisher.changed()

    async def wait_changed(self) -> None:
        await self._publisher.wait_changed()

    def notify(self, name: str, params: Mapping[str, object]) -> None:
        self._publisher.notify(name, params)

    def in_background(self, request: Awaitable[object]) -> None:
        self._publisher.in_background(request)

    def show(self, message: str, kind: lsp.MessageType = lsp.MessageType.Info) -> None:
        if not self.shutting_down:
            self.server.window_show_message(lsp.ShowMessageParams(kind, message))

    def log(self, message: str) -> None:
        """A line of the client's log, which interrupts nobody."""
        if not self.shutting_down:
            self.server.window_log_message(lsp.LogMessageParams(lsp.MessageType.Info, message))

    def show_once(self, message: str, kind: lsp.MessageType) -> None:
        """For what the user did not ask for, as a run after every save."""
        if message not in self._shown_once:
            self._shown_once.add(message)
            self.show(message, kind)
