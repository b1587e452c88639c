"""What one node of a syntax tree says by itself: its blocks, what it calls, its kind, and the names it binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import cast

from .source import FunctionNode

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The statement lists of a compound statement, in source order."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        items = cast("list[ast.AST] | ast.expr | None", getattr(node, field, None))
        if not isinstance(items, list):
            continue
        if field in ("handlers", "cases"):
            for item in items:
                yield from blocks(item)
        elif statements := [i for i in items if isinstance(i, ast.stmt)]:
            yield statements


def is_number(node: ast.Constant) -> bool:
    return isinstance(node.value, int | float) and not isinstance(node.value, bool)


def literal_kind(node: ast.expr) -> str:
    """`list` for `[]` and `list()`, and so on; `` when it is not known."""
    if isinstance(node, ast.Constant):
        return "none" if node.value is None else type(node.value).__name__
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        known = {"list", "set", "dict", "deque", "defaultdict", "Counter", "sorted", "str", "int"}
        return node.func.id if node.func.id in known else {"len": "int", "sum": "int"}.get(node.func.id, "")
    kinds: dict[type[ast.expr], str] = {
        ast.List: "list",
        ast.ListComp: "list",
        ast.Set: "set",
        ast.Dict: "dict",
        ast.DictComp: "dict",
    }
    return kinds.get(type(node), "")


def called_name(node: ast.Call) -> str:
    """`strip` of `x.strip()`, `len` of `len(x)`, else ``."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def argument_names(args: ast.arguments) -> tuple[str, ...]:
    every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return tuple(a.arg for a in every if a is not None)


def bound_in(holder: ast.AST) -> Iterator[str]:
    """Names bound by a function, lambda, comprehension or module itself, not by what it nests."""
    if isinstance(holder, Comprehension):
        for generator in holder.generators:
            yield from (n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name))
        return
    if isinstance(holder, FunctionNode | ast.Lambda):
        yield from argument_names(holder.args)
    if isinstance(holder, FunctionNode | ast.Module):
        for statement in holder.body:
            yield from _bound_by(statement)


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, FunctionNode | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, Comprehension | ast.Lambda):
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _bound_by(child)
