"""Calls that no test made: values by type hint, or of the kind that was seen, the plain ones and those at the edge.

For functions whose own calls cannot be made again: a generator was passed, a file, a list of thousands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import islice

from ..sandbox.types import Call
from .literals import is_value
from .source import Function

_VALUES = {
    "int": ("1", "0", "2", "-1"),
    "float": ("1.5", "0.0", "-1.5"),
    "str": ("'a'", "''", "'b c'"),
    "bytes": ("b'a'", "b''"),
    "bool": ("True", "False"),
    "None": ("None",),
}
_LISTS = frozenset(("list", "sequence", "iterable", "iterator", "collection", "generator"))
_SETS = frozenset(("set", "frozenset"))
_DICTS = frozenset(("dict", "mapping"))
_MOST_SEEN = 3


def typed(function: Function, calls: Sequence[Call]) -> Iterator[str]:
    """Calls of a function at the top of its module, plainest first; none where a parameter's type is unknown.

    `calls`: those that were seen of it, of which the values that can be written down are taken.
    """
    options = _options(function, calls) if "." not in function.qualname else None
    if options is None:
        return
    first = [(name, values[0]) for name, values in options]
    yield _call(function, first)
    for depth in range(1, max((len(values) for _, values in options), default=0)):
        for i, (name, values) in enumerate(options):
            if depth < len(values):
                yield _call(function, [*first[:i], (name, values[depth]), *first[i + 1 :]])


def _call(function: Function, arguments: Sequence[tuple[str, str]]) -> str:
    return f"{function.qualname}({', '.join(name + value for name, value in arguments)})"


def _options(function: Function, calls: Sequence[Call]) -> list[tuple[str, tuple[str, ...]]] | None:
    """How each parameter is passed (`` or `key=`) and its values; None where one has neither these nor a default."""
    given = function.node.args
    plain = [*given.posonlyargs, *given.args]
    needed = len(plain) - len(given.defaults)
    found: list[tuple[str, tuple[str, ...]]] = []
    for i, parameter in enumerate(plain):
        values = _values(parameter, calls)
        if not values and i >= needed:
            break  # those behind it have defaults, too
        if not values:
            return None
        found.append(("", values))
    for parameter, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        values = _values(parameter, calls)
        if values:
            found.append((f"{parameter.arg}=", values))
        elif default is None:
            return None
    return found


def _values(parameter: ast.arg, calls: Sequence[Call]) -> tuple[str, ...]:
    seen = [text for call in calls for name, text in call.arguments if name == parameter.arg and is_value(text)]
    hinted = _by_hint(parameter.annotation) if parameter.annotation is not None else ()
    kinds = [type(ast.literal_eval(text)).__name__ for text in seen]
    edges = () if hinted else tuple(value for kind in kinds[:1] for value in _VALUES.get(kind, ()))
    return tuple(dict.fromkeys((*islice(dict.fromkeys(seen), _MOST_SEEN), *hinted, *edges)))


def _by_hint(hint: ast.expr) -> tuple[str, ...]:
    match hint:
        case ast.Constant(value=None):
            return ("None",)
        case ast.Constant(value=str() as text):
            return _by_hint(_parsed(text))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return (*_by_hint(left), *_by_hint(right))
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _VALUES.get(name) or _contained(name.lower(), ())
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inside):
            parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
            if name in ("Optional", "Union"):
                return (*(v for part in parts for v in _by_hint(part)), *(("None",) if name == "Optional" else ()))
            return _contained(name.lower(), parts)
        case _:
            return ()


def _contained(name: str, parts: Sequence[ast.expr]) -> tuple[str, ...]:
    """Values of a container: of two members, of one, of none; numbers where no hint says what they are."""
    members = [_by_hint(part) for part in parts if not _is_dots(part)] or [_VALUES["int"]]
    if not all(members):
        return ()
    one, two = members[0][0], members[0][-1]
    if name in _LISTS:
        return f"[{one}, {two}]", f"[{two}, {one}, {one}]", f"[{one}]", "[]"
    if name in _SETS:
        whole = f"{{{one}, {two}}}", f"{{{one}}}", "set()"
        return whole if name == "set" else tuple(f"frozenset({each})" for each in whole)
    if name in _DICTS:
        value = members[-1][0]
        return f"{{{one}: {value}, {two}: {members[-1][-1]}}}", f"{{{one}: {value}}}", "{}"
    if name == "tuple" and (not parts or _is_dots(parts[-1])):
        return f"({one}, {two})", f"({one},)", "()"
    return tuple(f"({''.join(f'{m[i]}, ' for m in members)})" for i in (0, -1)) if name == "tuple" else ()


def _is_dots(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is ...


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return ast.Name("")
