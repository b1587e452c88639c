"""Edits inside expressions: comparisons, arithmetic, boundaries, constants, conditions, names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from .scope import Edit, Scope, is_number, node_level

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
_INDEX_HOLDERS = (ast.Slice, ast.Subscript)
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


def boolean(node: ast.BoolOp, scope: Scope) -> Iterator[Edit]:
    """`and` to `or`, all of a chain or one of it; the mixed chain is grouped by precedence."""
    token, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    tokens: list[tuple[int, int, str]] = []
    for left, right in zip(node.values, node.values[1:], strict=False):
        start, gap = scope.between(left, right)
        at = start + len(gap[: gap.index(token)].encode(scope.source.encoding))
        tokens.append((at, at + len(token), other))
    yield Edit(tuple(tokens))
    if len(tokens) > 1:
        yield from (Edit((one,), 0.5) for one in tokens)


def negate(node: ast.If | ast.While | ast.IfExp, scope: Scope) -> Iterator[Edit]:
    yield from _negated(node.test, scope)


def negate_filter(node: ast.comprehension, scope: Scope) -> Iterator[Edit]:
    for test in node.ifs:
        yield from _negated(test, scope)


def negate_value(node: ast.Return, scope: Scope) -> Iterator[Edit]:
    if isinstance(node.value, ast.Compare | ast.BoolOp | ast.Call | ast.Name | ast.UnaryOp):
        yield from _negated(node.value, scope, 0.3)


def negate_operand(node: ast.BoolOp, scope: Scope) -> Iterator[Edit]:
    for value in node.values:
        yield from _negated(value, scope, 0.6)


def _negated(test: ast.expr, scope: Scope, weight: float = 1.0) -> Iterator[Edit]:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield scope.put(test, scope.text(test.operand), weight)
    elif not isinstance(test, ast.Constant) and not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        yield scope.put(test, f"not {scope.group(test, 4)}", weight)


def condition_drop(node: ast.BoolOp, scope: Scope) -> Iterator[Edit]:
    """`if a and b` to `if a`."""
    for value in node.values:
        yield scope.put(node, scope.text(value), 0.7)
    if len(node.values) > 2:
        word = " and " if isinstance(node.op, ast.And) else " or "
        for i in range(len(node.values)):
            kept = [scope.group(v, 4) for j, v in enumerate(node.values) if j != i]
            yield scope.put(node, word.join(kept))


def condition_add(node: ast.If | ast.While | ast.IfExp, scope: Scope) -> Iterator[Edit]:
    """A test that forgot a case: None, empty, or a condition that another test of the function asks."""
    test = node.test
    if isinstance(test, ast.Constant):
        return
    inside = [n for n in ast.walk(test) if isinstance(n, ast.Attribute | ast.Subscript)]
    for owner in dict.fromkeys(scope.text(n.value) for n in inside if isinstance(n.value, ast.Name)):
        for extra, weight in ((f"{owner} is None or ", 1.0), (f"{owner} is not None and ", 0.8), (f"{owner} and ", 0.6), (f"not {owner} or ", 0.6)):  # fmt: skip
            yield scope.put(test, extra + scope.group(test, 3 if extra.endswith("or ") else 4), weight)
    for name in scope.names(node)[:10]:
        for form, weight in ((" or not {}", 0.5), (" and {}", 0.3), (" or {}", 0.2), (" and not {}", 0.3)):
            yield scope.put(test, scope.group(test, 3 if " or" in form else 4) + form.format(name), weight)
    yield from _other_conditions(test, scope)


def _other_conditions(test: ast.expr, scope: Scope) -> Iterator[Edit]:
    others = [n.test for n in scope.nodes if isinstance(n, ast.If | ast.While | ast.IfExp) and n.test is not test]
    calls = [n for n in scope.nodes if isinstance(n, ast.Call) and _is_predicate(n)]
    for other in [*others[:6], *calls[:6]]:
        for word, least in ((" and ", 4), (" or ", 3)):
            yield scope.put(test, scope.group(test, least) + word + scope.group(other, least), 0.2)


def _is_predicate(node: ast.Call) -> bool:
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""  # fmt: skip
    return name.startswith(("is", "has", "can", "any", "all"))


def sign(node: ast.expr, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd | ast.Invert):
        yield scope.put(node, scope.text(node.operand))
    elif isinstance(node, ast.Name | ast.Call | ast.Subscript | ast.Attribute) and isinstance(
        scope.parents.get(node), ast.Return | ast.BinOp | ast.Call | ast.Subscript | ast.Slice | ast.Lambda
    ):
        if not isinstance(getattr(node, "ctx", None), ast.Store) and scope.role(node) not in ("called", "indexed"):
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
        for text, weight in _strings_near(node.value, scope):
            yield scope.put(node, text, weight)


def _numbers_near(node: ast.Constant, scope: Scope) -> Iterator[tuple[str, float]]:
    value = node.value
    if not isinstance(value, int | float):
        return
    step = 1 if isinstance(value, int) else 1.0
    yield repr(value + step), 1.0
    yield repr(value - step), 1.0
    for usual, weight in (("0", 0.7), ("1", 0.7), ("2", 0.6), ("-1", 0.5)):
        yield usual, weight
    for text in scope.numbers[:12]:
        yield text, 0.5
    if value:
        for other in (1 / value if isinstance(value, float) else value * 2, -value, value * 10):
            yield repr(other), 0.15
    yield "float('inf')", 0.05
    yield "None", 0.05


def _strings_near(value: str, scope: Scope) -> Iterator[tuple[str, float]]:
    changed = (value.strip(), value.lower(), value.upper(), value.capitalize(), value[::-1], value + value.upper(), value + value.lower(), value + " ", " " + value, "")  # fmt: skip
    for other in changed:
        yield repr(other), 0.5
    for text in (*scope.strings[:12], *(_SEPARATORS if len(value) <= 1 else ())):
        yield text, 0.5
    if "." in value or "*" in value or "+" in value:
        for other in (
            value.replace(".*", ".*?"),
            value.replace(".+", ".+?"),
            f"^{value}",
            f"{value}$",
            re.escape(value),
        ):
            yield repr(other), 0.1


def swap_operands(node: ast.BinOp | ast.Compare, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        if isinstance(node.op, ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor):
            return
    elif len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn | ast.Lt | ast.Gt):
        left, right = node.left, node.comparators[0]
    else:
        return
    one, other = scope.put(left, scope.text(right)), scope.put(right, scope.text(left))
    both = f"swap `{scope.text(left)}` and `{scope.text(right)}`"
    yield Edit((*one.splices, *other.splices), 1.0, note=both)


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
    if len(scope.strings) and isinstance(node, ast.BinOp) is False and isinstance(scope.parents.get(node), ast.BinOp):
        for text in (*scope.strings[:5], "' '", "'.'", "','"):
            yield scope.put(node, f"{own} + {text}", 0.2)


def _is_extendable(node: ast.expr, scope: Scope) -> bool:
    if not isinstance(node, ast.Name | ast.Call | ast.BinOp | ast.Subscript | ast.Attribute | ast.ListComp):
        return False
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Store | ast.Del) or scope.role(node) in ("called", "indexed"):
        return False
    parent = scope.parents.get(node)
    if isinstance(parent, ast.BinOp):
        return node_level(node) >= 14
    return isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Call | ast.Compare | ast.Lambda | ast.Slice)


def wrong_name(node: ast.Name, scope: Scope) -> Iterator[Edit]:
    """Another name in scope, likelier when it is spelled alike or used alike."""
    if isinstance(node.ctx, ast.Del) or isinstance(scope.parents.get(node), ast.arguments | ast.arg):
        return
    role = scope.role(node)
    if role == "called":
        return
    stored = isinstance(node.ctx, ast.Store)
    if stored and not isinstance(scope.parents.get(node), ast.Assign | ast.AugAssign):
        return
    for other in scope.names(node):
        if other != node.id:
            alike = similarity(node.id, other)
            same_role = 0.6 if role in scope.roles.get(other, ()) else 0.2
            yield scope.put(node, other, (0.4 + alike * 0.6) * same_role * (0.4 if stored else 1.0) / 0.6)


@lru_cache(8192)
def similarity(one: str, other: str) -> float:
    """How alike two identifiers are spelled, 0 to 1."""
    return SequenceMatcher(None, one, other).ratio()


def subexpression(node: ast.expr, scope: Scope) -> Iterator[Edit]:
    """Another expression of the same function, or a name, in the place of a larger expression."""
    if not isinstance(node, ast.Call | ast.Subscript | ast.BinOp | ast.Name | ast.Attribute | ast.Compare):
        return
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Store | ast.Del) or scope.role(node) in ("called", "indexed"):
        return
    own = scope.text(node)
    if not isinstance(node, ast.Name):
        for name in scope.names(node)[:12]:
            yield scope.put(node, name, 1.0)
    seen = {own}
    for other in scope.nodes:
        if isinstance(other, ast.Call | ast.Subscript | ast.BinOp | ast.Attribute) and other is not node:
            text = scope.text(other)
            if text not in seen and len(text) <= 40 and "\n" not in text and len(seen) <= 16:
                seen.add(text)
                yield scope.put(node, text, 0.25 + 0.5 * similarity(own, text))
    if isinstance(node, ast.Name) and scope.role(node) not in ("index", "iterated"):
        yield from (scope.put(node, f"{c}[{node.id}]", 0.5) for c in scope.indexed if c != node.id)
        for index in (n for n, roles in scope.roles.items() if "index" in roles):
            yield from (scope.put(node, f"{c}[{index}]", 0.3) for c in scope.indexed[:4])
