"""What a function needs of its module to run alone: imports, constants, and helping functions, and theirs in turn."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Needed:
    imports: tuple[str, ...]
    """One statement for each name, sorted."""
    definitions: tuple[str, ...]
    """Source of constants, functions and classes, in the module's order."""


class Surroundings:
    """The top level of one module."""

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self._imports = dict(_imports(tree))
        bound = Counter(name for node in tree.body for name in _names_of(node))
        bound.update(list(self._imports))
        named = [(name, node) for node in tree.body for name in _names_of(node) if bound[name] == 1]
        self._definitions = {name: (_first_line(node), _text(node, lines)) for name, node in named}

    def needed(self, code: str, name: str) -> Needed | None:
        """What `code`, which defines `name`, takes from its module; None when some of it cannot be taken along.

        A name that the module binds more than once has no one definition.
        """
        imports: set[str] = set()
        taken: dict[str, tuple[int, str]] = {}
        open_names = free_names(code) - {name}
        while open_names:
            each = open_names.pop()
            if each in self._definitions:
                taken[each] = self._definitions[each]
                open_names |= free_names(taken[each][1]) - {name, *taken}
            elif each in self._imports:
                imports.add(self._imports[each])
            elif each not in _BUILTINS:
                return None
        ordered = dict(sorted(taken.values()))
        return Needed(tuple(sorted(imports)), tuple(ordered.values()))


def free_names(code: str) -> set[str]:
    """Names that a piece of a module takes from the module or from builtins."""
    free: set[str] = set()
    tables = [symtable.symtable(code, "<seed>", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        free |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        if table.get_type() == "module":  # annotations, defaults and decorators are evaluated here
            free |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and not s.is_assigned()}
    return free


def imported_package(line: str) -> str:
    return line.split()[1].split(".")[0]


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that the module's top level imports, with an import statement for it alone."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                written = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                yield alias.asname or alias.name.split(".")[0], written
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            for alias in node.names:
                written = f"from {node.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                yield alias.asname or alias.name, written


def _names_of(node: ast.stmt) -> list[str]:
    """Names that a statement of the top level defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _first_line(node: ast.stmt) -> int:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.decorator_list:
        return node.decorator_list[0].lineno
    return node.lineno


def _text(node: ast.stmt, lines: list[str]) -> str:
    return "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
