"""How much room a statement has for a mistake: by what it is, and by how many places of it a small edit could change.

The weights follow what one-line fixes change: conditions and results more than plain initial values.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from .dataflow import own_parts

_KIND: tuple[tuple[type[ast.stmt] | tuple[type[ast.stmt], ...], float], ...] = (
    ((ast.If, ast.While), 1.0),
    (ast.Return, 0.9),
    (ast.AugAssign, 0.8),
    ((ast.Assign, ast.AnnAssign, ast.For), 0.7),
    (ast.Expr, 0.65),
)
_OTHER_KIND, _PLAIN_KIND, _RARE = 0.3, 0.45, 0.1
_KIND_WEIGHT, _POINT_WEIGHT = 0.3, 2.0


def room(node: ast.stmt) -> float:
    """Greater than 0, about 1 for a simple assignment; comparable between any two statements."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return _RARE
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return _RARE / 10
    points = sum(_points(part) for part in own_parts(node)) + isinstance(node, ast.AugAssign)
    return math.log1p(_POINT_WEIGHT * points) + _KIND_WEIGHT * _kind(node)


def _kind(node: ast.stmt) -> float:
    plain = isinstance(node, ast.Assign | ast.Return) and isinstance(node.value, ast.Constant | ast.Name)
    return _PLAIN_KIND if plain else next((weight for kind, weight in _KIND if isinstance(node, kind)), _OTHER_KIND)


def _points(part: ast.AST) -> float:
    return sum(_weights(part))


def _weights(part: ast.AST) -> Iterator[float]:
    for node in ast.walk(part):
        match node:
            case ast.Compare():
                yield 1.5 * len(node.ops)
            case ast.BinOp() | ast.BoolOp() | ast.UnaryOp() | ast.Call() | ast.Subscript() | ast.Slice():
                yield 1.0
            case ast.Constant():
                yield 0.6
            case ast.Name(ctx=ast.Load()):
                yield 0.5
            case _:
                pass
