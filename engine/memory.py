"""What Darner remembers of a workspace between runs: for each test, the source files with which it last passed.

One SQLite file per workspace under the user's cache folder: write-ahead log, so that an editor and a terminal may both
use it; contents by their SHA-256, compressed, each once; bounded in size. It is a cache: when it cannot be read or
written, it is begun again or left alone, and nothing else notices. `darner forget` deletes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from .history import source_files
from .settings import Settings, read_project
from .state import workspace_key

_MOST_FILE, _MOST_FILES = 1 << 20, 5_000
_MOST_BYTES = 64 << 20
"""Of compressed contents; the oldest states go first."""
_MOST_STATES = 200
_PATIENCE_S = 2.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS content (digest TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, seen REAL NOT NULL);
CREATE TABLE IF NOT EXISTS file (state INTEGER NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (state, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passed (nodeid TEXT PRIMARY KEY, state INTEGER NOT NULL) WITHOUT ROWID;
"""


def remember(root: Path, passed: Iterable[str], began: float) -> None:
    """These tests passed with the source files as they are; `began`: `time.time()` when the run was started.

    Nothing is remembered when a file was saved since, or when the project says `snapshots = false`.
    """
    names = sorted(passed)
    if not names or not read_project(root, Settings())[0].snapshots:
        return
    files = _read_all(root, source_files(root), began)
    if files:
        _work(root, lambda base: _store(base, names, files))


def files_when_passed(root: Path, nodeid: str) -> Mapping[str, bytes]:
    """The source files with which this test last passed; empty when that is not known."""
    if not read_project(root, Settings())[0].snapshots:
        return {}
    found: dict[str, bytes] = {}
    _work(root, lambda base: found.update(_load(base, nodeid)))
    return found


def forget(root: Path) -> bool:
    """Delete what is remembered of this workspace; True when there was something."""
    path = path_of(root)
    there = path.exists()
    _delete(path)
    return there


def path_of(root: Path) -> Path:
    return user_cache_path("darner") / "memory" / f"{workspace_key(root)}.sqlite3"


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + suffix).unlink()


def _work(root: Path, job: Callable[[sqlite3.Connection], None]) -> None:
    """Do the job in one transaction; begin the file again once when it is damaged."""
    path = path_of(root)
    for last in (False, True):
        try:
            with _opened(path) as base:
                job(base)
            return
        except sqlite3.OperationalError:  # busy, full, read-only: the next run may remember
            return
        except (sqlite3.DatabaseError, zlib.error):
            if last:
                return
            _delete(path)
        except OSError:
            return


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.executescript(_SCHEMA)
        base.execute("BEGIN IMMEDIATE")
        try:
            yield base
        except BaseException:
            base.execute("ROLLBACK")
            raise
        base.execute("COMMIT")


def _read_all(root: Path, paths: Iterable[str], began: float) -> dict[str, bytes]:
    """The files' contents; none at all when one of them changed since the run began."""
    found: dict[str, bytes] = {}
    for path in list(paths)[:_MOST_FILES]:
        try:
            seen = os.stat(root / path)
            if seen.st_mtime > began:
                return {}
            if seen.st_size <= _MOST_FILE:
                found[path] = (root / path).read_bytes()
        except OSError:
            continue  # deleted, and still in git's index
    return found


def _store(base: sqlite3.Connection, names: list[str], files: Mapping[str, bytes]) -> None:
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    whole = hashlib.sha256("\n".join(f"{path}\0{digest}" for path, digest in digests.items()).encode()).hexdigest()
    base.execute(
        "INSERT INTO state (digest, seen) VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET seen = excluded.seen",
        (whole, time.time()),
    )
    (state,) = base.execute("SELECT id FROM state WHERE digest = ?", (whole,)).fetchone()
    if base.execute("SELECT 1 FROM file WHERE state = ? LIMIT 1", (state,)).fetchone() is None:
        known = {digest for (digest,) in base.execute("SELECT digest FROM content")}
        new = {digests[path]: data for path, data in files.items() if digests[path] not in known}
        base.executemany("INSERT INTO content VALUES (?, ?)", ((d, zlib.compress(data)) for d, data in new.items()))
        base.executemany("INSERT INTO file VALUES (?, ?, ?)", ((state, path, d) for path, d in digests.items()))
    base.executemany("INSERT OR REPLACE INTO passed VALUES (?, ?)", ((name, state) for name in names))
    _prune(base)


def _prune(base: sqlite3.Connection) -> None:
    """States that no test last passed with go, then the oldest, until the rest is within its bounds."""
    base.execute("DELETE FROM state WHERE id NOT IN (SELECT state FROM passed)")
    ids = [state for (state,) in base.execute("SELECT id FROM state ORDER BY seen DESC")]
    kept = min(len(ids), _MOST_STATES)
    while True:
        base.execute(f"DELETE FROM state WHERE id NOT IN ({','.join(map(str, ids[:kept])) or 'NULL'})")
        base.execute("DELETE FROM passed WHERE state NOT IN (SELECT id FROM state)")
        base.execute("DELETE FROM file WHERE state NOT IN (SELECT id FROM state)")
        base.execute("DELETE FROM content WHERE digest NOT IN (SELECT digest FROM file)")
        (size,) = base.execute("SELECT COALESCE(SUM(LENGTH(data)), 0) FROM content").fetchone()
        if size <= _MOST_BYTES or kept == 0:
            return
        kept //= 2


def _load(base: sqlite3.Connection, nodeid: str) -> dict[str, bytes]:
    rows = base.execute(
        "SELECT path, data FROM passed JOIN file USING (state) JOIN content USING (digest) WHERE nodeid = ?", (nodeid,)
    )
    return {str(path): zlib.decompress(data) for path, data in rows}
