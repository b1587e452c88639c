"""Constants that a text spells out in parts: `'a' + 'bc'`, `chr(97)`, `int('12')`, `''.join(['a', 'b'])`.

Only so far that a literal cannot be hidden by writing it differently; nothing of the candidate's is evaluated.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

_MOST = 10_000
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: lambda a, b: a // b,
}
_CALLS: dict[str, Callable[..., Any]] = {"chr": chr, "ord": ord, "int": int, "str": str, "float": float}


def fold(node: ast.expr) -> Any:  # noqa: ANN401 - any constant
    """The value of an expression of constants. Raises ValueError for every other, and for one that grows."""
    try:
        match node:
            case ast.BinOp() if type(node.op) in _OPERATORS:
                return _bounded(_OPERATORS[type(node.op)], fold(node.left), fold(node.right))
            case ast.Call(ast.Name(name), [only], []) if name in _CALLS:
                return _CALLS[name](fold(only))
            case ast.Call(ast.Attribute(value, "join"), [only], []):
                return str.join(fold(value), [fold(part) for part in _parts(only)])
            case ast.JoinedStr():
                return "".join(str(fold(part)) for part in node.values)
            case ast.FormattedValue(value, -1, None):
                return fold(value)
            case _:
                return ast.literal_eval(node)
    except (TypeError, SyntaxError, ArithmeticError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.List | ast.Tuple):
        return node.elts
    raise ValueError("not a list of parts")


def _bounded(operate: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:  # noqa: ANN401 - any constant
    """Numbers stay below 64 digits and texts below some thousand characters, whatever is multiplied."""
    sizes = [0 if isinstance(x, int | float) else len(x) for x in (left, right)]
    numbers = [abs(x) for x in (left, right) if isinstance(x, int | float)]
    if sum(sizes) > _MOST or any(n > (_MOST // max(1, *sizes) if any(sizes) else 1e60) for n in numbers):
        raise ValueError("too large")
    return operate(left, right)
