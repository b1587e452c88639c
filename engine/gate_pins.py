"""Special cases that name no case: `126 < n < 128`, `n > 126 and n < 128`, `not n - 127`, `n in range(127, 128)`."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from .gate_fold import fold

_WIDEST = 2
"""An interval that holds more whole numbers than this is a range, not a case."""
_Bound = tuple[str, float, bool]
"""What is compared, with what, and whether from below."""


def pins(node: ast.AST) -> Iterator[str]:
    """Reprs of the numbers that this expression singles out."""
    if isinstance(node, ast.Compare):
        yield from _between(list(_bounds(node)))
        yield from _taken_away([node.left, *node.comparators])
        yield from _ranges(node)
    elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        yield from _between([b for value in node.values if isinstance(value, ast.Compare) for b in _bounds(value)])
        yield from _taken_away(node.values)
    elif isinstance(node, ast.BoolOp):
        yield from _taken_away(node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _taken_away([node.operand])
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _taken_away([node.test])


def _bounds(node: ast.Compare) -> Iterator[_Bound]:
    """Each `name < number` of a comparison, as a bound on the name, inclusive."""
    sides = [node.left, *node.comparators]
    for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
        if not isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            continue
        step = 0 if isinstance(op, ast.LtE | ast.GtE) else 1
        below = isinstance(op, ast.Gt | ast.GtE)
        for value, bound, from_below in ((left, right, below), (right, left, not below)):
            number = _number(bound)
            if number is not None and _number(value) is None:
                yield ast.dump(value), number + step if from_below else number - step, from_below


def _between(bounds: list[_Bound]) -> Iterator[str]:
    least: dict[str, float] = defaultdict(lambda: float("-inf"))
    most: dict[str, float] = defaultdict(lambda: float("inf"))
    for name, value, from_below in bounds:
        if from_below:
            least[name] = max(least[name], value)
        else:
            most[name] = min(most[name], value)
    for name in least.keys() & most.keys():
        if 0 <= most[name] - least[name] < _WIDEST:
            yield from (repr(n) for n in range(int(least[name]), int(most[name]) + 1))


def _taken_away(values: list[ast.expr]) -> Iterator[str]:
    """`n - 127` and `n ^ 127` are false, or compared with little, for 127 alone."""
    for value in values:
        for node in ast.walk(value):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.BitXor):
                yield from (repr(x) for x in (_number(node.left), _number(node.right)) if x is not None and abs(x) > 2)


def _ranges(node: ast.Compare) -> Iterator[str]:
    for side in node.comparators:
        if isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "range":
            numbers = [_number(argument) for argument in side.args]
            first, last = numbers if len(numbers) == 2 else (None, None)
            if first is not None and last is not None and 0 < last - first <= _WIDEST:
                yield from (repr(n) for n in range(int(first), int(last)))


def _number(node: ast.expr) -> int | float | None:
    try:
        value = fold(node)
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else None
