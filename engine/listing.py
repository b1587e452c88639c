"""Every test's node id, collected by pytest file by file: after a save, only the test files that changed.

Node ids can depend on more than their own file (parameters from another module, a conftest): whenever anything but a
test file changed, or another test file names the one that did, everything is collected again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .affected import is_test_file

Stamps = Mapping[str, tuple[int, int]]
"""Time and size of every file of the project, by absolute path."""
_PROSE = (".md", ".rst", ".adoc")


class Listing:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._stamps: Stamps = {}
        self._found: dict[str, list[str]] | None = None
        """Node ids by project-relative path, in pytest's order; None: nothing was collected yet."""

    def tests(self, now: Stamps, collect: Callable[[Sequence[str]], Sequence[str]]) -> tuple[str, ...]:
        """`collect` gets the project-relative paths of files, none for all of them."""
        changed = self._changed(now)
        if self._found is None or changed is None:
            self._found = _by_file(collect(()))
        elif changed:
            there = [path for path in changed if str(self._root / path) in now]
            again = _by_file(collect(there)) if there else {}
            kept = {path: found for path, found in self._found.items() if path not in changed or path in again}
            self._found = kept | again
        self._stamps = dict(now)
        return tuple(nodeid for nodeids in self._found.values() for nodeid in nodeids)

    def _changed(self, now: Stamps) -> list[str] | None:
        """The test files that have to be collected again; None for everything."""
        differing = [path for path in now.keys() | self._stamps.keys() if now.get(path) != self._stamps.get(path)]
        differing = [path for path in differing if not path.endswith(_PROSE)]
        if any(not is_test_file(path) or not path.endswith(".py") for path in differing):
            return None
        others = [path for path in now if path not in differing and is_test_file(path) and path.endswith(".py")]
        stems = [Path(path).stem.encode() for path in differing]
        if stems and any(stem in text for text in map(_text, others) for stem in stems):
            return None
        return sorted(Path(path).relative_to(self._root).as_posix() for path in differing)


def _by_file(nodeids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for nodeid in nodeids:
        found.setdefault(nodeid.partition("::")[0], []).append(nodeid)
    return found


def _text(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""  # deleted while we looked: it names nobody
