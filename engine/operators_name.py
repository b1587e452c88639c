"""Edits of names: another variable, another attribute, another expression of the same function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from .scope import Edit, Scope


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
    if not scope.is_read(node):
        return
    own = scope.text(node)
    if not isinstance(node, ast.Name):
        for name in scope.names(node)[:12]:
            yield scope.put(node, name, 1.0)
    seen = {own}
    for other in scope.nodes:
        if len(seen) > 16:
            break
        if isinstance(other, ast.Call | ast.Subscript | ast.BinOp | ast.Attribute) and other is not node:
            text = scope.text(other)
            if text not in seen and len(text) <= 40 and "\n" not in text:
                seen.add(text)
                yield scope.put(node, text, 0.25 + 0.5 * similarity(own, text))
    if isinstance(node, ast.Name) and scope.role(node) not in ("index", "iterated"):
        yield from (scope.put(node, f"{c}[{node.id}]", 0.5) for c in scope.indexed if c != node.id)
        for index in dict.fromkeys((*(n for n, roles in scope.roles.items() if "index" in roles), *scope.counters)):
            yield from (scope.put(node, f"{c}[{index}]", 0.3) for c in scope.indexed[:4])


def told_formula(node: ast.expr, scope: Scope) -> Iterator[Edit]:
    """An expression that the docstring spells out, in the place of one about the same names: `a[i] = i * i - i + 1`."""
    if not scope.formulas or not scope.is_read(node) or isinstance(scope.parents.get(node), ast.BinOp):
        return
    here, own = frozenset(scope.names(node)), _names_in(node)
    for text, names in scope.formulas.items():
        if own and own <= names <= here:
            yield scope.put(node, text, 1.0 if own == names else 0.5)


def _names_in(node: ast.AST) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def wrong_attribute(node: ast.Attribute, scope: Scope) -> Iterator[Edit]:
    """`self.x` to `self.y`: names that the file hangs on the same object, then on any."""
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    known = scope.attributes.get(owner, ()) if owner else ()
    for other in known:
        if other != node.attr:
            yield renamed(node, other, scope, 0.4 + 0.6 * similarity(node.attr, other))
    for other in sorted(scope.attributes[""], key=lambda n: -similarity(node.attr, n))[:8]:
        if other != node.attr and other not in known:
            yield renamed(node, other, scope, 0.6 * similarity(node.attr, other))


def renamed(node: ast.Attribute, name: str, scope: Scope, weight: float = 1.0) -> Edit:
    end = scope.source.span(node)[1]
    return Edit(((end - len(node.attr.encode(scope.source.encoding)), end, name),), weight)


def add_self(node: ast.Name, scope: Scope) -> Iterator[Edit]:
    """`total` to `self.total`, when the file knows that attribute or method."""
    if "self" in scope.names(node) and node.id in (*scope.attributes.get("self", ()), *scope.methods):
        yield scope.put(node, f"self.{node.id}")


def unread_parameter(node: ast.Constant | ast.Call, scope: Scope) -> Iterator[Edit]:
    """A parameter that nothing reads: in the place of a literal, `' '` to `sep`, or passed on, `f(a, sep=sep)`."""
    unread = [name for name in scope.unread if name in scope.names(node)]
    if isinstance(node, ast.Constant):
        if not isinstance(scope.parents.get(node), ast.Expr | ast.JoinedStr | ast.FormattedValue):
            yield from (scope.put(node, name) for name in unread)
        return
    given = {keyword.arg for keyword in node.keywords}
    end = scope.source.span(node)[1] - 1
    comma = "" if not (node.args or node.keywords) or scope.source.slice(0, end).rstrip().endswith(",") else ", "
    for name in unread:
        if name not in given and None not in given:
            yield Edit(((end, end, f"{comma}{name}={name}"),), 0.4)
