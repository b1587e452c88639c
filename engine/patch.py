"""A patch on disk: check it, apply it whole or not at all, undo it, and show it.

The user's tree is written here and nowhere else, and only for a repair that the user accepted.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import stat
import tempfile
import tokenize
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from .errors import BadEnvironment, BadInput
from .types import FileChange, Patch

_RED, _GREEN, _CYAN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"


def apply(root: Path, patch: Patch, gone: Collection[str] = ()) -> None:
    """Write every file of the patch, or none; those in `gone` are removed.

    Each file must still hold its `before` bytes. Mode bits are kept; a link inside the project is written through.
    Raises BadInput when a path leaves the project or a file changed since, BadEnvironment when writing fails.
    """
    targets = check_paths(root, patch)
    for path, change in zip(targets, patch.files, strict=True):
        if _read(path) != change.before:
            raise BadInput(f"{change.path} changed since this repair was made; run the repair again.")
    written: list[tuple[Path, bytes | None]] = []
    try:
        for path, change in zip(targets, patch.files, strict=True):
            before = change.before if path.exists() else None
            _put(path, None if change.path in gone else change.after)
            written.append((path, before))
    except OSError as e:
        for path, before in reversed(written):
            with contextlib.suppress(OSError):
                _put(path, before)
        raise BadEnvironment(f"Cannot write {e.filename or root}: {e.strerror}; nothing was changed.") from e


def invert(patch: Patch) -> Patch:
    """The patch that undoes this one."""
    return Patch(tuple(FileChange(f.path, f.after, f.before) for f in patch.files))


def check_paths(root: Path, patch: Patch) -> tuple[Path, ...]:
    """The real file of each change, in order. Raises BadInput for a path that leaves the project or repeats."""
    home = root.resolve()
    found: list[Path] = []
    for change in patch.files:
        relative = PurePosixPath(change.path)
        if not change.path or relative.is_absolute() or ".." in relative.parts or "\0" in change.path:
            raise BadInput(f"The patch names {change.path!r}, which is not a path inside {root}; it was not applied.")
        real = (home / relative).resolve()
        if not real.is_relative_to(home):
            raise BadInput(f"{change.path} is a link that leads out of {root}; it was not changed.")
        if real in found:
            raise BadInput(f"The patch names {change.path} twice; it was not applied.")
        found.append(real)
    return tuple(found)


def unified_diff(patch: Patch, color: bool = False) -> str:
    """The patch as `diff -u` would show it, with `a/` and `b/` before the paths; ANSI colours on request."""
    return "".join(_file_diff(change, color) for change in patch.files)


def changed_lines(patch: Patch) -> int:
    """Lines taken out plus lines put in, over all files."""
    ops = (op for f in patch.files for op in _opcodes(_lines(f.before), _lines(f.after)))
    return sum((i2 - i1) + (j2 - j1) for i1, i2, j1, j2 in ops)


def edit_distance(patch: Patch) -> int:
    """Characters taken out plus characters put in, inside the changed lines: what "smallest edit" compares."""
    total = 0
    for change in patch.files:
        old, new = _lines(change.before), _lines(change.after)
        for i1, i2, j1, j2 in _opcodes(old, new):
            before, after = "".join(old[i1:i2]), "".join(new[j1:j2])
            total += sum((b - a) + (d - c) for a, b, c, d in _opcodes(before, after))
    return total


def _opcodes(old: list[str] | str, new: list[str] | str) -> list[tuple[int, int, int, int]]:
    """The unequal stretches. The common head and tail are cut first: a one-line edit of a long file is instant."""
    head = 0
    limit = min(len(old), len(new))
    while head < limit and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    ops = (op for op in middle.get_opcodes() if op[0] != "equal")
    return [(i1 + head, i2 + head, j1 + head, j2 + head) for _, i1, i2, j1, j2 in ops]


def _file_diff(change: FileChange, color: bool) -> str:
    shown: list[str] = []
    for line in difflib.unified_diff(
        _lines(change.before), _lines(change.after), f"a/{change.path}", f"b/{change.path}"
    ):
        whole = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        shown.append(_painted(whole) if color else whole)
    return "".join(shown)


def _painted(line: str) -> str:
    if line.startswith(("+++", "---")):
        return line
    paint = {"+": _GREEN, "-": _RED, "@": _CYAN}.get(line[0])
    return f"{paint}{line.rstrip(chr(10))}{_PLAIN}\n" if paint else line


def _lines(data: bytes) -> list[str]:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, LookupError, UnicodeDecodeError):
        text = data.decode("utf-8", "backslashreplace")
    return text.removeprefix("\ufeff").splitlines(keepends=True) if "\n" not in text else _keep_ends(text)


def _keep_ends(text: str) -> list[str]:
    """Split at line feeds only, so that a form feed inside a line does not break it."""
    parts = text.removeprefix("\ufeff").split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _read(path: Path) -> bytes:
    """A file that does not exist reads as empty: a patch may create it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as e:
        raise BadInput(f"Cannot read {path}: {e.strerror}; check the path and its permissions.") from e


def _put(path: Path, data: bytes | None) -> None:
    """None: there is no such file."""
    if data is None:
        path.unlink()
    else:
        _write(path, data)


def _write(path: Path, data: bytes) -> None:
    """Replace the file in one step, so that a crash leaves the old bytes or the new, never a part."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mode = 0o644
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
