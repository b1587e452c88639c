"""Values as Python text: what stands for a value by itself, and when two texts mean the same. Nothing is evaluated."""

from __future__ import annotations

import ast
import builtins
import re
from typing import Any

RAISES = "raises "
"""How the outcome begins that is an exception: `raises ValueError`."""
_EFFECT = re.compile(r"; (?:(arguments are|the object is|\w+ is) then|it printed|it holds) ")
"""What else a call did (sandbox/child_calls.py), behind its value."""
_NO_LITERAL = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


def is_value(text: str) -> bool:
    """Python text that stands for a value by itself."""
    try:
        ast.literal_eval(text)
    except _NO_LITERAL:
        return False
    return True


def operand(text: str) -> str:
    """The expression as one side of a comparison: in parentheses where an operator in it would join with that."""
    node = ast.parse(text, mode="eval").body
    is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    loose = isinstance(node, ast.Compare | ast.BoolOp | ast.Lambda | ast.IfExp | ast.NamedExpr) or is_not
    return f"({text})" if loose else text


def same(expected: str, came: str) -> bool:
    """Equal values; `came` is canonical (sets and dicts in order, floats rounded)."""
    from ..sandbox.child_shown import canonical  # here: most commands compare nothing, and its imports take their time

    try:
        value: Any = ast.literal_eval(expected)
        return canonical(value) == came or bool(value == ast.literal_eval(came))
    except _NO_LITERAL:
        return expected.replace(" ", "") == came.replace(" ", "")


def bare(came: str) -> str:
    """The value alone, without what became of the object and the arguments, and what was printed."""
    effect = _EFFECT.search(came)
    return came[: effect.start()] if effect else came


def changes_arguments(came: str) -> bool:
    return any(found.group(1) not in (None, "the object is") for found in _EFFECT.finditer(came))


def agrees(expected: str, came: str) -> bool:
    """As `same`, for outcomes: of exceptions the same or a narrower one; what else the call did does not count."""
    if expected in (came, bare(came)):
        return True
    if expected.startswith(RAISES) or came.startswith(RAISES):
        names = expected.removeprefix(RAISES), bare(came).removeprefix(RAISES)
        both = expected.startswith(RAISES) and came.startswith(RAISES)
        kinds = [kind for name in names if both and (kind := exception(name)) is not None]
        return len(kinds) == 2 and issubclass(kinds[1], kinds[0])
    return same(expected, bare(came))


def exception(name: str) -> type[BaseException] | None:
    """The built-in exception of this name."""
    found: object = getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
