"""Edits of calls, arguments, attributes, indexes and slices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .nodes import called_name
from .operators_name import renamed
from .scope import Edit, Scope
from .source import FunctionNode

FAMILIES: tuple[tuple[str, ...], ...] = (
    ("append", "extend", "add", "update"),
    ("append", "appendleft", "insert"),
    ("lower", "upper", "swapcase", "title", "capitalize", "casefold"),
    ("islower", "isupper", "isalpha", "isdigit", "isalnum", "isspace"),
    ("strip", "lstrip", "rstrip"),
    ("startswith", "endswith"),
    ("index", "find", "rindex", "rfind"),
    ("split", "rsplit", "splitlines", "partition", "rpartition"),
    ("pop", "popleft", "remove", "discard", "get"),
    ("keys", "values", "items"),
    ("union", "intersection", "difference", "symmetric_difference"),
    ("issubset", "issuperset", "isdisjoint"),
    ("min", "max"),
    ("any", "all"),
    ("ceil", "floor", "round", "trunc", "int"),
    ("sum", "max", "min", "len"),
    ("int", "float", "str", "bool"),
    ("list", "tuple", "set", "sorted"),
    ("search", "match", "fullmatch"),
    ("sub", "findall"),
    ("ljust", "rjust", "center", "zfill"),
    ("heappush", "heappop", "heappushpop"),
    ("bisect_left", "bisect_right"),
    ("copy", "deepcopy"),
    ("combinations", "permutations", "combinations_with_replacement", "product"),
    ("zip", "zip_longest"),
    ("isinstance", "issubclass"),
    ("chr", "ord"),
    ("bin", "hex", "oct"),
    ("sin", "cos", "tan"),
    ("read", "readline", "readlines"),
    ("year", "month", "day"),
    ("days", "seconds", "total_seconds"),
)
_WRAPS = (
    "abs", "int", "str", "list", "sorted", "set", "len", "sum", "max", "min", "reversed", "tuple", "round",
    "float",
)  # fmt: skip
_METHOD_WRAPS = ("lower()", "upper()", "strip()", "swapcase()", "copy()", "split()", "items()", "values()", "keys()")
_INDEXES = ("0", "-1", "1")


def method_family(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """A sibling of the called function: `lower` for `upper`, `any` for `all`."""
    func = node.func
    name = called_name(node)
    families = [family for family in FAMILIES if name in family]
    for rank, family in enumerate(families):
        for other in family:
            if isinstance(func, ast.Attribute):
                yield renamed(func, other, scope, 0.5**rank)
            elif isinstance(func, ast.Name):
                yield scope.put(func, other, 0.5**rank)


def swap_arguments(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    yield from _swapped(node.args, scope)


def swap_elements(node: ast.Tuple | ast.List, scope: Scope) -> Iterator[Edit]:
    if isinstance(node.ctx, ast.Load) and len(node.elts) <= 4:
        yield from _swapped(node.elts, scope)


def type_drop(node: ast.Tuple, scope: Scope) -> Iterator[Edit]:
    """`isinstance(x, (str, bytes))` to `isinstance(x, str)`: one type fewer."""
    parent = scope.parents.get(node)
    if isinstance(parent, ast.Call) and called_name(parent) in ("isinstance", "issubclass") and len(node.elts) > 1:
        for dropped in node.elts:
            kept = [scope.text(each) for each in node.elts if each is not dropped]
            yield scope.put(node, kept[0] if len(kept) == 1 else f"({', '.join(kept)})")


def swap_branches(node: ast.IfExp, scope: Scope) -> Iterator[Edit]:
    yield from _swapped([node.body, node.orelse], scope)


def swap_indexes(node: ast.Subscript, scope: Scope) -> Iterator[Edit]:
    """`x[i][j]` to `x[j][i]`."""
    if isinstance(node.value, ast.Subscript):
        yield from _swapped([node.value.slice, node.slice], scope)


def _swapped(items: list[ast.expr], scope: Scope) -> Iterator[Edit]:
    for i, one in enumerate(items):
        for j in range(i + 1, len(items)):
            other = items[j]
            if scope.text(one) != scope.text(other) and not isinstance(one, ast.Starred | ast.Slice):
                splices = (*scope.put(one, scope.text(other)).splices, *scope.put(other, scope.text(one)).splices)
                note = f"swap `{scope.text(one)}` and `{scope.text(other)}`"
                yield Edit(splices, 1.0 if j == i + 1 else 0.5, note=note)


def wrong_argument(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """A missing or superfluous argument, and arguments of a recursive call cut or shifted."""
    if len(node.args) >= 2:
        for i in range(len(node.args)):
            kept = [scope.text(a) for j, a in enumerate(node.args) if j != i]
            kept += [_keyword(k, scope) for k in node.keywords]
            yield _with_arguments(node, ", ".join(kept), scope, 0.5)
    if isinstance(node.func, ast.Name) and node.func.id == "range" and len(node.args) <= 2:
        start = "0, " if len(node.args) == 1 else ""
        last = scope.text(node.args[-1])
        head = f"{scope.text(node.args[0])}, " if len(node.args) == 2 else start
        yield _with_arguments(node, f"{head}{last}, 2", scope, 0.4)
        if len(node.args) == 1:
            yield _with_arguments(node, f"1, {last}", scope, 1.0)
            yield _with_arguments(node, f"1, {scope.group(node.args[0], 10)} + 1", scope, 1.0)
            yield _with_arguments(node, f"{scope.group(node.args[0], 10)} - 1, -1, -1", scope, 0.5)
            yield from (_with_arguments(node, f"{n}, {last}", scope, 0.2) for n in scope.names(node)[:6])


def _keyword(keyword: ast.keyword, scope: Scope) -> str:
    return f"{keyword.arg}={scope.text(keyword.value)}" if keyword.arg else f"**{scope.text(keyword.value)}"


def _with_arguments(node: ast.Call, text: str, scope: Scope, weight: float) -> Edit:
    return scope.put(node, f"{scope.text(node.func)}({text})", weight)


def call_keyword(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """`reverse=True`, a sort key, a default for a lookup."""
    name = called_name(node)
    given = {k.arg for k in node.keywords}
    inner = ", ".join([*(scope.text(a) for a in node.args), *(_keyword(k, scope) for k in node.keywords)])
    join = f"{inner}, " if inner else ""
    if name in ("sorted", "sort") and "reverse" not in given:
        yield _with_arguments(node, f"{join}reverse=True", scope, 1.0)
    if name in ("sorted", "sort", "min", "max") and "key" not in given:
        keys = ["len", "abs", "str", "str.lower", "lambda x: x[1]", "lambda x: x[0]"]
        keys += ["lambda x: -x", "lambda x: (x[1], x[0])", "lambda x: (-x[1], x[0])"]
        keys = [f"{d}.get" for d, kind in scope.kinds.items() if kind in ("dict", "Counter", "defaultdict")] + keys
        yield from (_with_arguments(node, f"{join}key={key}", scope, 0.3) for key in keys)
    for keyword in node.keywords:
        kept = [*(scope.text(a) for a in node.args), *(_keyword(k, scope) for k in node.keywords if k is not keyword)]
        yield _with_arguments(node, ", ".join(kept), scope, 0.5)
    if isinstance(node.func, ast.Attribute) and name == "get" and len(node.args) == 1:
        yield from (_with_arguments(node, f"{inner}, {default}", scope, 0.5) for default in ("0", "''", "[]", "False"))
    if len(node.args) == {"pop": 1, "next": 1, "getattr": 2}.get(name, 0) and name:
        yield _with_arguments(node, f"{inner}, None", scope, 0.4)
    if name == "join" and len(node.args) == 1:
        yield _with_arguments(node, f"map(str, {inner})", scope, 0.4)
    if name in ("split", "replace", "strip") and len(node.args) == 0:
        yield _with_arguments(node, "' '", scope, 0.2)


def call_wrap(node: ast.expr, scope: Scope) -> Iterator[Edit]:
    """`x` to `abs(x)`, `x.strip()`."""
    if isinstance(node, ast.Compare | ast.UnaryOp | ast.Constant) or not scope.is_read(node):
        return
    parent = scope.parents.get(node)
    if isinstance(parent, ast.Expr | ast.withitem | ast.Attribute | ast.Slice | ast.FormattedValue):
        return
    if isinstance(node, ast.BinOp) and isinstance(parent, ast.BinOp):
        return
    outer = parent.func.id if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) else ""
    text = scope.text(node)
    closed = text if isinstance(node, ast.GeneratorExp) else f"({text})"
    for wrap in _WRAPS:
        if wrap != outer and not text.startswith(f"{wrap}("):
            yield scope.put(node, f"{wrap}{closed}", 1.0 if scope.role(node) != "index" else 0.3)
    for name, kind in scope.kinds.items():
        if kind in ("dict", "Counter", "defaultdict") and text != name:
            yield scope.put(node, f"sorted({text}, key={name}.get)", 1.0)
    for method in _METHOD_WRAPS:
        if not isinstance(node, ast.BinOp | ast.ListComp | ast.GeneratorExp):
            yield scope.put(node, f"{text}.{method}", 0.7)


def call_unwrap(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """`abs(x)` to `x`, `x.strip()` to `x`."""
    for argument in node.args[:2]:
        if not isinstance(argument, ast.Starred):
            text = scope.text(argument)
            closed = f"({text})" if isinstance(argument, ast.GeneratorExp) and not text.startswith("(") else text
            yield scope.put(node, closed)
    if isinstance(node.func, ast.Attribute):
        yield scope.put(node, scope.text(node.func.value))


def index_drop(node: ast.Subscript, scope: Scope) -> Iterator[Edit]:
    """`x[i]` to `x`, `x[1:]` to `x`."""
    if isinstance(node.ctx, ast.Load):
        yield scope.put(node, scope.text(node.value), 1.0 if isinstance(node.slice, ast.Slice) else 0.4)


def index_add(node: ast.Name, scope: Scope) -> Iterator[Edit]:
    """`x` to `x[0]`, `x[-1]`, `x[1:]`, `x[:-1]`, `x[::-1]`, `x[k:]`."""
    role = scope.role(node)
    if not isinstance(node.ctx, ast.Load) or role not in ("argument", "iterated", "value", "operand"):
        return
    for form, weight in (("[1:]", 1.0), ("[:-1]", 0.6), ("[::-1]", 0.5), ("[:]", 0.3), ("[0]", 0.4), ("[-1]", 0.4)):
        yield scope.put(node, node.id + form, weight * (2 if form[1:-1] in scope.slices else 1))
    for name in scope.names(node)[:8]:
        if name != node.id:
            for form, weight in (("[{}:]", 0.4), ("[:{}]", 0.3), ("[{}]", 0.4)):
                yield scope.put(node, node.id + form.format(name), weight)


def slice_bounds(node: ast.Slice, scope: Scope) -> Iterator[Edit]:
    """Drop, add or shift a bound; the step of a reversed walk."""
    lower, upper, step = ("" if b is None else scope.text(b) for b in (node.lower, node.upper, node.step))
    shapes: list[tuple[str, str, str]] = [("", upper, step), (lower, "", step), (lower, upper, "")]
    shapes += [(lower, upper, s) for s in ("2", "-1")]
    shapes += [(low, upper, step) for low in _INDEXES if not lower] + [(lower, "-1", step)] * (not upper)
    shapes += [(upper, lower, step)]
    start, end = scope.source.span(node)
    for low, high, stride in dict.fromkeys(shapes):
        if (low, high, stride) != (lower, upper, step):
            text = f"{low}:{high}" + (f":{stride}" if stride else "")
            yield Edit(((start, end, text),))


def lookup_default(node: ast.Subscript, scope: Scope) -> Iterator[Edit]:
    """`d[k]` to `d.get(k)`, `d.get(k, 0)`: a missing key."""
    if isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Slice | ast.UnaryOp):
        owner, key = scope.group(node.value, 15), scope.text(node.slice)
        key = f"({key})" if isinstance(node.slice, ast.Tuple) and not key.startswith("(") else key
        for tail in ("", ", 0", ", []", ", ''"):
            yield scope.put(node, f"{owner}.get({key}{tail})", 0.5)


def add_await(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """A call in an `async def` that nobody waits for; `yield from` where a generator is yielded whole."""
    function = next((a for a in (*scope.up(node), scope.unit) if isinstance(a, FunctionNode | ast.Lambda)), None)
    parent = scope.parents.get(node)
    if isinstance(function, ast.AsyncFunctionDef) and not isinstance(parent, ast.Await):
        yield scope.put(node, f"await {scope.text(node)}", note=f"await `{scope.text(node)}`")
    if isinstance(parent, ast.Yield):
        yield scope.put(parent, f"yield from {scope.text(node)}")


def container_wrap(node: ast.Return | ast.Assign | ast.AugAssign, scope: Scope) -> Iterator[Edit]:
    """`x` to `[x]`, and `[x]` to `x`."""
    value = node.value
    if value is None or isinstance(value, ast.Tuple):
        return
    yield scope.put(value, f"[{scope.text(value)}]", 1.0)
    if isinstance(value, ast.List | ast.Set) and len(value.elts) == 1:
        yield scope.put(value, scope.text(value.elts[0]), 1.0)


def container_fill(node: ast.List, scope: Scope) -> Iterator[Edit]:
    """`[]` to `[name]` or `[[]]`."""
    if isinstance(node.ctx, ast.Load) and not node.elts:
        for name in scope.names(node)[:8]:
            yield scope.put(node, f"[{name}]")
        yield scope.put(node, "[[]]")


def clamp(node: ast.Assign | ast.Return | ast.AugAssign, scope: Scope) -> Iterator[Edit]:
    """`x = e` to `x = max(x, e)`, `max(0, e)`, `min(...)`."""
    value = node.value
    if value is None or isinstance(value, ast.Tuple | ast.List | ast.Dict | ast.Set | ast.ListComp):
        return
    text = scope.text(value)
    for bound in ("max(0, {})", "min(0, {})", "max(1, {})"):
        yield scope.put(value, bound.format(text), 0.6)
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    if isinstance(target, ast.Name | ast.Subscript | ast.Attribute) and not isinstance(value, ast.Constant):
        own = scope.text(target)
        for function in ("max", "min"):
            yield scope.put(value, f"{function}({own}, {text})", 1.0)
            yield from (scope.put(value, f"{function}({own}, {n})", 0.3) for n in scope.names(node)[:8] if n != own)
