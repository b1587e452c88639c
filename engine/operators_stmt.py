"""Edits of whole statements: drop, move, copy, insert, guard, and the jumps between them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .nodes import blocks
from .scope import Edit, Scope
from .source import FunctionNode

_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Continue, ast.Break)


def owner(statement: ast.stmt, scope: Scope) -> ast.stmt | None:
    """The compound statement that this one stands in; None at module level."""
    found = next((a for a in scope.up(statement) if isinstance(a, ast.stmt)), scope.unit)
    return found if isinstance(found, ast.stmt) else None


def _first_line(statement: ast.stmt) -> int:
    decorators = statement.decorator_list if isinstance(statement, FunctionNode | ast.ClassDef) else []
    return min([statement.lineno, *(d.lineno for d in decorators)])


def _lines_span(statement: ast.stmt, scope: Scope) -> tuple[int, int]:
    source = scope.source
    last = statement.end_lineno or statement.lineno
    return source.line_start(_first_line(statement)), source.line_start(last + 1)


def owns_lines(statement: ast.stmt, scope: Scope) -> bool:
    """Nothing but white space before it and a comment after it on its lines."""
    first, last = _lines_span(statement, scope)
    start, end = scope.source.span(statement)
    head, tail = scope.source.slice(first, start), scope.source.slice(end, last)
    decorated = isinstance(statement, FunctionNode | ast.ClassDef) and bool(statement.decorator_list)
    return (decorated or not head.strip()) and (not tail.strip() or tail.lstrip().startswith("#"))


def _block_text(statement: ast.stmt, scope: Scope) -> str:
    """A statement's text, dedented."""
    indent = scope.source.indent(statement.lineno)
    lines = re.split(r"\r\n|\r|\n", scope.text(statement))
    return "\n".join([lines[0], *(line.removeprefix(indent) for line in lines[1:])])


def _laid(text: str, indent: str, scope: Scope) -> str:
    newline = scope.source.newline
    return "".join(indent + line + newline if line else newline for line in text.split("\n"))


def insert(anchor: ast.stmt, text: str, scope: Scope, weight: float, after: bool = False, note: str = "") -> Edit:
    """Put a statement before or after another, at its indentation."""
    start, end = _lines_span(anchor, scope)
    laid = _laid(text, scope.source.indent(_first_line(anchor)), scope)
    at = end if after else start
    if after and not scope.source.slice(start, end).endswith(("\n", "\r")):
        laid = scope.source.newline + laid.rstrip("\r\n")
    first = text.split("\n")[0]
    return Edit(((at, at, laid),), weight, block=owner(anchor, scope), note=note or f"insert `{first}`")


def delete(node: ast.stmt, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Pass) or is_docstring(node):
        return
    if not owns_lines(node, scope):
        return
    start, end = _lines_span(node, scope)
    elif_branch = scope.text(node).startswith("elif")
    alone = len(scope.block_of(node)) == 1 and not elif_branch
    text = _laid("pass", scope.source.indent(node.lineno), scope) if alone else ""
    weight = 1.0 if isinstance(node, _SIMPLE) else 0.6
    if isinstance(node, ast.Return) and node is scope.block_of(node)[-1]:
        weight = 0.3
    note = f"delete `{scope.text(node).splitlines()[0]}`"
    yield Edit(((start, end, text),), weight, block=owner(node, scope), note=note)


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def move(node: ast.stmt, scope: Scope) -> Iterator[Edit]:
    """Swap with the next statement of the block."""
    block = scope.block_of(node)
    at = block.index(node)
    if at + 1 >= len(block) or is_docstring(node):
        return
    other = block[at + 1]
    if not (owns_lines(node, scope) and owns_lines(other, scope)) or scope.text(node) == scope.text(other):
        return
    (a, b), (c, d) = _lines_span(node, scope), _lines_span(other, scope)
    one, gap, two = scope.source.slice(a, b), scope.source.slice(b, c), scope.source.slice(c, d)
    if not two.endswith(("\n", "\r")):
        one, two = one.rstrip("\r\n"), two + scope.source.newline
    note = f"swap `{scope.text(node).splitlines()[0]}` with the next statement"
    yield Edit(((a, d, two + gap + one),), block=owner(node, scope), note=note)


