"""Does a statement go through a set in the set's own order? Who asks only what is in it, or sorts it, does not."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from .dataflow import Statement, own_parts

_ORDERLESS = frozenset(("all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"))
_GOING_THROUGH = frozenset(("enumerate", "extend", "filter", "iter", "join", "list", "map", "tuple", "zip"))
_SET_METHODS = frozenset(("copy", "difference", "intersection", "symmetric_difference", "union"))


def takes_order(statement: Statement, beside: Iterable[Statement]) -> bool:
    """`beside`: what else the function ran, where names get their values."""
    names = _set_names(beside)
    node = statement.node
    if isinstance(node, ast.For) and _is_set(node.iter, names):
        return True
    return any(_goes_through(inner, names) for part in own_parts(node) for inner in _ordered(part))


def _set_names(statements: Iterable[Statement]) -> frozenset[str]:
    """Names that are given sets and nothing else."""
    sets, others = set[str](), set[str]()
    for statement in statements:
        node = statement.node
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        made = value is not None and _is_set(value, frozenset())
        for target in (inner for part in own_parts(node) for inner in ast.walk(part)):
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store) and target.id in statement.writes:
                (sets if made else others).add(target.id)
    return frozenset(sets - others)


def _ordered(node: ast.AST) -> Iterator[ast.AST]:
    """It and what is below it, without what is given to a function to which order is nothing."""
    yield node
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ORDERLESS):
        for child in ast.iter_child_nodes(node):
            yield from _ordered(child)


def _goes_through(node: ast.AST, names: frozenset[str]) -> bool:
    match node:
        case ast.ListComp(generators=loops) | ast.GeneratorExp(generators=loops) | ast.DictComp(generators=loops):
            return any(_is_set(loop.iter, names) for loop in loops)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given) if name in _GOING_THROUGH:
            return any(_is_set(each, names) for each in given)
        case ast.Call(func=ast.Attribute(value=held, attr="pop"), args=[]):
            return _is_set(held, names)
        case ast.Starred(value=held):
            return _is_set(held, names)
        case _:
            return False


def _is_set(node: ast.expr, names: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Name(id=name):
            return name in names
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub(), right=right):
            return _is_set(left, names) or _is_set(right, names)
        case ast.Call(func=ast.Attribute(value=held, attr=name)) if name in _SET_METHODS:
            return _is_set(held, names)
        case _:
            return False
