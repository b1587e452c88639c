"""Statements by which a candidate would leave, hide or outwit a test; the gate compares them with those before."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from .nodes import called_name

_COMPARISONS = frozenset((
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__bool__",
))  # fmt: skip
_CLASS_MAKERS = frozenset(("make_dataclass", "new_class", "ABCMeta", "EnumMeta", "EnumType"))
_ENUMERATIONS = frozenset(("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"))
_BROAD = frozenset(("Exception", "BaseException", "AssertionError"))


def smells(node: ast.AST, aliases: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with this node, at most one thing; `aliases`: what names of the file are imported."""
    if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and _hides(node.body):
        yield "catches every exception and hides it"
    elif isinstance(node, ast.ExceptHandler) and "AssertionError" in _exception_names(node.type):
        yield "catches the test's own AssertionError"
    elif isinstance(node, ast.Call) and called_name(node) == "suppress" and any(_is_broad(a) for a in node.args):
        yield "suppresses every exception"
    elif isinstance(node, ast.Assign | ast.NamedExpr) and _is_every_exception(node.value):
        yield "gives every exception another name"
    elif _builds_class(node):
        yield "builds a class at run time"
    elif isinstance(node, ast.Try | ast.TryStar) and _leaves(node.finalbody):
        yield "hides every exception by leaving from `finally`"
    elif isinstance(node, ast.While) and _is_endless(node):
        yield "loops for ever"
    elif isinstance(node, ast.FunctionDef) and node.name in _COMPARISONS and _is_constant(node.body):
        yield f"makes `{node.name}` constant"
    elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and _is_foreign(node, aliases):
        yield "changes another module"
    elif isinstance(node, ast.Return | ast.Raise) and _raises_exit(node):
        yield "raises to leave the test"


def _builds_class(node: ast.AST) -> bool:
    """`type('A', ...)` under any name or form; `make_dataclass`, a metaclass called, an enumeration of a table."""
    if isinstance(node, ast.Assign | ast.NamedExpr):
        return isinstance(node.value, ast.Name) and node.value.id == "type"
    if not isinstance(node, ast.Call):
        return False
    name = called_name(node)
    if isinstance(node.func, ast.Call) and called_name(node.func) == "type":
        return len(node.args) == 3 and isinstance(node.args[0], ast.Constant | ast.Starred)
    if name == "type":
        return len(node.args) != 1 or isinstance(node.args[0], ast.Starred)
    return name in _CLASS_MAKERS or (name in _ENUMERATIONS and len(node.args) > 1)


def _leaves(body: list[ast.stmt]) -> bool:
    return any(isinstance(n, ast.Return | ast.Break | ast.Continue) for s in body for n in ast.walk(s))


def _is_foreign(target: ast.expr, aliases: Mapping[str, str]) -> bool:
    """`module.name = ...`, `Imported.method = ...`."""
    while isinstance(target, ast.Attribute):
        target = target.value
        if isinstance(target, ast.Name):
            return target.id in aliases
    return False


def _exception_names(node: ast.expr | None) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} if node is not None else set()


def _is_every_exception(value: ast.expr) -> bool:
    return isinstance(value, ast.Name | ast.Tuple) and bool(_exception_names(value) & _BROAD)


def _is_broad(node: ast.expr | None) -> bool:
    return node is None or bool(_exception_names(node) & _BROAD)


def _hides(body: list[ast.stmt]) -> bool:
    return not any(isinstance(n, ast.Raise) for s in body for n in ast.walk(s))


def _is_endless(node: ast.While) -> bool:
    leaves = ast.Break | ast.Return | ast.Raise | ast.Yield | ast.YieldFrom | ast.Await
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    return endless and not any(isinstance(n, leaves) for s in node.body for n in ast.walk(s))


def _is_constant(body: list[ast.stmt]) -> bool:
    last = body[-1]
    return len(body) <= 2 and isinstance(last, ast.Return) and isinstance(last.value, ast.Constant)


def _raises_exit(node: ast.Return | ast.Raise) -> bool:
    if isinstance(node, ast.Return):
        return False
    return bool(_exception_names(node.exc) & {"SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"})
