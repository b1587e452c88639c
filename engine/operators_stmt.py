"""Edits of whole statements: drop, move, copy, insert, guard, and the jumps between them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .scope import Edit, Scope, blocks
from .source import FunctionNode

_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Continue, ast.Break)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_EXCEPTIONS = ("ValueError", "TypeError", "KeyError", "IndexError", "AttributeError", "ZeroDivisionError", "LookupError", "OSError")  # fmt: skip
_EMPTY = ("[]", "0", "None", "''", "False", "True", "{}", "1", "-1")


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


def _insert(anchor: ast.stmt, text: str, scope: Scope, weight: float, after: bool = False, note: str = "") -> Edit:
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


def jump(node: ast.Break | ast.Continue | ast.Pass, scope: Scope) -> Iterator[Edit]:
    words = ("break", "continue", "pass") if scope.in_loop(node) else ("pass",)
    start, end = scope.source.span(node)
    own = scope.text(node)
    yield from (Edit(((start, end, word),)) for word in words if word != own)


def loop_kind(node: ast.If | ast.While, scope: Scope) -> Iterator[Edit]:
    """`if` to `while` and back; `elif` to `if`, `if` to `elif`."""
    start = scope.source.span(node)[0]
    word = scope.text(node).split(maxsplit=1)[0].split("(")[0]
    if word == "elif":
        yield Edit(((start, start + 4, "if"),), block=owner(node, scope))
        return
    if not node.orelse:
        other = "while" if word == "if" else "if"
        yield Edit(((start, start + len(word), other),), 0.6)
    block = scope.block_of(node)
    at = block.index(node)
    if word == "if" and at and isinstance(block[at - 1], ast.If) and not block[at - 1].orelse:  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        yield Edit(((start, start + 2, "elif"),), block=owner(node, scope))


def while_condition(node: ast.While, scope: Scope) -> Iterator[Edit]:
    """`while True` to `while queue`; any condition to another collection or to True."""
    for name in scope.names(node)[:10]:
        yield scope.put(node.test, name, 1.0 if isinstance(node.test, ast.Constant) else 0.3)
    if not isinstance(node.test, ast.Constant):
        yield scope.put(node.test, "True", 0.3)


def insert_copy(node: ast.stmt, scope: Scope) -> Iterator[Edit]:
    """A statement of the same function again, here, perhaps about another variable."""
    if is_docstring(node) or isinstance(node, FunctionNode | ast.ClassDef) or not owns_lines(node, scope):
        return
    last = scope.block_of(node)[-1] is node and not isinstance(node, ast.Return | ast.Break | ast.Continue | ast.Raise)
    for text, weight in _copies(node, scope):
        if text != _block_text(node, scope):
            yield _insert(node, text, scope, weight)
        if last:
            yield _insert(node, text, scope, weight, after=True)


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
        elif scope.stores[name] == 1 and kind in ("none", "int", "bool", "float", "str"):
            yield from ((f"{name} = {n}", 0.8) for n in others)
            if kind == "int":
                yield from ((f"{name} += 1", 0.8), (f"{name} -= 1", 0.4), (f"{name} = 1", 0.4), (f"{name} = 0", 0.3))
            if kind == "bool":
                yield from ((f"{name} = True", 0.6), (f"{name} = False", 0.6))
        if kind == "int" and scope.stores[name] > 1:
            yield from ((f"{name} = 0", 0.3), (f"{name} = 1", 0.3), (f"{name} += 1", 0.3))


def guard(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """An early return for an empty, missing or smallest argument."""
    body = [s for s in node.body if not is_docstring(s)]
    if not body or not owns_lines(body[0], scope):
        return
    step = scope.source.indent(body[0].lineno).removeprefix(scope.source.indent(node.lineno)) or "    "
    names = [a.arg for a in node.args.args if a.arg not in ("self", "cls")][:4]
    for name in names:
        values = (*_EMPTY, name, f"[{name}]")
        tests = (f"not {name}", f"{name} is None", f"{name} <= 0", f"{name} < 2", f"{name} == 0", f"{name} == 1", f"len({name}) == 1", f"len({name}) < 2")  # fmt: skip
        for i, test in enumerate(tests):
            for value in values:
                yield _insert(body[0], f"if {test}:\n{step}return {value}", scope, 1.0 if i < 2 else 0.4, note=f"guard `if {test}: return {value}`")  # fmt: skip


def loop_guard(node: ast.For, scope: Scope) -> Iterator[Edit]:
    """`continue` for an element that is None or empty."""
    first = node.body[0]
    if not isinstance(node.target, ast.Name) or not owns_lines(first, scope):
        return
    step = scope.source.indent(first.lineno).removeprefix(scope.source.indent(node.lineno)) or "    "
    for test, weight in ((f"not {node.target.id}", 1.0), (f"{node.target.id} is None", 1.0)):
        yield _insert(first, f"if {test}:\n{step}continue", scope, weight, note=f"guard `if {test}: continue`")


def return_value(node: ast.Return, scope: Scope) -> Iterator[Edit]:
    """A constant answer becomes a condition or a usual value; a missing value becomes a local name."""
    if node.value is None:
        end = scope.source.span(node)[1]
        yield from (Edit(((end, end, f" {name}"),)) for name in scope.names(node)[:8])
        return
    if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        for name in scope.names(node)[:8]:
            for form in ("{}", "not {}", "{} == 0", "{} > 0"):
                yield scope.put(node.value, form.format(name), 0.8)
    for value in _EMPTY:
        if value != scope.text(node.value):
            yield scope.put(node.value, value, 0.3)


def add_return(node: ast.Expr, scope: Scope) -> Iterator[Edit]:
    """A value that is computed and thrown away."""
    if not isinstance(node.value, ast.Constant | ast.Await | ast.Yield | ast.YieldFrom):
        start = scope.source.span(node)[0]
        yield Edit(((start, start, "return "),), note=f"return `{scope.text(node.value)}`")


def final_return(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """A function whose end gives nothing back."""
    last = node.body[-1]
    if isinstance(last, ast.Return | ast.Raise) or is_docstring(last) or not owns_lines(last, scope):
        return
    if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node)):
        return
    for name in (*scope.names(last)[:10], "True", "False", "0"):
        yield _insert(last, f"return {name}", scope, 0.6, after=True)


def swap_returns(node: ast.Return, scope: Scope) -> Iterator[Edit]:
    """Two answers the wrong way round."""
    if node.value is None:
        return
    later = [n for n in scope.nodes if isinstance(n, ast.Return) and n.value is not None and n.lineno > node.lineno]
    for other in later[:4]:
        if other.value is not None and scope.text(other.value) != scope.text(node.value):
            one, two = scope.put(node.value, scope.text(other.value)), scope.put(other.value, scope.text(node.value))
            both = f"swap `{scope.text(node)}` and `{scope.text(other)}`"
            yield Edit((*one.splices, *two.splices), block=owner_of_both(node, other, scope), note=both)


def owner_of_both(one: ast.stmt, other: ast.stmt, scope: Scope) -> ast.stmt | None:
    above = set(scope.up(other))
    found = next((a for a in scope.up(one) if isinstance(a, ast.stmt) and a in above), scope.unit)
    return found if isinstance(found, ast.stmt) else None


def exception_type(node: ast.ExceptHandler | ast.Raise, scope: Scope) -> Iterator[Edit]:
    raised = node.type if isinstance(node, ast.ExceptHandler) else node.exc
    name = raised.func if isinstance(raised, ast.Call) else raised
    if isinstance(name, ast.Name):
        yield from (scope.put(name, other) for other in _EXCEPTIONS if other != name.id)


def mutable_default(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """`def f(x=[])` to `x=None`, filled at the top."""
    body = [s for s in node.body if not is_docstring(s)]
    defaults = node.args.defaults
    if not body or not owns_lines(body[0], scope):
        return
    step = scope.source.indent(body[0].lineno).removeprefix(scope.source.indent(node.lineno)) or "    "
    for arg, default in zip(node.args.args[len(node.args.args) - len(defaults) :], defaults, strict=True):
        if isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call):
            fill = _insert(body[0], f"if {arg.arg} is None:\n{step}{arg.arg} = {scope.text(default)}", scope, 1.0)
            splices = (*scope.put(default, "None").splices, *fill.splices)
            yield Edit(splices, block=node, note=f"make the default of `{arg.arg}` fresh at each call")


def format_string(node: ast.Constant, scope: Scope) -> Iterator[Edit]:
    """A string with `{name}` that lacks its `f`."""
    if isinstance(node.value, str) and scope.is_plain_string(node):
        named = {m.split(".")[0].split("[")[0] for m in re.findall(r"\{([A-Za-z_][\w.\[\]]*)", node.value)}
        if named & set(scope.names(node)) and not scope.text(node).lower().startswith(("f", "r", "b")):
            yield scope.put(node, f"f{scope.text(node)}")
