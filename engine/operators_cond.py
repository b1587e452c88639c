"""Edits of conditions: `and` and `or`, negation, a clause too many or too few."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .nodes import called_name
from .scope import Edit, Scope

_GUARDS = (("{} is None or ", 1.0), ("{} is not None and ", 0.8), ("{} and ", 0.6), ("not {} or ", 0.6))


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
        for form, weight in _GUARDS:
            rest = scope.group(test, 3 if form.endswith("or ") else 4)
            yield scope.put(test, form.format(owner) + rest, weight)
    for name in scope.names(node)[:10]:
        for form, weight in ((" or not {}", 0.5), (" and {}", 0.3), (" or {}", 0.2), (" and not {}", 0.3)):
            yield scope.put(test, scope.group(test, 3 if " or" in form else 4) + form.format(name), weight)
    yield from _other_conditions(test, scope)


def filter_add(node: ast.comprehension, scope: Scope) -> Iterator[Edit]:
    """A filter that a comprehension lacks, or one that forgot a case."""
    if not isinstance(node.target, ast.Name):
        return
    name = node.target.id
    forms = ("{}", "{} > 0", "{} >= 0", "{} % 2 == 0", "{} % 2 == 1", "{} % 2 != 0", "not {}", "{} is not None")
    for form in forms:
        added = form.format(name)
        if node.ifs:
            last = node.ifs[-1]
            yield scope.put(last, f"{scope.group(last, 4)} and {added}")
        else:
            end = scope.source.span(node.iter)[1]
            yield Edit(((end, end, f" if {added}"),))


def _other_conditions(test: ast.expr, scope: Scope) -> Iterator[Edit]:
    others = [n.test for n in scope.nodes if isinstance(n, ast.If | ast.While | ast.IfExp) and n.test is not test]
    calls = [n for n in scope.nodes if isinstance(n, ast.Call) and _is_predicate(n)]
    for other in [*others[:6], *calls[:6]]:
        for word, least in ((" and ", 4), (" or ", 3)):
            yield scope.put(test, scope.group(test, least) + word + scope.group(other, least), 0.2)


def _is_predicate(node: ast.Call) -> bool:
    return called_name(node).startswith(("is", "has", "can", "any", "all"))