def swap_arms(node: ast.If, scope: Scope) -> Iterator[Edit]:
    """The condition and block of an `if` or `elif` change places with those of the `elif` behind it."""
    later = node.orelse[0] if _is_followed(node, scope) else None
    if not isinstance(later, ast.If):
        return
    if not all(owns_lines(statement, scope) for arm in (node, later) for statement in (arm.body[0], arm.body[-1])):
        return
    arms = [(*scope.source.span(arm.test), *_block_span(arm, scope)) for arm in (node, later)]
    texts = [(scope.source.slice(a, b), scope.source.slice(c, d)) for a, b, c, d in arms]
    if texts[1][1].endswith(("\n", "\r")):
        pairs = zip(arms, texts[::-1], strict=True)
        splices = [each for (a, b, c, d), (test, body) in pairs for each in ((a, b, test), (c, d, body))]
        yield Edit(tuple(splices), block=node, note=f"ask `{texts[1][0]}` before `{texts[0][0]}`")


def _block_span(arm: ast.If, scope: Scope) -> tuple[int, int]:
    """The lines between the colon of an `if` and what follows its block, comments among them."""
    source, behind = scope.source, scope.source.span(arm.test)[1]
    colon = behind + source.slice(behind, source.span(arm.body[0])[0]).index(":")
    ends = (arm.body[-1].end_lineno or arm.body[-1].lineno) + 1
    end = arm.orelse[0].lineno if _is_followed(arm, scope) else ends
    return source.line_start(source.line_of(colon) + 1), source.line_start(end)


def _is_followed(arm: ast.If, scope: Scope) -> bool:
    """By an `elif`."""
    return bool(arm.orelse) and scope.text(arm.orelse[0]).startswith("elif")


def dedent(node: ast.stmt, scope: Scope) -> Iterator[Edit]:
    """The last statement of a block moves out, behind it."""
    holder = owner(node, scope)
    if holder is None or isinstance(holder, FunctionNode | ast.ClassDef) or not owns_lines(node, scope):
        return
    own = scope.block_of(node)
    if own[-1] is not node or (node.end_lineno or 0) != (holder.end_lineno or 0):
        return
    start, end = _lines_span(node, scope)
    stay = _laid("pass", scope.source.indent(node.lineno), scope) if len(own) == 1 else ""
    moved = _laid(_block_text(node, scope), scope.source.indent(holder.lineno), scope)
    note = f"dedent `{scope.text(node).splitlines()[0]}`"
    yield Edit(((start, end, stay + _ended(moved, start, end, scope)),), block=owner(holder, scope), note=note)


def indent(node: ast.stmt, scope: Scope) -> Iterator[Edit]:
    """A statement that follows a block moves in, to the block's end."""
    own = scope.block_of(node)
    at = own.index(node)
    if at == 0 or not owns_lines(node, scope):
        return
    *_, last = [None, *blocks(own[at - 1])]
    if last is None or isinstance(own[at - 1], FunctionNode | ast.ClassDef) or not owns_lines(last[-1], scope):
        return
    start, end = _lines_span(node, scope)
    moved = _laid(_block_text(node, scope), scope.source.indent(last[-1].lineno), scope)
    note = f"indent `{scope.text(node).splitlines()[0]}`"
    yield Edit(((start, end, _ended(moved, start, end, scope)),), block=owner(node, scope), note=note)


def _ended(text: str, start: int, end: int, scope: Scope) -> str:
    return text if scope.source.slice(start, end).endswith(("\n", "\r")) else text.rstrip("\r\n")


def insert_copy(node: ast.stmt, scope: Scope) -> Iterator[Edit]:
    """A statement of the same function again, here, perhaps about another variable."""
    if is_docstring(node) or isinstance(node, FunctionNode | ast.ClassDef) or not owns_lines(node, scope):
        return
    if scope.text(node).startswith("elif"):  # before it is the branch above, which has its own places
        return
    last = scope.block_of(node)[-1] is node and not isinstance(node, ast.Return | ast.Break | ast.Continue | ast.Raise)
    for text, weight in _copies(node, scope):
        if text != _block_text(node, scope):
            yield insert(node, text, scope, weight)
        if last:
            yield insert(node, text, scope, weight, after=True)


