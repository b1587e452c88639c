"""One project kept ready: its session stays open while the files stay the same, and its last suite is reused."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..sandbox.session import OnTest, Session
from ..sandbox.types import Detail, Guarantees, Limits, Outcome, TestResult
from . import memory
from .affected import Outline, Reach, is_test_file, outline
from .coverage import FileCoverage, coverage
from .errors import BadInput
from .listing import Listing
from .opening import Opening
from .project import Project, find_interpreter, preferred
from .stop import Stop
from .suite import Suite, expand_all, merged, run_some, run_suite
from .trial import open_session

_SKIPPED = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules", ".tox", ".nox", ".pytest_cache"})
Mark = tuple[tuple[str, int, int], ...]
"""Path, time of its last change of any kind (which no tool can put back) and size of every file.

Equal marks mean that nothing was saved in between; the last word has the oracle, by what the files hold."""


class WarmProject:
    def __init__(self, root: Path, python: str | None, *, trusted: bool = True, sandbox: str | None = None) -> None:
        """`trusted`: the user agreed that it runs without a sandbox where none works; editors ask before anything."""
        self._root = root
        self._python = python
        self._trusted = trusted
        self._sandbox = sandbox
        self._turn = threading.Lock()
        self._session: Session | None = None
        self._copied = 0.0
        """When the session's copy was begun, as `time.time()`."""
        self._mark: Mark = ()
        self._suite: Suite | None = None
        """Of the whole project."""
        self._suite_mark: Mark = ()
        """The files that `_suite` was run on."""
        self._reach = Reach()
        self._listing = Listing(root)
        self._outlines: dict[tuple[str, int, int], Outline | None] = {}

    @contextmanager
    def use(self, stop: Stop) -> Generator[WarmProject]:
        """Wait for the project's turn, and see to it that the session shows the files as they are now.

        Raises BadInput when cancelled while waiting, BadEnvironment when no interpreter or sandbox is found.
        """
        while not self._turn.acquire(timeout=0.05):
            if stop:
                raise BadInput("Cancelled; nothing was changed.")
        if not Opening(self._refresh, self._turn.release).wait(stop):
            raise BadInput("Cancelled; nothing was changed.")
        try:
            yield self
        finally:
            self._turn.release()

    @property
    def changed(self) -> bool:
        """A file is not what it was when the project was opened for its last user. Needs no turn."""
        return _mark(self._root) != self._mark

    def wait_changed(self, stop: Stop, every_s: float) -> None:
        """Until a file changes, or `stop`."""
        while not stop and not self.changed:
            time.sleep(every_s)

    @property
    def sandbox(self) -> Guarantees | None:
        """How the open session is confined; None while none is open. Needs no turn."""
        session = self._session
        return session.guarantees if session is not None else None

    @property
    def session(self) -> Session:
        assert self._session is not None  # only read inside `use`
        return self._session

    def run(self, stop: Stop, on_test: OnTest, *, trace: bool = False) -> Suite:
        """Every test. `trace` learns which functions each enters, so that the next run can be a part."""
        suite = run_suite(self.session, (), stop, on_test, Detail.COVERAGE if trace else Detail.OUTCOMES)
        if not stop:
            self._reach.forget(None)
            self._keep(suite, suite.results)
        return suite

    def run_named(self, nodeids: tuple[str, ...], stop: Stop, on_test: OnTest, *, trace: bool = False) -> Suite:
        """These tests alone, where what they stand for is known; else the whole suite, of which they are picked."""
        detail = Detail.COVERAGE if trace else Detail.OUTCOMES
        current = self._current()
        known = [test.nodeid for test in current.results] if current is not None else []
        names = expand_all(nodeids, known) if known else ()
        some = run_some(self.session, names, stop, on_test, detail) if names else None
        if some is None or current is None:
            return run_suite(self.session, nodeids, stop, on_test, detail)
        self._suite = merged(current, some, ())
        return some

    def run_affected(self, stop: Stop, on_test: OnTest) -> tuple[Suite, int]:
        """What the changes since the last run can affect; the whole suite as it is now, and how many tests ran."""
        names = self._affected()
        if names is not None and self._suite is not None:
            some = run_some(self.session, names, stop, on_test, Detail.COVERAGE) if names else None
            if some is not None or not names:
                if not stop:
                    files = {name for name in names if "::" not in name}
                    self._keep(merged(self._suite, some, files) if some else self._suite, some.results if some else ())
                return self._suite, len(some.results) if some else 0
        suite = self.run(stop, on_test, trace=True)
        return suite, len(suite.results)

    def current_suite(self, stop: Stop) -> Suite:
        """The whole suite for the files as they are: the last one if nothing was saved since."""
        if (current := self._current()) is not None:
            return current
        if self._reach.functions:
            return self.run_affected(stop, lambda _: None)[0]
        return self.run(stop, lambda _: None)

    def coverage(self, suite: Suite, nodeids: tuple[str, ...]) -> tuple[FileCoverage, ...]:
        """Of a traced run, by these tests alone if any are named."""
        known = tuple(test.nodeid for test in suite.results)
        wanted = frozenset(expand_all(nodeids, known)) if nodeids else frozenset(known)
        paths = [self._relative(path) for path, _, _ in self._mark if path.endswith(".py")]
        return coverage(self._root, paths, [test for test in suite.results if test.nodeid in wanted])

    def adopt(self, other: WarmProject) -> None:
        """Take over what another copy of the same files has run."""
        if other._suite_mark == self._mark:
            self._suite, self._suite_mark = other._suite, other._suite_mark

    def tests(self) -> tuple[str, ...]:
        """Every test's node id, from the last run or else by collecting what changed."""
        if (current := self._current()) is not None:
            return tuple(test.nodeid for test in current.results if test.phase != "collect")
        limits = Limits(wall_s=120.0, cpu_s=120.0)
        return self._listing.tests(dict(_stamps(self._mark)), lambda names: self.session.collect(limits, names))

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _refresh(self) -> None:
        began = time.time()
        mark = _mark(self._root)
        if self._session is not None and mark == self._mark:
            return
        self.close()
        self._mark, self._copied = mark, began  # where it cannot be opened, the next change is waited for
        project = Project(self._root, find_interpreter(self._root, self._python), preferred(self._sandbox))
        self._session = open_session(project, trusted=self._trusted)

    def _current(self) -> Suite | None:
        return self._suite if self._suite_mark == self._mark else None

    def _keep(self, suite: Suite, traced: Sequence[TestResult]) -> None:
        """The suite is true of the files as they are now, and so is the reach of the tests that were traced."""
        self._suite, self._suite_mark = suite, self._mark
        passed = (test.nodeid for test in traced if test.outcome is Outcome.PASSED)
        memory.remember(self._root, passed, self._copied)
        files = self._python_files() if self._reach.functions or any(test.lines for test in traced) else {}
        self._reach.outlines = {path: found for path, found in files.items() if found is not None}
        self._reach.learn(traced)

    def _affected(self) -> list[str] | None:
        """Node ids, and test files that changed; None: everything. Tests whose reach is unknown are among them."""
        if self._suite is None or not self._reach.functions:
            return None
        now, before = dict(_stamps(self._mark)), dict(_stamps(self._suite_mark))
        changed = {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}
        others = [self._relative(path) for path in changed if not path.endswith(".py")]
        found = self._reach.affected(self._python_files(), others)
        if found is None:
            return None
        files = {self._relative(path) for path in changed if path in now and is_test_file(path)}
        unknown = {test.nodeid for test in self._suite.results if test.nodeid not in self._reach.functions}
        names = {name for name in found | unknown | {*self._suite.failing} if name.partition("::")[0] not in files}
        return sorted(names | files)

    def _python_files(self) -> dict[str, Outline | None]:
        """Outlines by project-relative path; a file that did not change is not parsed again."""
        known = self._outlines
        self._outlines = {
            entry: known[entry] if entry in known else _outline_of(entry[0])
            for entry in self._mark
            if entry[0].endswith(".py")
        }
        return {self._relative(path): found for (path, _, _), found in self._outlines.items()}

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self._root).replace(os.sep, "/")


def _stamps(mark: Mark) -> Iterator[tuple[str, tuple[int, int]]]:
    return ((path, (time, size)) for path, time, size in mark)


def _outline_of(path: str) -> Outline | None:
    try:
        return outline(Path(path).read_bytes())
    except OSError:
        return None  # deleted while we looked


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
            found.append((path, seen.st_ctime_ns, seen.st_size))
    return tuple(sorted(found))
