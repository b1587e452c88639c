"""Twins of a test: the same file, in which the test asks for what cannot be, so that it must fail.

A candidate that passes a twin fools pytest, not the test. Twins are made here, outside, from the test's own text, and
run in processes of their own under the same node id: nothing inside tells a twin from the test.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NOT_EQUAL = "__import__('builtins').object()"
_NOT_RAISED = "__import__('builtins').type('Other', (__import__('builtins').Exception,), {})"
_NOT_WARNED = "__import__('builtins').type('Other', (__import__('builtins').Warning,), {})"
_OPPOSITES = {
    "True": "False", "Is": "IsNot", "IsNone": "IsNotNone", "In": "NotIn", "IsInstance": "NotIsInstance",
    "Regex": "NotRegex", "Greater": "LessEqual", "Less": "GreaterEqual",
}  # fmt: skip
_INVERSE = {
    **{f"assert{a}": f"assert{b}" for pair in _OPPOSITES.items() for a, b in (pair, pair[::-1])},
    "assertNotEqual": "assertEqual",
    "assertNotAlmostEqual": "assertAlmostEqual",
}
_EQUALITIES = re.compile(r"assert(Almost|Count|List|Tuple|Set|Dict|Sequence|MultiLine)?Equal")
_RAISES = frozenset(("raises", "assertRaises", "assertRaisesRegex"))
_WARNS = frozenset(("warns", "assertWarns", "assertWarnsRegex", "deprecated_call"))


@dataclass(frozen=True, slots=True)
class Twins:
    """Texts of the test's file. Each is None when the test asserts nothing that could be turned."""

    value: bytes | None
    """What is compared for equality is compared with something that equals nothing: finds what equals everything."""
    negated: bytes | None
    """Each assertion is turned into its opposite: no honest program passes both the test and this."""
    certain: bool
    """Some turned assertion stands where every run of the test must come by."""


NO_TWINS = Twins(None, None, False)


def twins(source: bytes, names: Sequence[str]) -> Twins:
    """Twins of the test at `names` (class and function); NO_TWINS when it is not there or does not parse here."""
    try:
        value, negated = _turn(source, names, negate=False), _turn(source, names, negate=True)
    except (SyntaxError, ValueError, RecursionError):
        return NO_TWINS
    return Twins(value[0], negated[0], value[1] and negated[1])


def _turn(source: bytes, names: Sequence[str], negate: bool) -> tuple[bytes | None, bool]:
    """The file with the test turned, and whether that is certain to fail."""
    tree = ast.parse(source)
    function = _find(tree, names)
    if function is None:
        return None, False
    before = copy.deepcopy(function.body)
    turners = [_Turner(True)] if negate else [_Turner(False), _Examples()]
    for turner in turners:
        function.body = [turner.visit(statement) for statement in function.body]
        if turner.count:
            break
    else:
        return None, False
    ast.fix_missing_locations(tree)
    return ast.unparse(tree).encode(), _is_certain(before, function.body)


def doctest_twin(source: bytes) -> bytes | None:
    """The file with every example expecting something else; None when no example expects anything."""
    lines = source.split(b"\n")
    changed = 0
    prompted = False
    for index, line in enumerate(lines):
        text = line.strip()
        if text.startswith((b">>>", b"...")):
            prompted = text.startswith(b">>>") or prompted
        elif prompted:
            prompted = False
            if text and not text.startswith((b'"""', b"'''")):
                quotes = next((q for q in (b'"""', b"'''") if q in line), b"")
                lines[index] = line.replace(quotes, b" twin" + quotes, 1) if quotes else line.rstrip() + b" twin"
                changed += 1
    return b"\n".join(lines) if changed else None


def _find(tree: ast.Module, names: Sequence[str]) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The last definition wins, as in Python."""
    body: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for name in names:
        named = (s for s in body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
        found = next((s for s in reversed(list(named)) if s.name == name), None)
        body = found.body if isinstance(found, ast.ClassDef) else []
    return found if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _is_certain(before: Sequence[ast.stmt], after: Sequence[ast.stmt]) -> bool:
    """A statement that runs unconditionally was turned, and nothing before it could leave the test."""
    for old, new in zip(before, after, strict=True):
        if any(isinstance(n, ast.Return | ast.Try | ast.TryStar) for n in ast.walk(old)):
            return False
        if ast.dump(old) == ast.dump(new):
            continue
        if isinstance(old, ast.Assert | ast.Expr):
            return True
        if isinstance(old, ast.With) and isinstance(new, ast.With):
            if any(_called(item.context_expr) in _RAISES | _WARNS for item in old.items):
                return True
            if all(_is_transparent(item.context_expr) for item in old.items) and _is_certain(old.body, new.body):
                return True
    return False


def _is_transparent(context: ast.expr) -> bool:
    """`suppress` and the user's own may swallow the assertion."""
    return _called(context) in ("open", "subTest", "patch", "object", "catch_warnings", "disabled")


