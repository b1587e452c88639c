"""The function around a line of a text, read from the lines near it: parsing whole files at every key takes long."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import islice

from ..engine.parse import is_hole
from .convert import Text

_DEFINITION = re.compile(r"([ \t]*)(async[ \t]+def|def|class)[ \t]+(\w+)")
_MOST_LINES = 2_000
"""Upwards to the enclosing class, and downwards to the end of the function."""
_MOST_ENDS = 8
"""Lines at which a function may end: a wrapped signature and text at the margin look like one."""


@dataclass(frozen=True, slots=True)
class Spot:
    name: str
    """`Cart.total`."""
    line: int
    """Of the `def`, from 0."""
    end: int
    """The last line, from 0."""
    stub: bool
    """Its body is still to be written."""


def function_at(text: Text, line: int) -> Spot | None:
    """The innermost function whose lines hold this one; None outside of functions, and in what does not parse."""
    indent = _width(text.line(line)) + 1  # a `def` counts for its own line
    for number in range(line, max(line - _MOST_LINES, -1), -1):
        content = text.line(number)
        own = _width(content)
        if own >= indent or not _opens(content):
            continue
        found = _DEFINITION.match(content)
        spot = _spot(text, number) if found and found[2] != "class" else None
        if spot is not None and spot.line <= line <= spot.end:
            return spot
        indent = own if number != line else indent - 1
        if indent <= 0:
            return None
    return None


def _opens(content: str) -> bool:
    """It begins a block; text of a docstring may stand at the margin, and ends none."""
    bare = content.split("#")[0].rstrip()
    if bare.lstrip().startswith((")", "]")):  # the end of a wrapped signature
        return False
    return bool(bare) and (bare.endswith(":") or _DEFINITION.match(content) is not None)


def _spot(text: Text, number: int) -> Spot | None:
    """The function that begins on this line, as far as its lines parse by themselves."""
    head = text.line(number)
    before = "if True:\n" if _width(head) else ""
    last = min(number + _MOST_LINES, len(text.starts))
    lines = [text.line(below) for below in range(number, last)]
    ends = (i for i, content in enumerate(lines) if i and content.strip() and _width(content) <= _width(head))
    for end in [*islice(ends, _MOST_ENDS), len(lines)]:
        try:
            body = ast.parse(before + "\n".join(lines[:end])).body
        except (SyntaxError, ValueError, RecursionError):
            continue
        node = body[0].body[0] if body and isinstance(body[0], ast.If) else body[0] if body else None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = ".".join([*_around(text, number), node.name])
            end_line = (node.end_lineno or 1) - 1 - bool(before)
            return Spot(name, number, number + end_line, is_hole(node))
        return None
    return None


def _around(text: Text, number: int) -> list[str]:
    """Names of the classes and functions that hold this line, outermost first."""
    names: list[str] = []
    indent = _width(text.line(number))
    for above in range(number - 1, max(number - _MOST_LINES, -1), -1):
        if indent == 0:
            break
        content = text.line(above)
        if _width(content) < indent and _opens(content):
            found = _DEFINITION.match(content)
            names += [found[3]] if found else []
            indent = _width(content)
    return names[::-1]


def _width(line: str) -> int:
    return len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
