"""Values of the user's program as bounded texts, and what belongs to the project.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import ast
import builtins
import dis
import os
import re
import reprlib
import sys
import types
from typing import Any, Dict, Iterator, List, Tuple, cast

_MAX_REPR = 240
_GLANCE, _FEW = 80, 16
_PLAIN = frozenset((int, float, complex, bool, str, bytes, type(None)))
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SIZED: Any = (str, bytes, list, tuple, set, frozenset, dict)


class _Briefly(reprlib.Repr):
    def repr_instance(self, x: object, level: int) -> str:
        return bounded_repr(x, _GLANCE)


_BRIEFLY = _Briefly()
_BRIEFLY.maxlevel, _BRIEFLY.maxlist, _BRIEFLY.maxtuple, _BRIEFLY.maxdict = 3, _FEW, _FEW, _FEW
_BRIEFLY.maxset = _BRIEFLY.maxfrozenset = _BRIEFLY.maxdeque = _FEW


def bounded_repr(value: object, limit: int = _MAX_REPR) -> str:
    """A repr that never raises and never grows: user code may define any `__repr__`."""
    try:
        size = len(value) if isinstance(value, _SIZED) else 0  # type: ignore[arg-type]
        if size > 20 * limit:
            return "<%s of %d items>" % (type(value).__name__, size)
        text = repr(value) if type(value) in (str, bytes) else _ADDRESS.sub("", repr(value))
    except BaseException as error:  # boundary: the user's own __repr__
        return "<repr failed: %s>" % type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


def glance(value: object) -> str:
    """A shorter repr, for every step of a trace: of a large or deep value only the beginning is looked at."""
    if isinstance(value, (str, bytes)):
        return bounded_repr(value[:_GLANCE] if len(value) > _GLANCE else value, _GLANCE)
    if type(value) in _PLAIN:
        return bounded_repr(value, _GLANCE)
    if type(value) in (list, tuple, set) and len(value) <= _FEW and _PLAIN.issuperset(map(type, value)):  # type: ignore[arg-type]
        return bounded_repr(value, _GLANCE)
    try:
        text = _ADDRESS.sub("", _BRIEFLY.repr(value))
    except BaseException as error:  # boundary: the user's own __repr__
        return "<repr failed: %s>" % type(error).__name__
    return text if len(text) <= _GLANCE else text[: _GLANCE - 1] + "…"


def is_plain(value: object) -> bool:
    """It cannot change: as long as a name holds it, its repr is the same."""
    return type(value) in _PLAIN


def replays(value: object, text: str, namespace: Dict[str, Any], root: str) -> bool:
    """The text is an expression for an equal value; nothing of the project's runs to find that out."""
    try:
        try:
            return bool(ast.literal_eval(text) == value)
        except (ValueError, SyntaxError):
            if not all(_is_foreign(name, namespace, root) for name in _names(text)):
                return False
            again = eval(text, dict(namespace))
            return type(again) is type(value) and bool(again == value)
    except BaseException:  # boundary: the user's own classes
        return False


def _names(text: str) -> List[str]:
    return [node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)]


def _is_foreign(name: str, namespace: Dict[str, Any], root: str) -> bool:
    """A class, a function or a module of somebody else's: what is made of it runs no constructor of the project's."""
    known = namespace.get(name, vars(builtins).get(name))
    if isinstance(known, types.ModuleType):
        module: Any = known
    elif callable(known):
        module = sys.modules.get(getattr(known, "__module__", ""))
    else:
        return False
    return not inside(root, str(getattr(module, "__file__", "") or ""))


def qualname(code: Any) -> str:
    return str(getattr(code, "co_qualname", "") or _qualname_by_class(code))


def _qualname_by_class(code: Any) -> str:
    """Python before 3.11 has no `co_qualname`: read it from the file, once per code object."""
    known = _QUALNAMES.get(code)
    if known is None:
        known = _QUALNAMES[code] = _look_up_qualname(code)
    return known


_QUALNAMES: Dict[Any, str] = {}


def _look_up_qualname(code: Any) -> str:
    try:
        with open(code.co_filename, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return str(code.co_name)
    stack: List[Tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                first = min([child.lineno] + [d.lineno for d in child.decorator_list])
                if child.name == code.co_name and first == code.co_firstlineno:
                    return prefix + child.name
                name = prefix + child.name + ("." if isinstance(child, ast.ClassDef) else ".<locals>.")
            stack.append((child, name))
    return str(code.co_name)


def parameters(code: Any) -> Tuple[str, ...]:
    """Names of the parameters, `*args` and `**kwargs` included, in order of the signature."""
    stars = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    return tuple(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + stars])


def inside(root: str, path: str) -> bool:
    if not path.startswith(root + os.sep):
        return False
    rest = path[len(root) :]
    return not any(part in rest for part in ("/site-packages/", "/.venv/", "/venv/", "/.tox/", "/.nox/"))


def relative(root: str, path: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/") if path.startswith(root + os.sep) else path


def touched_names(code: Any) -> Dict[int, Tuple[str, ...]]:
    """For each line of a code object the names that it stores (`x`, `self.x`) or whose value it may change."""
    starts: Dict[int, int] = {offset: line for offset, line in _line_starts(code) if line}
    found: Dict[int, Dict[str, None]] = {}
    line = 0
    before = ""
    owners: Dict[str, str] = {}  # `self.x += y` loads `self.x`, then `y`, and stores an `x`
    for offset, operation, arguments in _instructions(code):
        line = starts.get(offset, line)
        if operation.startswith(("STORE_FAST", "STORE_NAME", "STORE_DEREF", "LOAD_FAST", "LOAD_DEREF", "LOAD_NAME")):
            names = [name for name in arguments if name[:1] not in (".", "@", "")]
            found.setdefault(line, {}).update(dict.fromkeys(names))
            before = names[-1] if names else ""
        elif operation in ("LOAD_ATTR", "LOAD_METHOD"):
            owners[arguments[0]] = before
        elif operation == "STORE_ATTR":
            owner = owners.pop(arguments[0], before)
            found.setdefault(line, {})["%s.%s" % (owner, arguments[0])] = None
    return {number: tuple(names) for number, names in found.items()}


def _line_starts(code: Any) -> "Iterator[Tuple[int, Any]]":
    return cast(Any, dis).findlinestarts(code)


def _instructions(code: Any) -> "Iterator[Tuple[int, str, Tuple[str, ...]]]":
    """Offset, name, and the names that it is about: from Python 3.13 on one instruction may hold two."""
    for step in dis.get_instructions(code):
        argument: Any = cast(Any, step).argval
        parts: Tuple[Any, ...] = cast(Any, argument if type(argument) is tuple else (argument,))
        yield step.offset, step.opname, tuple(part if isinstance(part, str) else "" for part in parts)
