"""Which statements of the project's functions tests executed, and how many tests, for an editor's gutter.

Only what lies inside of functions: the rest runs once, when a module is imported, and belongs to no test.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..sandbox.types import TestResult
from .affected import is_test_file

_NO_CODE = (ast.Global, ast.Nonlocal)


@dataclass(frozen=True, slots=True)
class Statement:
    line: int
    """From 1."""
    end_line: int
    """Of a compound statement, the last line of its head."""
    tests: int
    """How many tests executed it."""


@dataclass(frozen=True, slots=True)
class FileCoverage:
    path: str
    """Relative to the project."""
    statements: tuple[Statement, ...]


def coverage(root: Path, paths: Sequence[str], results: Sequence[TestResult]) -> tuple[FileCoverage, ...]:
    """Of the files at these project-relative paths that hold a function and no tests, by what was traced."""
    counted: dict[str, Counter[int]] = defaultdict(Counter)
    for test in results:
        for path, lines in test.lines:
            counted[path].update(lines)
    found: list[FileCoverage] = []
    for path in sorted(paths):
        if not is_test_file(path) and PurePosixPath(path).name != "conftest.py":
            statements = _statements(root / path, counted[path])
            if statements:
                found.append(FileCoverage(path, statements))
    return tuple(found)


def _statements(file: Path, tests: Mapping[int, int]) -> tuple[Statement, ...]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(_stated(node, tests) for node in _inside(tree, inside=False))


def _inside(parent: ast.AST, *, inside: bool) -> Iterator[ast.stmt]:
    """Statements in functions that compile to something, outermost first."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.stmt) and inside and not _empty(node):
            yield node
        yield from _inside(node, inside=inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _empty(node: ast.stmt) -> bool:
    """A docstring, a declaration: no interpreter ever executes its line."""
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, _NO_CODE) or (isinstance(node, ast.AnnAssign) and node.value is None)


def _stated(node: ast.stmt, tests: Mapping[int, int]) -> Statement:
    """Whoever was in the body came past the head, which some interpreters optimise away (`while True`, `try`)."""
    end = node.end_lineno or node.lineno
    count = max(tests.get(line, 0) for line in range(node.lineno, end + 1))
    body: Sequence[ast.AST] = getattr(node, "body", ()) or getattr(node, "cases", ())
    first = min((line for child in body if (line := getattr(child, "lineno", 0))), default=end + 1)
    return Statement(node.lineno, max(node.lineno, min(end, first - 1)), count)
