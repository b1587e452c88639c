"""What each statement of a file reads, writes and depends on, from its syntax alone.

Names are `x` for variables and `.x` for attributes, whatever the object: two objects with an attribute of one name are
taken for one. What changes an object in place (`x.append(y)`, `x[0] = y`) writes and reads its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from .source import FunctionNode, Source

_PURE = frozenset((
    "copy", "count", "decode", "encode", "endswith", "find", "format", "get", "index", "isalpha", "isdigit", "items",
    "join", "keys", "lower", "lstrip", "replace", "rstrip", "split", "splitlines", "startswith", "strip", "title",
    "upper", "values",
))  # fmt: skip
"""Methods that leave their object as it was, wherever these names are used as usual."""
_HARMLESS = frozenset((
    "abs", "all", "any", "bool", "dict", "enumerate", "filter", "float", "frozenset", "getattr", "hasattr", "id", "int",
    "isinstance", "iter", "len", "list", "map", "max", "min", "print", "range", "repr", "reversed", "round", "set",
    "sorted", "str", "sum", "tuple", "type", "zip",
))  # fmt: skip
"""Functions that leave their arguments as they were."""


_Comprehended = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without the statements inside it. Lines count from 1, ends are inclusive."""

    line: int
    end_line: int
    reads: frozenset[str]
    writes: frozenset[str]
    might_write: frozenset[str]
    """What the statements inside it write, whether they run or not."""
    control: int
    """Line of the statement that decides whether this one runs; 0 at the top of a function."""
    might_leave: bool
    """A `return`, `break` or the like is inside it: what comes after runs only because that did not."""
    yields: bool
    node: ast.stmt = field(repr=False, compare=False)


@lru_cache(maxsize=64)
def statements(source: Source) -> Mapping[int, Statement]:
    """The statement at each line of its own text; of several on one line, the first. Asked for by every kind of
    evidence in turn.
    """
    found: dict[int, Statement] = {}
    for statement in _statements(source.tree.body, 0):
        for line in range(statement.line, statement.end_line + 1):
            found.setdefault(line, statement)
    return MappingProxyType(found)


def _statements(body: list[ast.stmt], control: int) -> Iterator[Statement]:
    for node in body:
        yield _statement(node, control)
        inside = 0 if isinstance(node, FunctionNode | ast.ClassDef) else node.lineno
        for block in _blocks(node):
            yield from _statements(block, control if _always_runs(node, block) else inside)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
        yield part.body


def _always_runs(node: ast.stmt, block: list[ast.stmt]) -> bool:
    held = isinstance(node, ast.With | ast.AsyncWith | ast.Try)
    return held and block is getattr(node, "body", None)


def _statement(node: ast.stmt, control: int) -> Statement:
    reads: set[str] = set()
    writes: set[str] = set()
    for part in own_parts(node):
        _collect(part, reads, writes)
    if isinstance(node, FunctionNode | ast.ClassDef):
        writes.add(node.name)
    if isinstance(node, ast.AugAssign):
        reads |= writes
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return Statement(
        line=first,
        end_line=_head_end(node),
        reads=frozenset(reads),
        writes=frozenset(writes),
        might_write=frozenset(name for block in _blocks(node) for inner in block for name in _written(inner)),
        control=control,
        might_leave=any(_leaves(inner) for block in _blocks(node) for inner in block),
        yields=any(
            isinstance(inner, ast.Yield | ast.YieldFrom) for part in own_parts(node) for inner in ast.walk(part)
        ),
        node=node,
    )


def _leaves(node: ast.stmt) -> bool:
    return any(isinstance(inner, ast.Return | ast.Raise | ast.Break | ast.Continue) for inner in ast.walk(node))


def _written(node: ast.stmt) -> set[str]:
    reads: set[str] = set()
    writes: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.stmt):
            for part in own_parts(inner):
                _collect(part, reads, writes)
    return writes


def own_parts(node: ast.stmt) -> Iterator[ast.AST]:
    """The expressions that belong to the statement itself, not to those inside it."""
    for _, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(part, ast.expr | ast.withitem | ast.alias | ast.arguments | ast.keyword):
                yield part


def _collect(node: ast.AST, reads: set[str], writes: set[str]) -> None:
    if isinstance(node, _Comprehended):
        _collect_comprehension(node, reads, writes)
        return
    if isinstance(node, ast.Name):
        (reads if isinstance(node.ctx, ast.Load) else writes).add(node.id)
    elif isinstance(node, ast.Attribute):
        (reads if isinstance(node.ctx, ast.Load) else writes).add(f".{node.attr}")
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        writes |= _changed(node.value)
    elif isinstance(node, ast.Call):
        writes |= _changed_by(node)
    elif isinstance(node, ast.alias):
        writes.add((node.asname or node.name).split(".")[0])
    for part in ast.iter_child_nodes(node):
        _collect(part, reads, writes)


def _collect_comprehension(node: _Comprehended, reads: set[str], writes: set[str]) -> None:
    """Its own names are no others, but for what it goes through first."""
    first = node.generators[0].iter
    _collect(first, reads, writes)
    inner_reads, inner_writes, own = set[str](), set[str](), set[str]()
    for part in ast.iter_child_nodes(node):
        for child in ast.iter_child_nodes(part) if isinstance(part, ast.comprehension) else [part]:
            if child is not first:
                _collect(child, inner_reads, inner_writes)
    for loop in node.generators:
        _collect(loop.target, set(), own)
    reads |= inner_reads - own
    writes |= inner_writes - own


def _changed_by(call: ast.Call) -> set[str]:
    """A method may change its object, and any function what it is given."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return set() if function.attr in _PURE else _changed(function.value)
    if isinstance(function, ast.Name) and function.id in _HARMLESS:
        return set()
    return {argument.id for argument in call.args if isinstance(argument, ast.Name)}


def _changed(node: ast.expr) -> set[str]:
    """The name that holds an object which is changed in place."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        return {node.id}
    return {f".{node.attr}"} if isinstance(node, ast.Attribute) else set()


def _head_end(node: ast.stmt) -> int:
    inner = [block[0] for block in _blocks(node) if block]
    if not inner:
        return node.end_lineno or node.lineno
    starts = (min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))]) for first in inner)
    return max(node.lineno, min(starts) - 1)
