"""Calls near a call: one value in it changed a little, or left to its default."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from .source import Function


def neighbours(text: str) -> Iterator[str]:
    """The same call with one value changed: to another value in it (what is equal decides many bugs), numbers by
    one and to 0, texts and lists shortened, doubled, emptied.
    """
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return
    parts = [n for n in ast.walk(tree.body) if isinstance(n, ast.Constant | ast.List | ast.Tuple | ast.Dict)]
    for options in _breadth_first([[*_siblings(node, parts), *_variants(node)] for node in parts]):
        for node, variant in zip(parts, options, strict=True):
            if variant is not None:
                yield swapped(text, node, variant)


def _siblings(node: ast.expr, parts: Sequence[ast.expr]) -> Iterator[ast.expr]:
    """Other values of the same type in the same call."""
    if isinstance(node, ast.Constant):
        values = [other.value for other in parts if isinstance(other, ast.Constant)]
        same = (value for value in dict.fromkeys(values) if type(value) is type(node.value) and value != node.value)
        yield from (ast.Constant(value) for value in list(same)[:2])


def _breadth_first(rows: Sequence[Sequence[ast.expr]]) -> Iterator[list[ast.expr | None]]:
    """First variants of every part, then second ones: breadth before depth."""
    for i in range(max((len(row) for row in rows), default=0)):
        yield [row[i] if i < len(row) else None for row in rows]


def _variants(node: ast.Constant | ast.List | ast.Tuple | ast.Dict) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield from (ast.Constant(v) for v in (value + 1, value - 1, 0, 1, -value) if v != value)
        case ast.Constant(value=float() as value):
            yield from (ast.Constant(v) for v in (value + 0.5, 0.0, -value) if v != value)
        case ast.Constant(value=str() as value):
            yield from (ast.Constant(v) for v in dict.fromkeys(_texts(value)) if v != value)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            kind = type(node)
            none: list[ast.expr] = []
            shapes = (elements[:1], elements[1:], elements[:-1], elements[::-1], [*elements, *elements[:1]], none)
            yield from (kind(list(shape), ast.Load()) for shape in shapes if list(shape) != elements)
        case ast.Dict(keys=keys, values=values) if keys:
            yield ast.Dict(keys[1:], values[1:])
            yield ast.Dict([], [])
        case _:
            return


def _texts(value: str) -> Iterator[str]:
    digits = [i for i, c in enumerate(value) if c.isdecimal()]
    for i in digits[-2:]:
        yield value[:i] + str((int(value[i]) + 1) % 10) + value[i + 1 :]
    if digits and "-" in value:
        left = value.split("-")[0]
        yield f"{left}-{left}"
    yield from (value[1:], value[:-1], value + value[-1:], value.swapcase(), f" {value}", "")


def defaulted(text: str, function: Function) -> str:
    """The same call without the arguments that its signature gives anyway: a record spells out all of them, and on
    such a call nobody sees another default. Empty where it has none.
    """
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return ""
    if not isinstance(call, ast.Call):
        return ""
    given = function.node.args
    plain = [*given.posonlyargs, *given.args]
    bound = bool(plain) and "." in function.qualname and plain[0].arg in ("self", "cls")
    kept = list(call.args)
    if len(kept) == len(plain) - bound:
        defaults = list(given.defaults)
        while kept and defaults and _alike(kept[-1], defaults[-1]):
            kept.pop()
            defaults.pop()
    named = {p.arg: d for p, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None}
    keywords = [k for k in call.keywords if k.arg not in named or not _alike(k.value, named[k.arg])]
    fewer = len(kept) + len(keywords) < len(call.args) + len(call.keywords)
    return ast.unparse(ast.Call(call.func, kept, keywords)) if fewer else ""


def _alike(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)


def swapped(text: str, old: ast.expr, new: ast.expr) -> str:
    """The expression with another node in place of `old`, which stands in an equal tree."""
    return ast.unparse(_Swap(old, new).visit(ast.parse(text, mode="eval")))


class _Swap(ast.NodeTransformer):
    """Replace the node that stands where `old` stood in an equal tree."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._place = (type(old), old.lineno, old.col_offset, old.end_col_offset)
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr):
            place = (type(node), node.lineno, node.col_offset, node.end_col_offset)
            if place == self._place:
                return ast.copy_location(self._new, node)
        return self.generic_visit(node)
