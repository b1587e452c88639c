"""A recorded call as text that makes it again: each parameter in its kind, objects of plain classes built anew.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
No constructor of the user's runs for it: an object gets the values it had, unless its `__init__` can be read.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import enum
import inspect
import itertools
import keyword
import sys
import textwrap
import types
from typing import Any, Dict, Iterator, List, Optional, Tuple, cast

values: Any = sys.modules["_darner_child_record"]  # loaded before by child.py: this file has no import path

_MOST_TEXT = 2_000
_DEEPEST = 3
_SURE = (int, bool, str, bytes, type(None))
"""What is as its repr says, without trying."""
_COPIES = ("list", "tuple", "set", "dict", "str", "int", "float")
_STORES: Dict[Any, Optional[List[Tuple[str, ast.expr]]]] = {}


class _Unwritten(Exception):
    """Nothing stands for the value."""


def call(root: str, code: Any, given: List[Tuple[str, object]], namespace: Dict[str, Any]) -> str:
    """`f(1, key=2)`, `Cart(items=[1]).total()`; empty for what has no such form, or a very long one."""
    function = values.qualname(code)
    if "<locals>" in function:
        return ""
    try:
        text = _Writer(root, namespace).call(function, code, dict(given))
    except Exception:  # boundary: the user's own classes
        return ""
    return text if len(text) <= _MOST_TEXT else ""


class _Writer:
    """Of one call: objects in it are told apart by a name each."""

    def __init__(self, root: str, namespace: Dict[str, Any]) -> None:
        self._root = root
        self._namespace = namespace
        self._names = itertools.chain(["it"], map("it%d".__mod__, itertools.count(2)))

    def call(self, function: str, code: Any, given: Dict[str, object]) -> str:
        owner, _, name = function.rpartition(".")
        first = code.co_varnames[0] if code.co_argcount else ""
        if not owner or first not in given:
            return "%s(%s)" % (function, self._arguments(code, given, 0))
        receiver = given[first]
        if name == "__init__":
            if type(receiver).__qualname__ != owner:
                raise _Unwritten()  # the arguments are those of a base class
            return "%s(%s)" % (owner, self._arguments(code, given, 1))
        found = next((vars(kind)[name] for kind in type(receiver).__mro__ if name in vars(kind)), None)
        if _code_of(getattr(found, "fget", None) or getattr(found, "func", None)) is code:
            return "%s.%s" % (self.value(receiver), name)
        if isinstance(found, property):
            raise _Unwritten()  # its setter
        if not isinstance(found, staticmethod) and (_code_of(found) is code or first in ("self", "cls")):
            return "%s.%s(%s)" % (self.value(receiver), name, self._arguments(code, given, 1))
        return "%s(%s)" % (function, self._arguments(code, given, 0))

    def _arguments(self, code: Any, given: Dict[str, object], skipped: int) -> str:
        positional: Tuple[str, ...] = code.co_varnames[skipped : code.co_argcount]
        named: Tuple[str, ...] = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        rest: Iterator[str] = iter(code.co_varnames[code.co_argcount + code.co_kwonlyargcount :])
        found = [self.value(given[name]) for name in positional]
        if code.co_flags & 0x04:
            found += map(self.value, cast(Tuple[object, ...], given[next(rest)]))
        found += ["%s=%s" % (name, self.value(given[name])) for name in named]
        if code.co_flags & 0x08:
            found += self._keywords(cast(Dict[str, object], given[next(rest)]))
        return ", ".join(found)

    def _keywords(self, given: Dict[str, object]) -> List[str]:
        if not all(name.isidentifier() and not keyword.iskeyword(name) for name in given):
            raise _Unwritten()
        return ["%s=%s" % (name, self.value(value)) for name, value in given.items()]

    def value(self, value: object, depth: int = _DEEPEST) -> str:
        """An expression for an equal value. Raises _Unwritten."""
        if named := self._name_of(value):
            return named
        text = values.bounded_repr(value, _MOST_TEXT)
        if type(value) in _SURE and len(text) < _MOST_TEXT:
            return str(text)
        if values.replays(value, text, self._namespace, self._root):
            return str(text)
        if not depth:
            raise _Unwritten()
        if type(value) in (list, tuple):
            parts = [self.value(part, depth - 1) for part in cast(List[object], value)]
            return "[%s]" % ", ".join(parts) if type(value) is list else "(%s,)" % ", ".join(parts)
        if type(value) is dict:
            items = cast(Dict[object, object], value).items()
            return "{%s}" % ", ".join("%s: %s" % (self.value(k, 1), self.value(v, depth - 1)) for k, v in items)
        return self._object(value, depth)

    def _name_of(self, value: object) -> str:
        """Of a class, a function or a member of an enumeration that has one."""
        if isinstance(value, enum.Enum):
            return "%s.%s" % (self.value(type(value)), value.name) if value.name.isidentifier() else ""
        if not isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return ""
        name: str = cast(Any, value).__name__
        if self._namespace.get(name, vars(builtins).get(name)) is value or self._is_ours(value):
            return name
        return ""

    def _is_ours(self, value: object) -> bool:
        """A class of the project's, which calls.namespace() offers by its name."""
        module = sys.modules.get(getattr(value, "__module__", ""))
        file = str(getattr(module, "__file__", "") or "")
        if not isinstance(value, type) or "." in value.__qualname__ or value.__name__ in self._namespace:
            return False
        return bool(values.inside(self._root, file))

    def _object(self, value: object, depth: int) -> str:
        kind, name = type(value), self._name_of(type(value))
        made = _generated(kind, value) if name else None
        if made is not None:
            return "%s(%s)" % (name, ", ".join("%s=%s" % (word, self.value(part, depth - 1)) for word, part in made))
        held: Dict[str, object] = getattr(value, "__dict__", {})
        if not name or not _is_plain(kind) or not all(key.isidentifier() for key in held):
            raise _Unwritten()
        written = {key: self.value(part, depth - 1) for key, part in held.items()}
        arguments = _constructed(kind, held)
        if arguments is not None:
            return "%s(%s)" % (name, ", ".join("%s=%s" % (word, written[key]) for word, key in arguments))
        if not written:
            return "%s.__new__(%s)" % (name, name)
        new = next(new for new in self._names if new not in self._namespace)
        parts = ", ".join("%s=%s" % item for item in written.items())
        return "(vars(%s := %s.__new__(%s)).update(%s) or %s)" % (new, name, name, parts, new)


