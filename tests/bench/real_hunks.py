"""What a release changed in its sources, in hunks of at most twelve lines whose meaning is not that of the old ones."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from darner.engine.protected import is_protected
from real_tasks import Hunk, digest, taken_back

MOST_LINES = 12
_GAP = 2
"""Unchanged lines between two changes that are still one hunk: a fix is seldom in one place only."""
_HEAD = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_NOT_SOURCES = frozenset(("docs", "doc", "examples", "example", "benchmarks", "benchmark", "scripts", "tools", "bin"))
_VENDORED = frozenset(("_vendor", "vendor", "_vendored", "vendored"))
_TOLD = frozenset(("__version__", "__version_info__", "version", "__all__", "__author__", "VERSION"))


def hunks(old: Path, new: Path, package: str) -> Iterator[Hunk]:
    """Every small change of meaning between two unpacked releases, in an order that depends on nothing else."""
    found = [hunk for path in _changed(old, new, package) for hunk in _of_file(old, new, path)]
    yield from sorted(found, key=lambda hunk: digest(repr(hunk).encode()))


def _changed(old: Path, new: Path, package: str) -> Iterator[str]:
    for file in sorted(new.rglob("*.py")):
        path = file.relative_to(new).as_posix()
        before = old / path
        if _is_source(new, path, package) and before.exists() and before.read_bytes() != file.read_bytes():
            yield path


def _is_source(root: Path, path: str, package: str) -> bool:
    """A module that is installed: in a package, or one beside `setup.py` that has the distribution's name."""
    parts = PurePosixPath(path).parts
    inside = parts[0] in ("src", "lib")
    base, parts = (root / parts[0], parts[1:]) if inside else (root, parts)
    if is_protected(path) or _VENDORED & set(parts):
        return False
    if len(parts) == 1:
        return inside or Path(parts[0]).stem in package.replace("-", "_")
    return parts[0] not in _NOT_SOURCES and (base / parts[0] / "__init__.py").exists()


def _of_file(old: Path, new: Path, path: str) -> Iterator[Hunk]:
    before, after = (old / path).read_bytes(), (new / path).read_bytes()
    meant = _meaning(after)
    for hunk in _merged(_differing(old / path, new / path, path)):
        if meant is not None and hunk.size <= MOST_LINES:
            without = _meaning(taken_back(before, after, hunk))
            if without is not None and without[0] == meant[0] and without[1] != meant[1]:
                yield hunk


def _differing(old: Path, new: Path, path: str) -> Iterator[Hunk]:
    """As git sees it, without context."""
    command = ["git", "diff", "--no-index", "--no-color", "--no-ext-diff", "--histogram", "-U0", str(old), str(new)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    for head in _HEAD.finditer(done.stdout.decode(errors="replace")):
        at, lines, new_at, new_lines = (int(text) if text is not None else 1 for text in head.groups())
        # git names the line before an empty range; here it is the line after.
        yield Hunk(path, (at + (lines == 0), lines), (new_at + (new_lines == 0), new_lines))


def _merged(found: Iterator[Hunk]) -> Iterator[Hunk]:
    """Neighbours become one hunk as long as it stays small."""
    last: Hunk | None = None
    for hunk in found:
        joined = _joined(last, hunk) if last is not None else None
        if last is not None and joined is None:
            yield last
        last = joined or hunk
    if last is not None:
        yield last


def _joined(one: Hunk, other: Hunk) -> Hunk | None:
    between = other.new[0] - sum(one.new)
    both = replace(
        one,
        old=(one.old[0], sum(other.old) - one.old[0]),
        new=(one.new[0], sum(other.new) - one.new[0]),
    )
    return both if between <= _GAP and both.size <= MOST_LINES else None


def _meaning(data: bytes) -> tuple[frozenset[str], str] | None:
    """The names that are defined, and the tree without docstrings, annotations, imports and versions; None if broken.

    A hunk that takes a whole function away is a missing feature, not a fault, and most often ends the collection.
    """
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return None
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = frozenset(f"{type(node).__name__} {node.name}" for node in ast.walk(tree) if isinstance(node, defined))
    return names, ast.dump(_Plain().visit(tree))


class _Plain(ast.NodeTransformer):
    """What is left decides what the program does."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        told = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if told else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return self.visit_Assign(ast.Assign([node.target], node.value)) if node.value is not None else None

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        return None if names & _TOLD else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)