def insert_else(node: ast.If, scope: Scope) -> Iterator[Edit]:
    """An `else` for an `if` that has none, holding a statement like those of the function."""
    if node.orelse or not owns_lines(node.body[-1], scope) or scope.source.indent(node.lineno) == "":
        return
    outer, inner = scope.source.indent(node.lineno), scope.source.indent(node.body[-1].lineno)
    if len(inner) <= len(outer):
        return
    start, end = _lines_span(node, scope)
    for text, weight in _copies(node, scope):
        laid = _laid("else:", outer, scope) + _laid(text, inner, scope)
        if not scope.source.slice(start, end).endswith(("\n", "\r")):
            laid = scope.source.newline + laid.rstrip("\r\n")
        yield Edit(((end, end, laid),), weight, block=owner(node, scope), note=f"insert `else: {text}`")


def _copies(node: ast.stmt, scope: Scope) -> Iterator[tuple[str, float]]:
    names = scope.names(node)
    seen: set[str] = set()
    for text, weight in (*_synthesised(node, scope), *_copied(scope, names)):
        if text not in seen and (text not in ("break", "continue") or scope.in_loop(node)):
            seen.add(text)
            yield text, weight


def _copied(scope: Scope, names: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    simple = [n for n in scope.nodes if isinstance(n, _SIMPLE) and not is_docstring(n)]
    texts = dict.fromkeys(t for n in simple if len(t := scope.text(n)) <= 60 and "\n" not in t)
    yield from ((text, 0.5) for text in list(texts)[:14])
    for node in simple[:14]:
        target = node.target if isinstance(node, ast.AugAssign) else _only_argument(node)
        if isinstance(target, ast.Name):
            start, end = (o - scope.source.span(node)[0] for o in scope.source.span(target))
            text = scope.text(node)
            yield from ((text[:start] + n + text[end:], 0.4) for n in names[:8] if n != target.id)


def _only_argument(node: ast.stmt) -> ast.expr | None:
    """`x` of `things.append(x)`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return node.value.args[0] if len(node.value.args) == 1 else None
    return None


def _synthesised(node: ast.stmt, scope: Scope) -> Iterator[tuple[str, float]]:
    """What is so often forgotten: to remember the visited, to move a cursor on, to count."""
    names = scope.names(node)
    for name, kind in scope.kinds.items():
        if name not in names:
            continue
        others = [n for n in names if n != name][:8]
        if kind in ("list", "set", "deque"):
            verb = "add" if kind == "set" else "append"
            grown = any(r == "attribute" for r in scope.roles.get(name, ()))
            yield from ((f"{name}.{verb}({n})", 0.7 if grown else 1.0) for n in others)
            yield from ((f"{name}.{verb}({n}[-1])", 0.4) for n in scope.parameters[:3])
        elif scope.stores[name] == 1 and kind in ("none", "int", "bool", "float", "str"):
            yield from ((f"{name} = {n}", 0.8) for n in others if _like(name, n, scope))
            if kind == "int":
                yield from ((f"{name} += 1", 0.8), (f"{name} -= 1", 0.4), (f"{name} = 1", 0.4), (f"{name} = 0", 0.3))
            if kind == "bool":
                yield from ((f"{name} = True", 0.6), (f"{name} = False", 0.6))
        if kind == "int" and scope.stores[name] > 1:
            yield from ((f"{name} = 0", 0.3), (f"{name} = 1", 0.3), (f"{name} += 1", 0.3))


def _like(one: str, other: str, scope: Scope) -> bool:
    """Both names were seen to hold the same kind of value, as far as that is known."""
    kinds = {scope.known.get(one, ""), scope.known.get(other, "")} - {"", "none"}
    return len(kinds) < 2


def format_string(node: ast.Constant, scope: Scope) -> Iterator[Edit]:
    """A string with `{name}` that lacks its `f`."""
    if isinstance(node.value, str) and scope.is_plain_string(node):
        named = {m.split(".")[0].split("[")[0] for m in re.findall(r"\{([A-Za-z_][\w.\[\]]*)", node.value)}
        if named & set(scope.names(node)) and not scope.text(node).lower().startswith(("f", "r", "b")):
            yield scope.put(node, f"f{scope.text(node)}")
