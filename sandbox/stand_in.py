"""The user's file with stand-ins where a candidate changes a function: what the tests' half of a split run loads.

Everything that the candidate left alone is the user's own text; no text of the candidate is in it. What a candidate
changes besides the bodies of functions cannot be kept apart so, and is refused.
"""

from __future__ import annotations

import ast
import copy
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

_ASK = "__import__('sys').modules['_darner_child_split'].ask"
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Stand = tuple[int, int, str]
"""First and last line in the user's file, and the text that stands there instead."""


class CannotSplit(ValueError):
    """The candidate's change cannot be kept out of the tests' process; the message says why, as one clause."""


def stand_in(before: bytes, after: bytes) -> bytes:
    """`before` with stand-ins for the functions that `after` changes; every other line stays. Raises CannotSplit."""
    try:
        stands = list(_stands(ast.parse(before).body, ast.parse(after).body, ""))
        text = before.decode()
    except (SyntaxError, ValueError, RecursionError) as error:
        raise CannotSplit(str(error) or "the file does not parse here") from error
    if not stands:
        raise CannotSplit("it changes no function")
    lines = text.splitlines(keepends=True)
    for first, last, stand in sorted(stands, reverse=True):
        lines[first - 1 : last] = [f"{line}\n" for line in stand.splitlines()]
    return "".join(lines).encode()


def _stands(old: Sequence[ast.stmt], new: Sequence[ast.stmt], prefix: str) -> Iterator[_Stand]:
    """For every function that differs, its stand-in and the lines that this replaces."""
    if _rest(old) != [text for text in _rest(new) if not text.startswith("Import") or text in _rest(old)]:
        raise CannotSplit("it changes more than functions")
    known = Counter(s.name for s in (*old, *new) if isinstance(s, _Function | ast.ClassDef))
    then = {s.name: s for s in new if isinstance(s, _Function | ast.ClassDef)}
    for now in old:
        if not isinstance(now, _Function | ast.ClassDef):
            continue
        other = then.get(now.name)
        if other is None or type(other) is not type(now):
            raise CannotSplit(f"it takes {now.name} away")
        if ast.dump(now) == ast.dump(other):
            continue
        if known[now.name] > 2:
            raise CannotSplit(f"{now.name} is defined more than once")
        if isinstance(now, ast.ClassDef) and isinstance(other, ast.ClassDef):
            if _heading(now) != _heading(other):
                raise CannotSplit(f"it changes what {now.name} is")
            yield from _stands(now.body, other.body, f"{prefix}{now.name}.")
        elif isinstance(now, ast.FunctionDef) and isinstance(other, ast.FunctionDef):
            yield _stood_in(now, other, prefix + now.name)
        else:
            raise CannotSplit(f"{now.name} is asynchronous")


def _rest(body: Sequence[ast.stmt]) -> list[str]:
    """What is no definition and no docstring."""
    plain = (s for s in body if not isinstance(s, _Function | ast.ClassDef))
    return [ast.dump(s) for s in plain if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]


def _heading(node: ast.ClassDef) -> list[str]:
    return [ast.dump(part) for part in (*node.bases, *node.keywords, *node.decorator_list)]


def _stood_in(now: ast.FunctionDef, other: ast.FunctionDef, qualname: str) -> _Stand:
    if [ast.dump(d) for d in now.decorator_list] != [ast.dump(d) for d in other.decorator_list]:
        raise CannotSplit(f"it changes the decorators of {now.name}")
    signature, positional, named = _signature(now.args, other.args)
    how = "yield from" if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in _own(other)) else "return"
    call = f"{how} {_ASK}(__name__, {qualname!r}, ({positional}), {{{named}}})"
    kept = now.body[:1] if ast.get_docstring(now, clean=False) is not None else []  # it may hold tests
    rest = now.body[len(kept) :]
    before = kept[0].end_lineno if kept else None
    last = now.end_lineno or now.lineno
    if signature is now.args and rest and rest[0].lineno > max(before or 0, _last_line_of_heading(now)):
        return rest[0].lineno, last, " " * rest[0].col_offset + call
    whole = copy.copy(now)
    whole.args, whole.decorator_list, whole.body = signature, [], [*kept, *ast.parse(call).body]
    return now.lineno, last, textwrap.indent(ast.unparse(ast.fix_missing_locations(whole)), " " * now.col_offset)


def _last_line_of_heading(node: ast.FunctionDef) -> int:
    parts = [n for n in (node.args, node.returns) if n is not None]
    return max((getattr(n, "end_lineno", 0) or 0 for part in parts for n in ast.walk(part)), default=node.lineno)


def _signature(now: ast.arguments, other: ast.arguments) -> tuple[ast.arguments, str, str]:
    """The parameters of the stand-in, and how it passes them on: the user's own where defaults cannot differ."""
    defaults = [*now.defaults, *(d for d in now.kw_defaults if d is not None)]
    if ast.dump(now) != ast.dump(other) or not all(isinstance(d, ast.Constant) for d in defaults):
        wide = ast.arguments([], [], ast.arg("__args"), [], [], ast.arg("__kwargs"), [])
        return wide, "*__args,", "**__kwargs"
    words = [f"{a.arg}," for a in (*now.posonlyargs, *now.args)] + ([f"*{now.vararg.arg},"] if now.vararg else [])
    named = [f"{a.arg!r}: {a.arg}" for a in now.kwonlyargs] + ([f"**{now.kwarg.arg}"] if now.kwarg else [])
    return now, " ".join(words), ", ".join(named)


def _own(function: ast.FunctionDef) -> list[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, _Function | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return found
