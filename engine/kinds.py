"""What kind of value an expression gives, and whether an edited expression can make sense with it.

Kinds are coarse: num, bool, str, list, tuple, set, dict, none; `` when unknown. Names get theirs from values that the
failing test was seen to hold, calls from the results that it was seen to get.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping

from .types import Evidence

Kinds = Mapping[str, str]
"""By name; a function's result under `name()`."""

_BY_START = {"'": "str", '"': "str", "[": "list", "(": "tuple", "{": "dict"}
_TYPES: dict[str, type] = {
    "num": int, "bool": bool, "str": str, "list": list, "tuple": tuple, "set": set, "dict": dict, "none": type(None),
}  # fmt: skip
_OF_CONSTANTS: dict[type, str] = {bool: "bool", int: "num", float: "num", str: "str", type(None): "none"}
_CALLS: dict[str, str] = {
    **dict.fromkeys(("len", "sum", "ord", "abs", "round", "int", "float", "pow"), "num"),
    **dict.fromkeys(("str", "chr", "bin", "hex", "oct", "repr", "format"), "str"),
    **dict.fromkeys(("sorted", "list"), "list"),
    **dict.fromkeys(("isinstance", "issubclass", "any", "all", "bool", "callable", "hasattr"), "bool"),
    "tuple": "tuple",
    "set": "set",
    "dict": "dict",
}
_METHODS: dict[str, str] = {
    **dict.fromkeys(
        ("lower", "upper", "strip", "lstrip", "rstrip", "swapcase", "title", "capitalize", "join", "replace", "format"),
        "str",
    ),
    **dict.fromkeys(("split", "rsplit", "splitlines"), "list"),
    **dict.fromkeys(("count", "index", "find", "rfind", "bit_length"), "num"),
    **dict.fromkeys(("append", "extend", "sort", "reverse", "add", "update", "clear", "insert"), "none"),
    **dict.fromkeys(("isupper", "islower", "isdigit", "isalpha", "isalnum", "startswith", "endswith"), "bool"),
}
_HOLDERS = frozenset(("str", "list", "tuple", "set", "dict"))
_OF_HOLDERS = frozenset((
    "len", "sorted", "set", "list", "tuple", "sum", "any", "all", "enumerate", "reversed", "iter", "zip",
))  # fmt: skip
_OF_NUMBERS = frozenset(("abs", "round", "range", "chr", "bin", "hex", "oct"))


def seen_kinds(evidence: Evidence) -> dict[str, dict[str, Kinds]]:
    """Kinds of names by path and outermost function; a name seen with two kinds has none."""
    found: dict[str, dict[str, dict[str, str]]] = {}

    def note(path: str, function: str, name: str, value: str | None) -> None:
        kind = kind_of_repr(value)
        if kind:
            known = found.setdefault(path, {}).setdefault(function.split(".<locals>")[0], {})
            known[name] = kind if known.get(name, kind) in (kind, "none") else ""

    for test in (evidence.failing, *evidence.passing):
        for call in test.calls:
            for name, value in call.arguments:
                note(call.path, call.function, name, value)
            note(call.path, call.function, f"{call.function.rpartition('.')[2]}()", call.result)
    trace = evidence.failing.trace
    for step in trace.steps if trace is not None else ():
        activation = trace.activations[step.activation] if trace is not None else None
        if activation is not None:
            for name, value in step.values:
                note(activation.path, activation.function, name, value)
    return {path: dict(functions) for path, functions in found.items()}


def kind_of_repr(text: str | None) -> str:
    """Of a value that is known by its repr."""
    if not text or text in ("None", "True", "False"):
        return {"None": "none", "True": "bool", "False": "bool"}.get(text or "", "")
    if text.startswith("{") and not text.startswith("{}"):
        return "dict" if ":" in text else "set"
    if text[0].isdigit() or (text[0] == "-" and text[1:2].isdigit()):
        return "num"
    return _BY_START.get(text[0], "set" if text.startswith("set()") else "")


def kind(node: ast.expr, known: Kinds) -> str:
    """`` when it cannot be told."""
    match node:
        case ast.Constant(value=value):
            return _OF_CONSTANTS.get(type(value), "")
        case ast.Name(id=name):
            return known.get(name, "")
        case ast.JoinedStr():
            return "str"
        case ast.List() | ast.ListComp():
            return "list"
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.Set() | ast.SetComp():
            return "set"
        case ast.Tuple():
            return "tuple"
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.UnaryOp():
            return "num"
        case ast.BinOp():
            return _of_operation(node, known)
        case ast.Call():
            return _of_call(node, known)
        case ast.Subscript(value=value, slice=index):
            held = kind(value, known)
            return held if held == "str" or isinstance(index, ast.Slice) else ""
        case ast.BoolOp(values=[first, *_]) | ast.IfExp(body=first):
            others = node.values[1:] if isinstance(node, ast.BoolOp) else [node.orelse]
            own = kind(first, known)
            return own if all(kind(other, known) == own for other in others) else ""
        case _:
            return ""


