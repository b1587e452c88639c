"""Edits of what is shared and when it is: copies instead of aliases, moments in one time zone, values yielded."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .nodes import called_name
from .operators_flow import fits
from .operators_stmt import insert, is_docstring, owns_lines
from .scope import Edit, Scope
from .source import FunctionNode

_COPIES = (("list({})", 0.8), ("{}.copy()", 1.0), ("dict({})", 0.4), ("{}[:]", 0.4))
_RAISED = ("ValueError", "TypeError")
_REFUSED = (
    "{} < 0",
    "{} <= 0",
    "not {}",
    "{} is None",
    "not isinstance({}, int)",
    "not isinstance({}, str)",
    "not callable({})",
)


def copy(node: ast.Name | ast.Attribute, scope: Scope) -> Iterator[Edit]:
    """An alias that should be a copy: where a value is bound, kept in a container, or given away."""
    parent = scope.parents.get(node)
    kept = isinstance(parent, ast.Call) and called_name(parent) in (
        "append",
        "add",
        "appendleft",
        "insert",
        "setdefault",
    )
    bound = isinstance(parent, ast.Assign | ast.AnnAssign | ast.Return | ast.Yield) and parent.value is node
    if not isinstance(node.ctx, ast.Load) or not (bound or (kept and scope.role(node) == "argument")):
        return
    text = scope.text(node)
    modules = _imported(scope)
    forms = [*_COPIES]
    forms += [("copy.deepcopy({})", 0.8)] if "copy" in modules else []
    forms += [("deepcopy({})", 0.8)] if "deepcopy" in modules else []
    yield from (scope.put(node, form.format(text), weight, note=f"copy `{text}`") for form, weight in forms)


def aliased_rows(node: ast.BinOp, scope: Scope) -> Iterator[Edit]:
    """`[[0] * n] * m`, whose rows are one and the same list, to a list of its own for each row."""
    left = node.left
    if not isinstance(node.op, ast.Mult) or not isinstance(left, ast.List) or len(left.elts) != 1:
        return
    row = left.elts[0]
    if isinstance(row, ast.List | ast.Dict | ast.Set | ast.Call | ast.BinOp):
        text = f"[{scope.text(row)} for _ in range({scope.text(node.right)})]"
        yield scope.put(node, text, note="make every row its own")


def time_zone(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """A moment without a time zone beside one that has it."""
    name = called_name(node)
    if not isinstance(node.func, ast.Attribute) or not (zone := _utc(scope)):
        return
    owner, text = scope.text(node.func.value), scope.text(node)
    arguments = ", ".join(scope.text(a) for a in node.args)
    if name in ("now", "utcnow") and not node.args and not node.keywords:
        yield scope.put(node, f"{owner}.now({zone})")
    if name in ("fromtimestamp", "utcfromtimestamp") and len(node.args) == 1 and not node.keywords:
        yield scope.put(node, f"{owner}.fromtimestamp({arguments}, {zone})")
    if name in ("now", "fromtimestamp", "strptime", "fromisoformat", "combine", "datetime", "replace", "parse"):
        yield scope.put(node, f"{text}.replace(tzinfo={zone})", 0.8)
        yield scope.put(node, f"{text}.replace(tzinfo=None)", 0.6)
        yield scope.put(node, f"{text}.astimezone({zone})", 0.6)
    if name in ("replace", "astimezone") and (node.args or node.keywords):
        other = "astimezone" if name == "replace" else "replace"
        if any(k.arg == "tzinfo" for k in node.keywords) or name == "astimezone":
            argument = zone if other == "astimezone" else f"tzinfo={zone}"
            yield scope.put(node, f"{owner}.{other}({argument})", 0.8)


def _utc(scope: Scope) -> str:
    """How this file can write UTC; empty when it cannot."""
    known = _imported(scope)
    if "timezone" in known:
        return "timezone.utc"
    if "UTC" in known:
        return "UTC"
    imports = (n for n in scope.source.tree.body if isinstance(n, ast.Import))
    named = {alias.asname or alias.name for n in imports for alias in n.names if alias.name == "datetime"}
    return f"{min(named)}.timezone.utc" if named else ""


def _imported(scope: Scope) -> set[str]:
    imports = (n for n in ast.walk(scope.source.tree) if isinstance(n, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name for n in imports for alias in n.names}


def add_yield(node: ast.Expr | ast.Return, scope: Scope) -> Iterator[Edit]:
    """A value that a generator computes and does not give, or gives only once."""
    if node.value is None or is_docstring(node) or isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await):
        return
    start = scope.source.span(node)[0]
    value = scope.source.span(node.value)[0]
    inside = isinstance(node, ast.Return) and scope.in_loop(node)
    yield Edit(((start, value, "yield "),), 1.0 if inside else 0.4, note=f"yield `{scope.text(node.value)}`")
    yield Edit(((start, value, "yield from "),), 0.4, note=f"yield from `{scope.text(node.value)}`")


def insert_jump(node: ast.If, scope: Scope) -> Iterator[Edit]:
    """A branch inside a loop that forgets to leave it, or to go on with the next element."""
    last = node.body[-1]
    if not scope.in_loop(node) or isinstance(last, ast.Break | ast.Continue | ast.Return | ast.Raise):
        return
    if owns_lines(last, scope) and last.lineno > node.lineno:
        for word in ("break", "continue"):
            yield insert(last, word, scope, 1.0, after=True)


def guard_raise(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """A function that should refuse an argument of the wrong type or range."""
    body = [s for s in node.body if not is_docstring(s)]
    if not body or not owns_lines(body[0], scope):
        return
    step = scope.source.indent(body[0].lineno).removeprefix(scope.source.indent(node.lineno)) or "    "
    for argument in [a.arg for a in node.args.args if a.arg not in ("self", "cls")][:4]:
        for form in _REFUSED:
            test = form.format(argument)
            if not fits(test, scope):
                continue
            for error in _RAISED:
                weight = 1.0 if ("isinstance" in test) == (error == "TypeError") else 0.3
                note = f"refuse `{test}` by {error}"
                yield insert(body[0], f"if {test}:\n{step}raise {error}", scope, weight, note=note)
