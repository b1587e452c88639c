"""Edits of the flow: jumps, loops, guards, what is returned and what is raised."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .kinds import clashes, kind
from .operators_stmt import insert, is_docstring, owner, owns_lines
from .scope import Edit, Scope
from .source import FunctionNode

_EXCEPTIONS = (
    "ValueError", "TypeError", "KeyError", "IndexError", "AttributeError", "ZeroDivisionError", "LookupError",
    "OSError",
)  # fmt: skip
_TESTS = ("not {}", "{} is None", "{} <= 0", "{} < 2", "{} == 0", "{} == 1", "len({}) == 1", "len({}) < 2")

_EMPTY = ("[]", "0", "None", "''", "False", "True", "{}", "1", "-1")


def jump(node: ast.Break | ast.Continue | ast.Pass, scope: Scope) -> Iterator[Edit]:
    if scope.in_loop(node):
        start, end = scope.source.span(node)
        yield from (Edit(((start, end, word),)) for word in ("break", "continue") if word != scope.text(node))


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
    before = block[at - 1] if at else None
    if word == "if" and isinstance(before, ast.If) and not before.orelse:
        yield Edit(((start, start + 2, "elif"),), block=owner(node, scope))


def while_condition(node: ast.While, scope: Scope) -> Iterator[Edit]:
    """`while True` to `while queue`; any condition to another collection or to True."""
    for name in scope.names(node)[:10]:
        yield scope.put(node.test, name, 1.0 if isinstance(node.test, ast.Constant) else 0.3)
    if not isinstance(node.test, ast.Constant):
        yield scope.put(node.test, "True", 0.3)


def guard(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """An early return for an empty, missing or smallest argument."""
    body = [s for s in node.body if not is_docstring(s)]
    if not body or not owns_lines(body[0], scope):
        return
    step = scope.source.indent(body[0].lineno).removeprefix(scope.source.indent(node.lineno)) or "    "
    names = [a.arg for a in node.args.args if a.arg not in ("self", "cls")][:4]
    for name in names:
        for i, test in enumerate(form.format(name) for form in _TESTS):
            if not fits(test, scope):
                continue
            for value in (v for v in (*_EMPTY, name, f"[{name}]") if answers(v, node, scope)):
                text, note = f"if {test}:\n{step}return {value}", f"guard `if {test}: return {value}`"
                yield insert(body[0], text, scope, 1.0 if i < 2 else 0.4, note=note)


def fits(text: str, scope: Scope) -> bool:
    """The expression can work on what its names were seen to hold."""
    return not clashes(ast.parse(text, mode="eval"), scope.known)


def answers(text: str, function: FunctionNode, scope: Scope) -> bool:
    """The value is of the kind that the function was seen to give back."""
    usual, own = scope.known.get(f"{function.name}()", ""), kind(ast.parse(text, mode="eval").body, scope.known)
    return not usual or not own or usual == own or usual == "none"


def loop_guard(node: ast.For, scope: Scope) -> Iterator[Edit]:
    """`continue` for an element that is None or empty."""
    first = node.body[0]
    if not isinstance(node.target, ast.Name) or not owns_lines(first, scope):
        return
    step = scope.source.indent(first.lineno).removeprefix(scope.source.indent(node.lineno)) or "    "
    for test, weight in ((f"not {node.target.id}", 1.0), (f"{node.target.id} is None", 1.0)):
        yield insert(first, f"if {test}:\n{step}continue", scope, weight, note=f"guard `if {test}: continue`")


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
        yield insert(last, f"return {name}", scope, 0.6, after=True)


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
    """Another exception; a handler that catches one more, any, or one fewer."""
    raised = node.type if isinstance(node, ast.ExceptHandler) else node.exc
    name = raised.func if isinstance(raised, ast.Call) else raised
    if isinstance(name, ast.Name):
        yield from (scope.put(name, other) for other in _EXCEPTIONS if other != name.id)
    if isinstance(node, ast.ExceptHandler) and isinstance(name, ast.Name):
        yield scope.put(name, "Exception", 0.5)
        yield from (scope.put(name, f"({name.id}, {other})", 0.4) for other in _EXCEPTIONS if other != name.id)
    if isinstance(node, ast.ExceptHandler) and isinstance(raised, ast.Tuple):
        yield from (
            scope.put(raised, f"({scope.text(raised)[1:-1].rstrip(', ')}, {other})", 0.4) for other in _EXCEPTIONS
        )


def mutable_default(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """`def f(x=[])` to `x=None`, filled at the top."""
    body = [s for s in node.body if not is_docstring(s)]
    defaults = node.args.defaults
    if not body or not owns_lines(body[0], scope):
        return
    step = scope.source.indent(body[0].lineno).removeprefix(scope.source.indent(node.lineno)) or "    "
    for arg, default in zip(node.args.args[len(node.args.args) - len(defaults) :], defaults, strict=True):
        if isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call):
            fill = insert(body[0], f"if {arg.arg} is None:\n{step}{arg.arg} = {scope.text(default)}", scope, 1.0)
            splices = (*scope.put(default, "None").splices, *fill.splices)
            yield Edit(splices, block=node, note=f"make the default of `{arg.arg}` fresh at each call")
