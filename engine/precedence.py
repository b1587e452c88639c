"""How tightly expressions bind: where a replacement needs parentheses."""

from __future__ import annotations

import ast
from functools import lru_cache

BINDING: dict[type[ast.AST], int] = {
    ast.NamedExpr: 0, ast.IfExp: 1, ast.Lambda: 1, ast.Not: 4, ast.Compare: 5, ast.Or: 2, ast.And: 3,
    ast.BitOr: 6, ast.BitXor: 7, ast.BitAnd: 8, ast.LShift: 9, ast.RShift: 9, ast.Add: 10, ast.Sub: 10,
    ast.Mult: 11, ast.Div: 11, ast.FloorDiv: 11, ast.Mod: 11, ast.MatMult: 11,
    ast.USub: 12, ast.UAdd: 12, ast.Invert: 12, ast.Pow: 13, ast.Await: 14, ast.Yield: 0, ast.YieldFrom: 0,
}  # fmt: skip

ATOM = 15


def node_level(node: ast.expr) -> int:
    """How tightly an expression binds: larger is tighter, an atom is 15, a bare tuple -1."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.UnaryOp):
        return BINDING[type(node.op)]
    if isinstance(node, ast.Tuple | ast.GeneratorExp):
        return -1
    return BINDING.get(type(node), ATOM)


@lru_cache(4096)
def level(text: str) -> int:
    """`node_level` of an expression's text; an atom if it does not parse, which the parse check then finds."""
    if text.isidentifier() or text.isdecimal():
        return ATOM
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return ATOM
    closed = isinstance(node, ast.Tuple | ast.GeneratorExp) and text.startswith("(") and node.col_offset == 0
    return ATOM if closed else node_level(node)
