"""What else is in a function's file: imports, constants, and the heads of other definitions, the nearest first."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from .shorten import USUAL, Space
from .source import Function, FunctionNode, Source


def context_of(source: Source, function: Function, space: Space = USUAL) -> str:
    """Imports, constants, and the heads of other definitions in their order: the nearest, as far as there is space."""
    parts = parts_of(source, function)
    return "\n".join(parts[i][1] for i in near(parts, space.context))


def parts_of(source: Source, function: Function) -> list[tuple[int, str]]:
    """All else in the file: how far each part is from the function, in lines, and what is shown of it."""
    outlines = ((node, outline(source, node)) for node in source.tree.body if not _is_or_holds(node, function))
    return [(distance(node, function), text) for node, text in outlines if text]


def near(parts: Sequence[tuple[int, str]], space: int) -> list[int]:
    """The parts that fit, by their places; the nearest are asked first."""
    kept: list[int] = []
    for i in sorted(range(len(parts)), key=lambda i: parts[i][0]):
        if len(parts[i][1]) <= space:
            kept.append(i)
            space -= len(parts[i][1])
    return sorted(kept)


def distance(node: ast.stmt, function: Function) -> int:
    """Imports are near everywhere: a repair may not use what it does not know."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return 0
    return max(node.lineno - function.end_line, function.first_line - (node.end_lineno or node.lineno), 0)


def outline(source: Source, node: ast.stmt) -> str:
    """A definition's head, any other statement as it stands, and nothing of a docstring."""
    if isinstance(node, FunctionNode):
        return ast.unparse(bare(node)).rstrip()
    if isinstance(node, ast.ClassDef):
        heads = [outline(source, child) for child in node.body]
        return f"class {node.name}:\n" + "\n".join(f"    {line}" for head in heads for line in head.splitlines())
    if isinstance(node, ast.Expr):
        return ""
    return source.text(node)


def bare(node: FunctionNode) -> FunctionNode:
    """The same definition with its docstring's first line as its only body."""
    documented = ast.get_docstring(node)
    body: ast.stmt = ast.Expr(ast.Constant(documented.splitlines()[0] if documented else ...))
    kind = type(node)
    return kind(
        name=node.name,
        args=node.args,
        body=[body],
        decorator_list=[],
        returns=node.returns,
        type_comment=None,
        lineno=1,
    )


def holds(node: ast.stmt, function: Function) -> bool:
    """The function, or a statement that it stands in."""
    return node.lineno <= function.def_line <= (node.end_lineno or node.lineno)


def _is_or_holds(node: ast.stmt, function: Function) -> bool:
    """A method's class is outlined with it: its head is among those of its kin."""
    return isinstance(node, FunctionNode) and holds(node, function)
