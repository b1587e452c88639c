"""The user's edits: hunks between the files as they were (at the last commit, or remembered) and as they are now."""

from __future__ import annotations

import difflib
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .protected import is_protected
from .types import FileChange, Patch

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of lines that differ. Line numbers count from 0, ends are exclusive, as in `difflib`."""

    path: str
    start: int
    end: int
    """Of the lines as they are now."""
    before: tuple[bytes, ...]
    """The lines that stood there before."""
    part: int = 0
    """Tells the lines of one hunk apart (lines_of); several may stand at one place."""

    @property
    def place(self) -> str:
        return f"{self.path}:{self.start + 1}"


@dataclass(frozen=True, slots=True)
class Edits:
    """Every changed hunk of Python files that a repair may touch."""

    hunks: tuple[Hunk, ...]
    now: dict[str, bytes]

    def lines(self) -> tuple[tuple[str, int], ...]:
        """Changed lines as they are now, counted from 1; a pure deletion marks the line after it."""
        return tuple((h.path, n + 1) for h in self.hunks for n in range(h.start, max(h.end, h.start + 1)))

    def revert(self, hunks: Collection[Hunk]) -> Patch:
        """The patch that takes these hunks back and leaves the others."""
        changes: list[FileChange] = []
        for path in sorted({hunk.path for hunk in hunks}):
            lines = self.now[path].splitlines(keepends=True)
            for hunk in sorted((h for h in hunks if h.path == path), key=lambda h: (-h.start, -h.part)):
                lines[hunk.start : hunk.end] = hunk.before
            changes.append(FileChange(path, self.now[path], b"".join(lines)))
        return Patch(tuple(changes))


def lines_of(hunk: Hunk) -> tuple[Hunk, ...]:
    """The hunk line by line where lines can be told apart: added, deleted, or exchanged one for one; else itself."""
    added, deleted = hunk.end - hunk.start, len(hunk.before)
    if not added:
        return tuple(replace(hunk, before=(line,), part=n) for n, line in enumerate(hunk.before))
    if not deleted:
        return tuple(replace(hunk, start=n, end=n + 1) for n in range(hunk.start, hunk.end))
    if added == deleted:
        return tuple(
            replace(hunk, start=hunk.start + n, end=hunk.start + n + 1, before=(line,))
            for n, line in enumerate(hunk.before)
        )
    return (hunk,)


def uncommitted(root: Path, besides: Collection[str] = ()) -> Edits:
    """Edits since HEAD of what a repair may touch, without `besides`; empty where git has nothing to say."""
    listed = _git(root, "diff", "--name-only", "-z", "--diff-filter=M", "--relative", "HEAD", "--", "*.py")
    hunks: list[Hunk] = []
    now: dict[str, bytes] = {}
    for path in _names(listed):
        if path in besides or is_protected(path):
            continue
        before, after = _git(root, "show", f"HEAD:./{path}"), _read(root / path)
        if before is not None and after is not None and max(len(before), len(after)) <= _MOST_BYTES:
            now[path] = after
            hunks += _hunks(path, before, after)
    return Edits(tuple(hunks), now)


def since(root: Path, files: Mapping[str, bytes], besides: Collection[str] = ()) -> Edits:
    """Edits since the files were so (memory.py), of what a repair may touch, without `besides`."""
    hunks: list[Hunk] = []
    now: dict[str, bytes] = {}
    for path, before in sorted(files.items()):
        after = _read(root / path) if path not in besides and not is_protected(path) else None
        if after is not None and after != before and max(len(before), len(after)) <= _MOST_BYTES:
            now[path] = after
            hunks += _hunks(path, before, after)
    return Edits(tuple(hunks), now)


def source_files(root: Path) -> tuple[str, ...]:
    """Python files that a repair may touch: what git tracks or would track; without git, none."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py")
    return tuple(sorted({name for name in _names(listed) if not is_protected(name)}))


def _names(listed: bytes | None) -> Iterator[str]:
    """Without those that are not UTF-8: no database and no report can hold them."""
    for name in filter(None, (listed or b"").split(b"\0")):
        with suppress(UnicodeDecodeError):
            yield name.decode()


def head(root: Path) -> str:
    """The commit that is checked out; empty where git has nothing to say."""
    return (_git(root, "rev-parse", "HEAD") or b"").decode().strip()


def versions(root: Path, path: str, most: int) -> Iterator[bytes]:
    """What a file held after each of its last `most` commits, newest first; nothing where git has nothing to say."""
    listed = _git(root, "log", f"--max-count={most}", "--format=%H", "HEAD", "--", path)
    for commit in (listed or b"").decode().split():
        content = _git(root, "show", f"{commit}:./{path}")
        if content is not None and len(content) <= _MOST_BYTES:
            yield content


def _hunks(path: str, before: bytes, after: bytes) -> list[Hunk]:
    old, new = _ended_as(after, before).splitlines(keepends=True), after.splitlines(keepends=True)
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [Hunk(path, j1, j2, tuple(old[i1:i2])) for tag, i1, i2, j1, j2 in codes if tag != "equal"]


def _ended_as(now: bytes, before: bytes) -> bytes:
    """`before` with the line ends of the tree: git may keep others than it checks out (`eol=crlf`, `core.autocrlf`)."""
    with_return, lines = before.count(b"\r\n"), before.count(b"\n")
    mostly = 2 * now.count(b"\r\n") > now.count(b"\n")
    if mostly and not with_return:
        return before.replace(b"\n", b"\r\n")
    return before.replace(b"\r\n", b"\n") if not mostly and with_return == lines else before


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _git(root: Path, *words: str) -> bytes | None:
    """Read-only git; its hooks, pagers and external diffs are not run."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "diff.external=", "--no-optional-locks", *words]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
