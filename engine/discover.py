"""Which tests a project has, read from the text of its test files without importing any of them.

Files that did not change since the last look are not read again. What only pytest can know (parameters, doctests,
other file names, generated tests) is added by `with_collected`, once pytest may run.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})
_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Known:
    """One test, or one test with one set of parameters."""

    id: str
    """As pytest names it."""
    path: str
    line: int
    """From 0; 0 when only the file is known."""


@dataclass(frozen=True, slots=True)
class _Read:
    stamp: tuple[int, int]
    tests: tuple[Known, ...]


class Discovery:
    """One project's test files, remembered by time and size."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, _Read] = {}

    def tests(self) -> tuple[Known, ...]:
        """As the files are now. Never raises: a file that cannot be read or parsed has no tests yet."""
        files: dict[str, _Read] = {}
        for path, stamp in _test_files(self._root):
            known = self._files.get(path)
            files[path] = known if known is not None and known.stamp == stamp else _Read(stamp, self._read(path))
        self._files = files
        return tuple(test for path in sorted(files) for test in files[path].tests)

    def _read(self, path: str) -> tuple[Known, ...]:
        try:
            tree = ast.parse((self._root / path).read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return ()
        return tuple(_tests(tree.body, path, path))


def with_collected(read: Sequence[Known], nodeids: Sequence[str]) -> tuple[Known, ...]:
    """pytest's own list, with the lines that reading found."""
    lines = {test.id: test.line for test in read}
    return tuple(Known(nodeid, nodeid.partition("::")[0], lines.get(nodeid.partition("[")[0], 0)) for nodeid in nodeids)


def _tests(body: Sequence[ast.stmt], path: str, prefix: str, in_case: bool = False) -> Iterator[Known]:
    """pytest's default names, and methods of unittest's cases."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield Known(f"{prefix}::{node.name}", path, node.lineno - 1)
        elif isinstance(node, ast.ClassDef):
            case = any("TestCase" in ast.unparse(base) for base in node.bases)
            if case or (node.name.startswith("Test") and not in_case and not _constructed(node)):
                yield from _tests(node.body, path, f"{prefix}::{node.name}", case)
        elif isinstance(node, ast.If):
            yield from _tests([*node.body, *node.orelse], path, prefix, in_case)


def _constructed(node: ast.ClassDef) -> bool:
    """pytest does not collect a class with a constructor."""
    return any(isinstance(child, ast.FunctionDef) and child.name == "__init__" for child in node.body)


def _test_files(root: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for folder, names, files in os.walk(root):
        names[:] = [n for n in names if n not in _SKIPPED and n[0] != "." and not _environment(folder, n)]
        for name in files:
            if name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py")):
                path = os.path.join(folder, name)
                try:
                    seen = os.stat(path)
                except OSError:
                    continue  # deleted while we looked
                if seen.st_size <= _MOST_BYTES:
                    yield os.path.relpath(path, root).replace(os.sep, "/"), (seen.st_mtime_ns, seen.st_size)


def _environment(folder: str, name: str) -> bool:
    return os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