def _code_of(function: Any) -> Any:
    return getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None


def _is_plain(kind: type) -> bool:
    """Its values are all in its `__dict__`, and nothing happens when one of them is thrown away."""
    slots = (member for owner in kind.__mro__ for member in vars(owner).values())
    return (
        cast(Any, kind).__new__ is object.__new__
        and not hasattr(kind, "__del__")
        and not any(isinstance(member, types.MemberDescriptorType) for member in slots)
    )


def _generated(kind: Any, value: Any) -> Optional[List[Tuple[str, object]]]:
    """Keywords and values of what a constructor that was written for the class stores as they are, and does no more."""
    fields: List[Any] = []
    if tuple in kind.__mro__ and hasattr(kind, "_fields"):
        maker: Any = kind.__new__
        names: List[str] = list(kind._fields)
    elif dataclasses.is_dataclass(kind) and kind.__new__ is object.__new__ and not hasattr(kind, "__post_init__"):
        fields = list(dataclasses.fields(kind))
        maker, names = kind.__init__, [field.name for field in fields]
    else:
        return None
    code = getattr(maker, "__code__", None)
    held: Any = getattr(value, "__dict__", None) or names
    if code is None or not code.co_filename.startswith("<") or not all(field.init for field in fields):
        return None  # somebody wrote it
    return [(name, getattr(value, name)) for name in names] if set(held) == set(names) else None


def _constructed(kind: Any, held: Dict[str, object]) -> Optional[List[Tuple[str, str]]]:
    """Keywords and the attributes that they become, where `__init__` does nothing else; None where it is not so."""
    if kind.__init__ is object.__init__:
        return None if held else []
    stores = _stores(kind.__init__)
    if stores is None or {attribute for attribute, _ in stores} != set(held):
        return None
    found: Dict[str, str] = {}
    for attribute, source in stores:
        word = _source(source, held[attribute])
        if word is None or (word and found.setdefault(word, attribute) != attribute):
            return None
        found.update({word: attribute} if word else {})
    code = kind.__init__.__code__
    words = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    return list(found.items()) if set(found) == set(words) and not code.co_posonlyargcount else None


def _source(source: ast.expr, held: object) -> Optional[str]:
    """The parameter that becomes this value, empty for a constant that it is; None for anything else."""
    if isinstance(source, ast.Name):
        return source.id
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and source.func.id in _COPIES:
        same = type(held).__name__ == source.func.id and len(source.args) == 1 and not source.keywords
        return source.args[0].id if same and isinstance(source.args[0], ast.Name) else None
    if isinstance(source, ast.BoolOp) and isinstance(source.values[0], ast.Name):
        return source.values[0].id if held and isinstance(source.op, ast.Or) else None
    try:
        constant: object = ast.literal_eval(source)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return "" if type(constant) is type(held) and constant == held else None


def _stores(init: Any) -> Optional[List[Tuple[str, ast.expr]]]:
    """Attributes and what `__init__` stores in each; None where it does more than that."""
    code = getattr(init, "__code__", None)
    if code not in _STORES:
        _STORES[code] = _read_stores(init) if code is not None else None
    return _STORES[code]


def _read_stores(init: Any) -> Optional[List[Tuple[str, ast.expr]]]:
    try:
        body: Any = ast.parse(textwrap.dedent(inspect.getsource(init))).body[0]
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    found: List[Tuple[str, ast.expr]] = []
    for statement in body.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        target: Any = None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign):
            target = statement.target
        if not isinstance(target, ast.Attribute) or getattr(target.value, "id", "") != "self" or not statement.value:
            return None
        found.append((target.attr, statement.value))
    return found
