"""All that a test asks with: its own text, tables, fixtures and set-up that it draws on, conftests above it.

The gate looks for these literals in a candidate; a model reads only the test itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

_MOST_BYTES = 1 << 20
_MOST_TEXT = 200_000
_SET_UP = frozenset((
    "setUp", "setUpClass", "asyncSetUp", "setup_method", "setup_class", "setup_module", "setup_function", "setup",
    "setUpModule",
))  # fmt: skip


def examination(root: Path, nodeid: str) -> str:
    """Python text of everything that the test at `nodeid` reaches by name; empty when it cannot be read."""
    path, *names = nodeid.split("[")[0].split("::")
    trees = [tree for file in _files(root, path) if (tree := _parsed(file)) is not None]
    if not trees or not names:
        return ""
    reached = _reached(trees, names)
    return "\n".join(dict.fromkeys(ast.unparse(node) for node in reached))[:_MOST_TEXT]


def _files(root: Path, path: str) -> Iterator[Path]:
    """The test's own file, then the conftests from its folder up to the root."""
    yield root / path
    for folder in PurePosixPath(path).parents:
        yield root / folder / "conftest.py"


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes()) if file.stat().st_size <= _MOST_BYTES else None
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _reached(trees: Sequence[ast.Module], names: Sequence[str]) -> list[ast.stmt]:
    """The test, what its class sets up, and every top-level statement that gives a name which these mention."""
    given: dict[str, list[ast.stmt]] = {}
    for tree in trees:
        for statement in tree.body:
            for name in _names_given(statement):
                given.setdefault(name, []).append(statement)
    reached: list[ast.stmt] = list(_test(trees[0], names))
    wanted = [*_mentioned(reached), *(n for n, made in given.items() if any(_is_automatic(s) for s in made))]
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        found = given.get(name, [])
        reached += found
        wanted += _mentioned(found)
    return reached


def _test(tree: ast.Module, names: Sequence[str]) -> Iterator[ast.stmt]:
    body: list[ast.stmt] = tree.body
    for name in names:
        found = next((s for s in reversed(body) if name in _names_given(s)), None)
        if found is None:
            return
        if not isinstance(found, ast.ClassDef):
            yield found
            return
        yield from (s for s in found.body if not _is_test(s))
        body = found.body


def _is_test(statement: ast.stmt) -> bool:
    """Another test of the class: its literals are not this one's."""
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test")


def _is_automatic(statement: ast.stmt) -> bool:
    """Set-up, or a fixture that every test gets."""
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return statement.name in _SET_UP or any("autouse" in ast.dump(d) for d in statement.decorator_list)


def _names_given(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return set()


def _mentioned(statements: Sequence[ast.stmt]) -> list[str]:
    """Names read, parameters (they may be fixtures), and texts (`usefixtures("shop")`)."""
    nodes = [n for s in statements for n in ast.walk(s)]
    names = [n.id for n in nodes if isinstance(n, ast.Name)]
    names += [n.arg for n in nodes if isinstance(n, ast.arg)]
    return names + [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