def _of_operation(node: ast.BinOp, known: Kinds) -> str:
    left, right = kind(node.left, known), kind(node.right, known)
    if isinstance(node.op, ast.Mod) and left == "str":
        return "str"
    if isinstance(node.op, ast.Add | ast.Mult):
        held = next((k for k in (left, right) if k in ("str", "list", "tuple")), "")
        return held or ("num" if "num" in (left, right) and left and right else "")
    return "set" if left == "set" else "num" if left in ("num", "bool", "") else ""


def _of_call(node: ast.Call, known: Kinds) -> str:
    if isinstance(node.func, ast.Attribute):
        return _METHODS.get(node.func.attr, "")
    if not isinstance(node.func, ast.Name):
        return ""
    name = node.func.id
    if name in ("max", "min") and len(node.args) > 1:
        return kind(node.args[0], known)
    return known.get(f"{name}()", "") or _CALLS.get(name, "")


def clashes(node: ast.AST, known: Kinds) -> bool:
    """Some operation in it cannot work on what it is given: `len(3)`, `"a" - 1`, `items.lower()`."""
    return any(_clash(part, known) for part in ast.walk(node))


def _clash(node: ast.AST, known: Kinds) -> bool:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return _bad_operands(op, kind(left, known), kind(right, known))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return kind(operand, known) in (*_HOLDERS, "none", "bool")
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _bad_comparison(op, kind(left, known), kind(right, known))
        case ast.Call(func=ast.Name(id="range"), args=[_, ast.Constant(value=int() as end)]):
            return end <= 0  # it is empty
        case ast.Call(func=ast.Name(id=name), args=[only]):
            held = kind(only, known)
            if name in _OF_HOLDERS or name in ("max", "min"):
                return held in ("num", "bool", "none")
            return name in _OF_NUMBERS and held in (*_HOLDERS, "none", "bool")
        case ast.Attribute(value=value, attr=attr):
            held = _TYPES.get(kind(value, known))
            return held is not None and not hasattr(held, attr)
        case ast.Subscript(value=value, slice=index):
            held, at = kind(value, known), kind(index, known)
            if isinstance(index, ast.Slice):
                return held in ("num", "bool", "none", "set", "dict")
            return held in ("num", "bool", "none", "set") or (held in ("str", "list", "tuple") and at in _HOLDERS)
        case ast.For(iter=source) | ast.comprehension(iter=source):
            return kind(source, known) in ("num", "bool", "none")
        case _:
            return False


def _bad_operands(op: ast.operator, left: str, right: str) -> bool:
    if "none" in (left, right) or "dict" in (left, right):
        return not isinstance(op, ast.BitOr)
    if not left or not right:
        known = left or right
        return bool(known) and known in ("str", "list", "tuple") and isinstance(op, ast.Sub | ast.Div | ast.Pow)
    if isinstance(op, ast.Mod) and left == "str":
        return False
    if "bool" in (left, right):
        return left != right
    if isinstance(op, ast.Add):
        return left != right or left == "set"
    if isinstance(op, ast.Mult):
        return "num" not in (left, right) or "set" in (left, right)
    return left != right or left not in ("num", "set")


def _bad_comparison(op: ast.cmpop, left: str, right: str) -> bool:
    if isinstance(op, ast.In | ast.NotIn):
        return right in ("num", "bool", "none") or (right == "str" and left not in ("", "str"))
    if isinstance(op, ast.Is | ast.IsNot) or not left or not right:
        return False
    return left != right and "none" not in (left, right) and {left, right} != {"num", "bool"}


def with_part(parent: ast.AST, old: ast.AST, new: ast.AST) -> ast.AST:
    """The parent with one of its direct parts replaced; shallow, the original stays as it is."""
    changed = copy.copy(parent)
    for name, value in ast.iter_fields(parent):
        if value is old:
            setattr(changed, name, new)
        elif isinstance(value, list) and old in value:
            setattr(changed, name, [new if item is old else item for item in _items(value)])  # pyright: ignore
    return changed


def _items(value: list[ast.AST]) -> Iterator[ast.AST]:
    yield from value
