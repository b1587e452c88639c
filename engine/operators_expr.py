"""Edits inside expressions: comparisons, arithmetic, boundaries, constants, conditions, names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .nodes import is_number
from .precedence import node_level
from .scope import Edit, Scope

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
_NEXT_COMPARE: dict[str, dict[str, float]] = {
    "<": {"<=": 1, ">": 0.8, ">=": 0.4, "==": 0.3, "!=": 0.2},
    "<=": {"<": 1, ">=": 0.6, ">": 0.4, "==": 0.3, "!=": 0.2},
    ">": {">=": 1, "<": 0.8, "<=": 0.4, "==": 0.3, "!=": 0.2},
    ">=": {">": 1, "<=": 0.6, "<": 0.4, "==": 0.3, "!=": 0.2},
    "==": {"!=": 1, "<": 0.5, ">": 0.5, "<=": 0.5, ">=": 0.5, "in": 0.1, "is": 0.1},
    "!=": {"==": 1, "<": 0.4, ">": 0.4, "<=": 0.3, ">=": 0.3, "not in": 0.1, "is not": 0.1},
    "in": {"not in": 1, "==": 0.3},
    "not in": {"in": 1, "!=": 0.3},
    "is": {"is not": 1, "==": 0.8},
    "is not": {"is": 1, "!=": 0.8},
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip
_NEXT_ARITHMETIC: dict[str, dict[str, float]] = {
    "+": {"-": 1, "*": 0.4, "|": 0.05},
    "-": {"+": 1, "*": 0.2, "/": 0.2, "|": 0.05, "%": 0.1},
    "*": {"**": 0.6, "+": 0.6, "/": 0.6, "//": 0.5, "-": 0.3, "%": 0.2},
    "/": {"//": 1, "*": 0.7, "%": 0.4, "-": 0.2},
    "//": {"/": 1, "%": 0.8, "*": 0.3},
    "%": {"//": 1, "/": 0.6, "*": 0.2},
    "**": {"*": 1, "+": 0.1},
    "&": {"|": 1, "^": 0.7, "-": 0.2},
    "|": {"&": 1, "^": 0.7, "+": 0.2},
    "^": {"&": 1, "|": 1, "**": 0.5},
    "<<": {">>": 1, "*": 0.1},
    ">>": {"<<": 1, "//": 0.1},
}
_ORDERED = (ast.Mod, ast.FloorDiv, ast.Div, ast.Sub)
"""A constant is seldom meant on their left."""
_SEPARATORS = ("''", "' '", "','", "'.'", "'-'", "'_'", "'\\n'", "':'")


def relational(node: ast.Compare, scope: Scope) -> Iterator[Edit]:
    operands = [node.left, *node.comparators]
    for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
        yield from _operator_edits(scope, left, right, _COMPARE[type(op)], _NEXT_COMPARE)


def arithmetic(node: ast.BinOp, scope: Scope) -> Iterator[Edit]:
    if type(node.op) in _ARITHMETIC:
        yield from _operator_edits(scope, node.left, node.right, _ARITHMETIC[type(node.op)], _NEXT_ARITHMETIC)


def augmented(node: ast.AugAssign, scope: Scope) -> Iterator[Edit]:
    """`+=` to `-=` and its kin, and to plain `=`."""
    if type(node.op) not in _ARITHMETIC:
        return
    start, gap = scope.between(node.target, node.value)
    token = _ARITHMETIC[type(node.op)] + "="
    at = start + gap.index(token)
    yield Edit(((at, at + len(token), "="),), 0.8)
    for other, weight in _NEXT_ARITHMETIC[token[:-1]].items():
        yield Edit(((at, at + len(token), other + "="),), weight)


def accumulate(node: ast.Assign, scope: Scope) -> Iterator[Edit]:
    """A plain assignment that should add to, or take from, what is there."""
    if len(node.targets) == 1 and not isinstance(node.targets[0], ast.Tuple | ast.List):
        start, gap = scope.between(node.targets[0], node.value)
        at = start + gap.index("=")
        for token, weight in (("+=", 1.0), ("-=", 0.5), ("*=", 0.4)):
            yield Edit(((at, at + 1, token),), weight)


def _operator_edits(
    scope: Scope, left: ast.expr, right: ast.expr, token: str, following: dict[str, dict[str, float]]
) -> Iterator[Edit]:
    start, gap = scope.between(left, right)
    found = re.search(r"\s+".join(re.escape(w) for w in token.split()), gap)
    if found is None:
        return
    offset = start + len(gap[: found.start()].encode(scope.source.encoding))
    end = offset + len(found.group())
    for other, weight in following[token].items():
        padded = f" {other} " if other[0].isalpha() and not gap[found.end() :].startswith(" ") else other
        yield Edit(((offset, end, padded),), weight)


def sign(node: ast.expr, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd | ast.Invert):
        yield scope.put(node, scope.text(node.operand))
    elif isinstance(node, ast.Name | ast.Call | ast.Subscript | ast.Attribute) and scope.is_read(node):
        parent = scope.parents.get(node)
        if isinstance(parent, ast.Return | ast.BinOp | ast.Call | ast.Subscript | ast.Slice | ast.Lambda):
            yield scope.put(node, f"-{scope.text(node)}", 0.3)


def boundary(node: ast.expr, scope: Scope) -> Iterator[Edit]:
    """One more or one less, where integers bound something."""
    weight = _boundary_weight(node, scope)
    if not weight or (isinstance(node, ast.Constant) and not (is_number(node) and type(node.value) is int)):
        return
    if isinstance(node, ast.BinOp) and _is_one(node.right) and isinstance(node.op, ast.Add | ast.Sub):
        yield scope.put(node, scope.text(node.left), weight * 1.5)
    if isinstance(node, ast.Constant):
        return
    text = scope.group(node, 10)
    yield scope.put(node, f"{text} + 1", weight)
    yield scope.put(node, f"{text} - 1", weight)


def _boundary_weight(node: ast.expr, scope: Scope) -> float:
    if not isinstance(node, ast.Name | ast.Call | ast.BinOp | ast.Attribute | ast.Subscript | ast.Constant):
        return 0.0
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Store | ast.Del):
        return 0.0
    parent = scope.parents.get(node)
    if isinstance(parent, ast.Call) and node in parent.args:
        return 1.0 if isinstance(parent.func, ast.Name) and parent.func.id in ("range", "min", "max") else 0.5
    if isinstance(parent, ast.Slice) or (isinstance(parent, ast.Subscript) and node is parent.slice):
        return 1.0
    if isinstance(parent, ast.Compare):
        return 0.6 if not isinstance(parent.ops[0], ast.In | ast.NotIn | ast.Is | ast.IsNot) else 0.0
    if isinstance(parent, ast.BinOp):
        return 0.0 if isinstance(parent.op, ast.Add | ast.Sub) and node is not parent.left else 0.5
    if isinstance(parent, ast.Return | ast.Assign | ast.AugAssign):
        return 0.6
    return 0.4 if isinstance(parent, ast.Tuple) and isinstance(scope.parents.get(parent), ast.Subscript) else 0.0


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def constant(node: ast.Constant, scope: Scope) -> Iterator[Edit]:
    """Another literal: neighbours, the usual suspects, and those written elsewhere in the function."""
    if isinstance(scope.parents.get(node), ast.Expr | ast.JoinedStr | ast.FormattedValue):
        return
    if isinstance(node.value, bool):
        yield scope.put(node, str(not node.value), 2.0)
        yield scope.put(node, "None", 0.2)
    elif is_number(node):
        for text, weight in _numbers_near(node, scope):
            yield scope.put(node, text, weight)
    elif node.value is None:
        for text in ("[]", "0", "''", "False", "True", "{}"):
            yield scope.put(node, text, 0.3)
    elif isinstance(node.value, str) and scope.is_plain_string(node):
        for value, weight in _strings_near(node.value):
            yield scope.put(node, quoted(value, scope.text(node)), weight)
        for text in (*scope.strings[:12], *(_SEPARATORS if len(node.value) <= 1 else ())):
            yield scope.put(node, text, 0.5)


def _numbers_near(node: ast.Constant, scope: Scope) -> Iterator[tuple[str, float]]:
    value = node.value
    if not isinstance(value, int | float):
        return
    step = 1 if isinstance(value, int) else 1.0
    yield repr(value + step), 1.0
    yield repr(value - step), 1.0
    yield from (("0", 0.7), ("1", 0.7), ("2", 0.6), ("-1", 0.5))
    for text in scope.numbers[:12]:
        yield text, 0.5
    if value:
        for other in (1 / value if isinstance(value, float) else value * 2, -value, value * 10):
            yield repr(other), 0.15
    yield "float('inf')", 0.05
    yield "None", 0.05


def _strings_near(value: str) -> Iterator[tuple[str, float]]:
    cased = (value.lower(), value.upper(), value.capitalize(), value + value.upper(), value + value.lower())
    for other in (value.strip(), *cased, value[::-1], value + " ", " " + value, ""):
        yield other, 0.65 if value and value in other.strip() and other.strip() != value else 0.5  # adds, drops nothing
    if "." in value or "*" in value or "+" in value:
        greedy = (value.replace(".*", ".*?"), value.replace(".+", ".+?"))
        for other in (*greedy, f"^{value}", f"{value}$", re.escape(value)):
            yield other, 0.1


def quoted(value: str, like: str) -> str:
    """A string literal with the quotes, and if it can be the `r`, of another one."""
    body = repr(value)[1:-1]
    quote = '"' if like.endswith('"') else "'"
    if quote in body or "\\'" in body:
        return repr(value)
    raw = like[0] in "rR" and "\\" in value and not value.endswith("\\") and value.isprintable()
    return f"r{quote}{value}{quote}" if raw else f"{quote}{body}{quote}"


def swap_operands(node: ast.BinOp | ast.Compare, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        if isinstance(node.op, ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor):
            return
    elif len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
        left, right = node.left, node.comparators[0]
    else:
        return
    one, other = scope.put(left, scope.text(right)), scope.put(right, scope.text(left))
    both = f"swap `{scope.text(left)}` and `{scope.text(right)}`"
    fixed = isinstance(node, ast.BinOp) and isinstance(right, ast.Constant) and isinstance(node.op, _ORDERED)
    yield Edit((*one.splices, *other.splices), 0.3 if fixed else 1.0, note=both)


def regroup(node: ast.BinOp, scope: Scope) -> Iterator[Edit]:
    """`a - b // c` to `(a - b) // c`, and back: parentheses in the wrong place."""
    for inner, outer_first in ((node.right, True), (node.left, False)):
        if not isinstance(inner, ast.BinOp) or type(inner.op) not in _ARITHMETIC or type(node.op) not in _ARITHMETIC:
            continue
        op, inner_op = _ARITHMETIC[type(node.op)], _ARITHMETIC[type(inner.op)]
        a, b, c = (node.left, inner.left, inner.right) if outer_first else (inner.left, inner.right, node.right)
        first, second = (op, inner_op) if outer_first else (inner_op, op)
        ta, tb, tc = (scope.group(x, 14) for x in (a, b, c))
        left, right = f"({ta} {first} {tb}) {second} {tc}", f"{ta} {first} ({tb} {second} {tc})"
        yield scope.put(node, left if outer_first else right)
        if {first, second} <= {"+", "-", "//", "/", "*"} and first != second:
            yield scope.put(node, f"{ta} {second} {tc} {first} {tb}", 0.7)


def operand_drop(node: ast.BinOp, scope: Scope) -> Iterator[Edit]:
    """`a + b` to `a` or `b`; in a chain, to any of its beginnings."""
    yield scope.put(node, scope.text(node.right), 0.8)
    left = node.left
    while True:
        yield scope.put(node, scope.text(left))
        if not isinstance(left, ast.BinOp):
            return
        left = left.left


def extend(node: ast.expr, scope: Scope) -> Iterator[Edit]:
    """A missing operation: `x` to `x / 2`, `x ** 2`, `x - name`, `name + x`."""
    if not _is_extendable(node, scope):
        return
    for op, number, weight in (("*", "2", 0.6), ("/", "2", 0.8), ("//", "2", 0.6), ("**", "2", 0.8), ("%", "2", 0.3)):
        yield scope.put(node, f"{scope.group(node, 13)} {op} {number}", weight)
    for number in scope.numbers[:6]:
        for op in ("**", "*", "//", "+", "-", "%"):
            yield scope.put(node, f"{scope.group(node, 13 if op == '**' else 11)} {op} {number}", 0.2)
    own = scope.text(node)
    for name in scope.names(node)[:10]:
        if name == own:
            continue
        for op, weight in (("-", 0.6), ("+", 0.6), ("*", 0.3), ("//", 0.1), ("/", 0.1), ("%", 0.2)):
            yield scope.put(node, f"{scope.group(node, 11)} {op} {name}", weight)
        yield scope.put(node, f"{name} + {scope.group(node, 11)}", 0.5)
    parent = scope.parents.get(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add) and node is parent.left:
        yield from (scope.put(node, f"{own} + {text}", 0.4) for text in (*scope.strings[:5], *_SEPARATORS[1:]))


def _is_extendable(node: ast.expr, scope: Scope) -> bool:
    if not isinstance(node, ast.Name | ast.Call | ast.BinOp | ast.Subscript | ast.Attribute | ast.ListComp):
        return False
    if not scope.is_read(node):
        return False
    parent = scope.parents.get(node)
    if isinstance(parent, ast.BinOp):
        return node_level(node) >= 14
    return isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Call | ast.Compare | ast.Lambda | ast.Slice)
