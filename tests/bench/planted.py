"""How many planted copies of benchmark tasks the decontamination finds (training/held_out.py).

Of each task's known solution three copies are looked for in an index of its own file: with all its names replaced and
its docstrings taken out; that, with neighbouring assignments that can change places changed; and its description, in
capitals behind other words.

    .venv/bin/python -P tests/bench/planted.py TASKS.jsonl ...
"""

from __future__ import annotations

import argparse
import ast
import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from darner.training import held_out

_KEPT = frozenset(dir(builtins))


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("tasks", type=Path, nargs="+", help="JSON lines with `id` and `fixed`")
    for path in given.parse_args().tasks:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = [_found(held_out.read([str(path)]), row) for row in rows]
        renamed, described = sum(a for a, _, _ in found), sum(c for _, _, c in found)
        reordered = [each for _, each, _ in found if each is not None]
        print(
            f"{path.name}: {len(rows)} tasks; found renamed {renamed}, described {described}, "
            f"renamed or described {sum(a or c for a, _, c in found)}; "
            f"renamed and reordered {sum(reordered)} of the {len(reordered)} that can be"
        )
        missed = ", ".join(row["id"] for row, (a, _, _) in zip(rows, found, strict=True) if not a)
        print(f"  not found renamed: {missed or 'none'}")


def _found(index: held_out.HeldOut, row: dict[str, Any]) -> tuple[bool, bool | None, bool]:
    """Renamed; reordered, or None where nothing can change places; described."""
    tree = ast.parse(row["fixed"])
    described = f"PLEASE, IF YOU CAN: {' '.join(_docstrings(tree))} THANK YOU.".upper()
    plain = _Renamed(_names(tree)).visit(_bare(tree))
    renamed = ast.unparse(plain)
    for node in ast.walk(plain):
        if isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.If):
            node.body = list(_swapped(node.body))
    reordered = ast.unparse(plain)
    moved = bool(index.found_in("", reordered)) if reordered != renamed else None
    return bool(index.found_in("", renamed)), moved, bool(index.found_in(described))


def _names(tree: ast.Module) -> dict[str, str]:
    """Another for every name but builtin ones and those that are imported."""
    given = [each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)]
    given += [each.id for each in ast.walk(tree) if isinstance(each, ast.Name)]
    given += [each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    imported = {
        a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names
    }
    kept = _KEPT | imported
    return {name: f"value_{number}" for number, name in enumerate(sorted(set(given) - kept))}


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self._names.get(node.name, node.name)
        self.generic_visit(node)
        return node


def _docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            yield ast.get_docstring(node) or ""


def _bare(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _swapped(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Pairs of plain assignments of which neither reads what the other sets, in the other order."""
    at = 0
    while at < len(body):
        pair = body[at : at + 2]
        if len(pair) == 2 and all(isinstance(each, ast.Assign) for each in pair) and _apart(*pair):
            pair.reverse()
            yield from pair
            at += 2
        else:
            yield body[at]
            at += 1


def _apart(one: ast.stmt, other: ast.stmt) -> bool:
    names = [{n.id for n in ast.walk(each) if isinstance(n, ast.Name)} for each in (one, other)]
    return not names[0] & names[1]


if __name__ == "__main__":
    main()
