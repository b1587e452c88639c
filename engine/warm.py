"""One project kept ready: its session stays open while the files stay the same, and its last suite is reused."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from ..sandbox.session import Session
from ..sandbox.types import Guarantees, TestResult
from .errors import BadInput
from .project import Project, find_interpreter
from .stop import Stop
from .suite import Suite, run_suite
from .trial import open_session

_SKIPPED = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules", ".tox", ".nox", ".pytest_cache"})
Mark = tuple[tuple[str, int, int], ...]
"""Path, time and size of every file: equal marks mean that nothing was saved in between."""


class WarmProject:
    def __init__(self, root: Path, python: str | None) -> None:
        self._root = root
        self._python = python
        self._turn = threading.Lock()
        self._session: Session | None = None
        self._mark: Mark = ()
        self._suite: Suite | None = None
        """Of the whole project, at `_mark`."""

    @contextmanager
    def use(self, stop: Stop) -> Generator[WarmProject]:
        """Wait for the project's turn, and see to it that the session shows the files as they are now.

        Raises BadInput when cancelled while waiting, BadEnvironment when no interpreter or sandbox is found.
        """
        while not self._turn.acquire(timeout=0.05):
            if stop:
                raise BadInput("Cancelled; nothing was changed.")
        try:
            self._refresh()
            yield self
        finally:
            self._turn.release()

    @property
    def sandbox(self) -> Guarantees | None:
        """How the open session is confined; None while none is open. Needs no turn."""
        session = self._session
        return session.guarantees if session is not None else None

    @property
    def session(self) -> Session:
        assert self._session is not None  # only read inside `use`
        return self._session

    def run(self, nodeids: tuple[str, ...], stop: Stop, on_test: Callable[[TestResult], None]) -> Suite:
        suite = run_suite(self.session, nodeids, stop, on_test)
        if not nodeids and not stop:
            self._suite = suite
        return suite

    def current_suite(self, stop: Stop) -> Suite:
        """The whole suite for the files as they are: the last one if nothing was saved since."""
        if self._suite is None:
            return self.run((), stop, lambda _: None)
        return self._suite

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _refresh(self) -> None:
        mark = _mark(self._root)
        if self._session is not None and mark == self._mark:
            return
        self.close()
        self._suite = None
        project = Project(self._root, find_interpreter(self._root, self._python))
        self._session = open_session(project, trusted=True)  # the owner asked only because the user agreed
        self._mark = mark


def _mark(root: Path) -> Mark:
    found: list[tuple[str, int, int]] = []
    for folder, names, files in os.walk(root):
        names[:] = [n for n in names if n not in _SKIPPED and not os.path.exists(os.path.join(folder, n, "pyvenv.cfg"))]
        for name in files:
            path = os.path.join(folder, name)
            try:
                seen = os.lstat(path)
            except OSError:
                continue  # deleted while we looked
            found.append((path, seen.st_mtime_ns, seen.st_size))
    return tuple(sorted(found))
