"""Which tests a change can affect: those that entered a function that differs, or whose reach nobody knows.

A function is named by file and qualified name, and compared by its syntax, so that neither moved lines nor comments
count. What runs at import time (everything outside of functions) can reach any test: then all of them are affected.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..sandbox.types import TestResult

Function = tuple[str, str]
"""Project-relative path, and qualified name."""
_TOP = ""
_PROSE = (".md", ".rst", ".adoc")
_SHADOWING = frozenset({"conftest.py", "__init__.py"})


@dataclass(frozen=True, slots=True)
class Outline:
    """One file: the digest of every function's own syntax, and of what lies outside of all functions."""

    digests: Mapping[str, str]
    owners: Mapping[int, str]
    """Qualified name of the innermost function by line; decorators belong to it."""


def outline(source: bytes) -> Outline | None:
    """None when it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    digests: dict[str, str] = {}
    owners: dict[int, str] = {}
    top = _split(tree, "", digests, owners)
    digests[_TOP] = top
    return Outline(digests, owners)


def _split(node: ast.AST, prefix: str, digests: dict[str, str], owners: dict[int, str]) -> str:
    """The digest of `node` without the functions in it, which are put into `digests` on the way."""
    parts: list[str] = []
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                qualname = f"{prefix}{child.name}"
                first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                owners |= dict.fromkeys(range(first, (child.end_lineno or child.lineno) + 1), qualname)
                # A name that is defined twice keeps both bodies in its digest.
                own = _split(child, f"{qualname}.<locals>.", digests, owners)
                digests[qualname] = _digest(digests.get(qualname, ""), own)
            elif isinstance(child, ast.ClassDef):
                parts.append(f"class {child.name}{_split(child, f'{prefix}{child.name}.', digests, owners)}")
            elif isinstance(child, ast.AST):
                parts.append(f"{name}={type(child).__name__}({_split(child, prefix, digests, owners)})")
            else:
                parts.append(f"{name}={child!r}")
    return _digest(*parts)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass
class Reach:
    """Which functions each test entered, learnt from traced runs."""

    functions: dict[str, frozenset[Function]] = field(default_factory=dict[str, frozenset[Function]])
    outlines: dict[str, Outline] = field(default_factory=dict[str, Outline])
    """Of every Python file as it was at the last look."""

    def learn(self, results: Sequence[TestResult]) -> None:
        """From the lines that each test executed, in files as they were at the last look; without any, forget it."""
        for test in results:
            entered = frozenset(
                (path, known.owners.get(line, _TOP))
                for path, lines in test.lines
                if (known := self.outlines.get(path)) is not None
                for line in lines
            )
            if entered:
                self.functions[test.nodeid] = entered
            else:
                self.functions.pop(test.nodeid, None)

    def forget(self, nodeids: frozenset[str] | None) -> None:
        """These may enter other functions than they did; None: all of them."""
        for nodeid in tuple(self.functions) if nodeids is None else nodeids:
            self.functions.pop(nodeid, None)

    def affected(self, now: Mapping[str, Outline | None], others: Sequence[str]) -> frozenset[str] | None:
        """Tests that the change from the last look to `now` can affect; None for all of them.

        `now` has every Python file (None: it cannot be parsed), `others` the other files that changed.
        """
        if any(not path.endswith(_PROSE) for path in others) or self.outlines.keys() - now.keys():
            return None
        changed: set[Function] = set()
        files: set[str] = set()
        for path, new in now.items():
            old = self.outlines.get(path)
            if old is not None and new is not None and old.digests == new.digests:
                continue
            if not self._contained(path, old, new):
                return None
            files |= {path} if is_test_file(path) or old is None else set()
            if old is not None and new is not None:
                differing = {
                    n for n in old.digests.keys() | new.digests.keys() if old.digests.get(n) != new.digests.get(n)
                }
                changed |= {(path, name) for name in differing}
                files |= {path} if new.digests.keys() != old.digests.keys() else set()
        return frozenset(nodeid for nodeid in self.functions if self._touched(nodeid, changed, files))

    def _contained(self, path: str, old: Outline | None, new: Outline | None) -> bool:
        """The change cannot reach beyond the functions of this file and the tests that enter them."""
        if PurePosixPath(path).name in _SHADOWING:
            return old is not None and new is not None and old.digests[_TOP] == new.digests[_TOP]
        if old is None or is_test_file(path):
            return True
        return new is not None and old.digests[_TOP] == new.digests[_TOP]

    def _touched(self, nodeid: str, changed: set[Function], files: set[str]) -> bool:
        entered = self.functions[nodeid]
        return (
            nodeid.partition("::")[0] in files
            or not changed.isdisjoint(entered)
            or any(path in files for path, _ in entered)
        )


def is_test_file(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.startswith("test_") or name.endswith("_test.py")
