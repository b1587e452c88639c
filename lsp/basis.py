"""What a search began with, so that it ends when a save makes it useless: what it finds could not be applied."""

from __future__ import annotations

from pathlib import Path

from .disk_text import disk_text
from .snapshot import Snapshot


class Basis:
    """The open files of one project as they were on disk: that is what a search reads, whatever an editor holds."""

    def __init__(self, snapshot: Snapshot, root: Path) -> None:
        self._root = root
        self._texts: dict[str, str] = {}
        for document in snapshot.documents.values():
            self.add(document.path)

    def add(self, path: str) -> None:
        """Also a file that is opened later: it may be the very one that is searched."""
        if path and Path(path).is_relative_to(self._root) and path not in self._texts:
            self._texts[path] = disk_text(path).text

    def lost(self, path: str) -> bool:
        """The file was one of them, and holds another text now."""
        return path in self._texts and self._texts[path] != disk_text(path).text
