"""Edits of a name that nothing in its file defines: what was meant, a forgotten import, the branch to take."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import cast

from .gate_facts import PURE_MODULES
from .lacking import Missing
from .operators_name import similarity
from .scope import Edit, Scope
from .source import Source

_LEAST_ALIKE, _LEAST_WHERE_ASKED, _MOST_ALIKE = 0.5, 0.3, 8
_NEXT_IMPORT = 0.7
"""`typing` comes last of the modules: most of what else it offers is there as others' own."""
_NOT_OFFERED = frozenset(("__future__", "sys", "typing_extensions"))
_VERSION = re.compile(r"_*(?:is_?)?py(?:thon)?_?([23])_*", re.IGNORECASE)
"""What programs that once ran on Python 2 call the question on which they run."""
_TESTED = ast.If | ast.While | ast.IfExp | ast.BoolOp | ast.UnaryOp


_ASKED_FOR = 2.0
"""Times likelier, where the failing test says that this very name is not defined."""


def undefined_name(node: ast.Name, scope: Scope) -> Iterator[Edit]:
    """`MAXIMUM` to `MAX`, where the file knows that alone; `weakref.proxy`; an import of `Counter`; `if True:`."""
    if isinstance(node.ctx, ast.Load) and is_undefined(node.id, node, scope):
        factor = _ASKED_FOR if _is_asked_for(node.id, scope) else 1.0
        yield from (replace(edit, weight=edit.weight * factor) for edit in _defined(node, scope))


def is_undefined(name: str, node: ast.AST, scope: Scope) -> bool:
    """Nothing in the file defines it, or nothing that is known at the node and the failing test complains of it."""
    known = _names(scope.source)
    here = _is_asked_for(name, scope) and name not in known.top and name not in scope.names(node)
    return here or name in known.undefined


def _is_asked_for(name: str, scope: Scope) -> bool:
    return scope.lacking is not None and (scope.lacking.what, scope.lacking.name) == (Missing.NAME, name)


def _defined(node: ast.Name, scope: Scope) -> Iterator[Edit]:
    known = _names(scope.source)
    likely = ((similarity(node.id, other), other) for other in {*scope.names(node), *known.top})
    least = _LEAST_WHERE_ASKED if _is_asked_for(node.id, scope) else _LEAST_ALIKE
    for alike, other in sorted(likely, reverse=True)[:_MOST_ALIKE]:
        if alike >= least:
            yield scope.put(node, other, alike)
    for module in sorted(known.modules):
        offers = f"from {module} import {node.id}" in _imports().get(node.id, ())
        if offers or module not in PURE_MODULES:
            yield scope.put(node, f"{module}.{node.id}", 0.9 if offers else 0.6)
    at, newline = _behind_imports(scope.source), scope.source.newline
    for n, line in enumerate((*scope.imports.get(node.id, ()), *_imports().get(node.id, ()))):
        yield Edit(((at, at, line + newline),), _NEXT_IMPORT**n, note=f"insert `{line}`")
    if isinstance(scope.parents.get(node), _TESTED):
        version = _VERSION.fullmatch(node.id)
        yield scope.put(node, "True", 1.5 if version and version[1] == "3" else 0.5)
        yield scope.put(node, "False", 1.5 if version and version[1] == "2" else 0.4)


def undefined_names(source: Source) -> frozenset[str]:
    """Names that are read in the file and bound nowhere in it."""
    return _names(source).undefined


class _Names:
    """The names of one file."""

    def __init__(self, tree: ast.Module) -> None:
        self.top = frozenset(_bound(node) for node in tree.body) - {""}
        nodes = list(ast.walk(tree))
        self.modules = frozenset(name for statement in tree.body for name in _modules(statement))
        defined = {name for node in nodes for name in (_bound(node), *_others(node))}
        read = {n.id for n in nodes if isinstance(n, ast.Name) and not (n.id.startswith("__") and n.id.endswith("__"))}
        # What another module hands over by `*` is not known here.
        undefined = read - defined - vars(builtins).keys() if "*" not in defined else ()
        self.undefined = frozenset(undefined)


def _bound(node: ast.AST) -> str:
    """The name that a definition, an assignment to a plain name, a handler or a pattern binds; `` for other nodes."""
    if isinstance(node, ast.Assign):
        node = node.targets[0]
    if isinstance(node, ast.AnnAssign):
        node = node.target
    if isinstance(node, ast.Name):
        return "" if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.alias):
        return node.asname or node.name.split(".")[0]
    if isinstance(node, ast.MatchMapping):
        return node.rest or ""
    return cast("str | None", getattr(node, "name", None)) or ""


def _modules(statement: ast.stmt) -> list[str]:
    """Names that an import binds to modules: `import weakref`, `from . import orderedset`."""
    whole = isinstance(statement, ast.Import) or (isinstance(statement, ast.ImportFrom) and statement.module is None)
    aliases = statement.names if isinstance(statement, ast.Import | ast.ImportFrom) and whole else []
    return [alias.asname or alias.name for alias in aliases if alias.name != "*"]


def _others(node: ast.AST) -> list[str]:
    return node.names if isinstance(node, ast.Global | ast.Nonlocal) else []


@lru_cache(64)
def _names(source: Source) -> _Names:
    return _Names(source.tree)


@lru_cache(1)
def _imports() -> Mapping[str, tuple[str, ...]]:
    """Statements that define a name, by name: modules that a repair may import, and what they offer."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in sorted(PURE_MODULES - _NOT_OFFERED):
        found[module].append(f"import {module}")
        offered = importlib.import_module(module)
        public = (name for name in dir(offered) if not name.startswith("_"))
        for name in cast("list[str] | None", getattr(offered, "__all__", None)) or public:
            found[name].append(f"from {module} import {name}")
    return {name: tuple(lines) for name, lines in found.items()}


def _behind_imports(source: Source) -> int:
    """The byte behind the imports at the top of the file, else before its first statement that is no docstring."""
    last = 0
    for statement in source.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            break
        told = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if isinstance(statement, ast.Import | ast.ImportFrom) or (told and not last):
            last = statement.end_lineno or statement.lineno
    return source.line_start(last + 1)