class _Turner(ast.NodeTransformer):
    """Turns assertions; not those inside a block that expects an exception, for it may be theirs."""

    def __init__(self, negate: bool) -> None:
        self._negate = negate
        self.count = 0

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        self.count += 1
        return ast.Assert(self._turned(node.test), None)

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        call = node.value
        if not isinstance(call, ast.Call):
            return node
        name = _called(call)
        if _EQUALITIES.fullmatch(name) and len(call.args) >= 2:
            return self._counted(ast.Expr(self._unequal(call)))
        if name in _INVERSE and isinstance(call.func, ast.Attribute):
            return self._counted(ast.Expr(_renamed(call, _INVERSE[name])))
        if name in _RAISES | _WARNS and len(call.args) >= 2:
            return self._counted(ast.Expr(_expecting_another(call)))
        return node

    def visit_With(self, node: ast.With) -> ast.stmt:
        expecting = [_called(item.context_expr) in _RAISES | _WARNS for item in node.items]
        if not any(expecting):
            node.body = [self.visit(statement) for statement in node.body]
            return node
        items = list(_turned_items(node.items))
        return self._counted(ast.With(items, node.body))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        return node  # a callback may assert, and may never be called

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        return node

    def _counted(self, statement: ast.stmt) -> ast.stmt:
        self.count += 1
        return statement

    def _turned(self, test: ast.expr) -> ast.expr:
        equal = None if self._negate else _made_unequal(test)
        return equal if equal is not None else ast.UnaryOp(ast.Not(), test)

    def _unequal(self, call: ast.Call) -> ast.Call:
        if self._negate and _called(call) in ("assertEqual", "assertAlmostEqual"):
            return _renamed(call, _called(call).replace("assert", "assertNot"))
        return ast.Call(call.func, [call.args[0], _after(call.args[1], _NOT_EQUAL), *call.args[2:]], call.keywords)


class _Examples(ast.NodeTransformer):
    """Turns examples that a test hands, as text, to who runs them; it asserts nothing itself."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if isinstance(node.value, ast.Call):
            node.value.args = [self._turned(part) for part in node.value.args]
        return node

    def _turned(self, part: ast.expr) -> ast.expr:
        text = part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ""
        twin = doctest_twin(text.encode())
        self.count += twin is not None
        return part if twin is None else ast.Constant(twin.decode())


def _made_unequal(test: ast.expr) -> ast.expr | None:
    """The test with an equality that every run of it must find true, asked of something else."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[-1], ast.Eq):
        compared = [*test.comparators[:-1], _after(test.comparators[-1], _NOT_EQUAL)]
        return ast.Compare(test.left, test.ops, compared)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for index, value in enumerate(test.values):
            if (turned := _made_unequal(value)) is not None:
                return ast.BoolOp(test.op, [*test.values[:index], turned, *test.values[index + 1 :]])
    return None


def _turned_items(items: Sequence[ast.withitem]) -> Iterator[ast.withitem]:
    for item in items:
        call = item.context_expr
        if isinstance(call, ast.Call) and _called(call) in _RAISES | _WARNS:
            yield ast.withitem(_expecting_another(call), item.optional_vars)
        else:
            yield item


def _expecting_another(call: ast.Call) -> ast.Call:
    other = _expression(_NOT_WARNED if _called(call) in _WARNS else _NOT_RAISED)
    words = [k for k in call.keywords if k.arg not in ("match", "check", "expected_exception", "expected_warning")]
    regex = _called(call).endswith("Regex")
    return ast.Call(call.func, [other, *call.args[1:]], call.keywords if regex else words)


def _renamed(call: ast.Call, name: str) -> ast.Call:
    func = ast.Attribute(call.func.value, name, ast.Load()) if isinstance(call.func, ast.Attribute) else call.func
    return ast.Call(func, call.args, call.keywords)


def _after(value: ast.expr, text: str) -> ast.expr:
    """`(value, other)[1]`: the value is still computed, for what it does on the way."""
    return ast.Subscript(ast.Tuple([value, _expression(text)], ast.Load()), ast.Constant(1), ast.Load())


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _called(node: ast.expr) -> str:
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""
