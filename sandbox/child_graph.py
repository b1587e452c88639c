"""Values as plain data and back: what two processes of one program may hand to each other.

A graph is a table of nodes; a value is an atom or a reference into the table, so that what is shared stays shared and
what is cyclic stays cyclic. Instances of the project's classes travel as their `__dict__` and slots; callables and
iterators stay where they are and travel as handles. Nothing else travels, and nothing is ever executed to decode,
except `__hash__` and `__eq__` of keys.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import enum
import importlib
import importlib.util
import io
import os
import sys
import types
from typing import Any, Callable, Dict, List, Tuple

plain: Any = sys.modules["_darner_child_plain"]  # loaded before by child.py: this file has no import path

_LIST: Any = list
_TYPE: Any = type
_DICT: Any = dict
_SET: Any = set
_MOST_NODES = 20_000
_MOST_TEXT = 200_000
_EXACT_INT = 1 << 53
_BASES: Tuple[Any, ...] = (list, dict, set, bytearray, tuple, frozenset, int, float, str, bytes, BaseException)
_SHARED_MODULES = frozenset((
    "builtins", "operator", "_operator", "math", "collections", "datetime", "decimal", "fractions", "functools",
    "_functools", "itertools", "pathlib", "uuid", "json.decoder",
))  # fmt: skip
_NEVER = (KeyboardInterrupt, GeneratorExit)


class Unsupported(BaseException):
    """The value cannot be handed over. Not an Exception, so that the code under test does not catch it."""


class Handle:
    """Something that lives on the other side; `invoke` and `advance` ask for it there."""

    def __init__(self, number: int) -> None:
        self.number = number


Wrap = Callable[[int, str], Any]
"""Makes the stand-in of a handle of the other side: its number, and `call` or `iter`."""


class Graph:
    """One message's table. `objects[i]` is what node `i` stands for on this side."""

    def __init__(
        self, root: str, trusting: bool, export: Callable[[Any], int], wrap: Wrap, own: Dict[int, Any]
    ) -> None:
        self._root = root
        self._trusting = trusting
        self._export, self._wrap, self._own = export, wrap, own
        self.nodes: List[Any] = []
        self.objects: List[Any] = []
        self._index: Dict[int, int] = {}

    # ---------------------------------------------------------------- values to data

    def encode(self, value: Any) -> Any:
        kind = plain.kind_of(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -_EXACT_INT < value < _EXACT_INT else ["i", hex(value)]
        if kind is float:
            return ["f", value.hex()]
        if kind is str:
            if len(value) > _MOST_TEXT:
                raise Unsupported("a text of %d characters" % len(value))
            return value
        if kind is bytes:
            return ["b", value.decode("latin-1")]
        known = self._index.get(id(value))
        return ["n", known if known is not None else self._add(value)]

    def _add(self, value: Any) -> int:
        index = len(self.objects)
        if index >= _MOST_NODES:
            raise Unsupported("more than %d values" % _MOST_NODES)
        self._index[id(value)] = index
        self.objects.append(value)
        self.nodes.append(None)
        self.nodes[index] = self.describe(value)
        return index

    def describe(self, value: Any) -> List[Any]:
        """The node of one value: its kind, then what it is made of."""
        kind = plain.kind_of(value)
        if kind in (list, tuple, set, frozenset):
            return [kind.__name__, [self.encode(item) for item in list(value)]]
        if kind is dict:
            return ["dict", [[self.encode(k), self.encode(v)] for k, v in value.items()]]
        if kind is bytearray:
            return ["bytearray", bytes(value).decode("latin-1")]
        if isinstance(value, Handle):
            return ["back", value.number]
        simple = plain.simple(value)
        if simple is not None:
            return ["std", *simple]
        if isinstance(value, enum.Enum):
            return ["enum", *self._name(kind), value.name]
        if isinstance(value, type) or plain.is_global(value):
            return ["global", *self._name(value)]
        if hasattr(kind, "__next__") and not isinstance(value, io.IOBase):
            return ["handle", self._export(value), "iter"]
        if isinstance(value, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)) or plain.is_partial(
            value
        ):
            return ["handle", self._export(value), "call"]
        return self._instance(value)

    def _instance(self, value: Any) -> List[Any]:
        kind = plain.kind_of(value)
        constant = self._constant(value)
        if constant is not None:
            return constant
        base = next((b for b in _BASES if isinstance(value, b)), None)
        if not (self._is_ours(kind) or kind.__module__ in _SHARED_MODULES) or isinstance(value, _NEVER):
            raise Unsupported("an instance of %s.%s" % (kind.__module__, kind.__qualname__))
        if base is None and kind.__module__ in _SHARED_MODULES:
            raise Unsupported("an instance of %s.%s" % (kind.__module__, kind.__qualname__))
        state = [[str(k), self.encode(v)] for k, v in plain.state(value)]
        return ["obj", *self._name(kind), self._content(value, base), state]

    def _content(self, value: Any, base: Any) -> Any:
        """What a subclass of a builtin holds besides its attributes."""
        if base is None:
            return None
        if base is BaseException:
            return [self.encode(item) for item in value.args]
        if base is dict:
            return [[self.encode(k), self.encode(v)] for k, v in _DICT.items(value)]
        if base in (int, float, str, bytes):
            return self.encode(base(value) if base is not str else str.__str__(value))
        if base is bytearray:
            return bytes(value).decode("latin-1")
        return [self.encode(item) for item in base.__iter__(value)]

    def _constant(self, value: Any) -> Any:
        """A module's own object, as `_MISSING = object()`: the other side has one under the same name."""
        if type(value) is not object:
            return None
        for name, module in list(sys.modules.items()):
            if self._is_our_module(module):
                found = next((k for k, v in vars(module).items() if v is value), None)
                if found is not None:
                    return ["global", "%s@%s" % (name, self._file_of(name)), found]
        return None

    def _name(self, value: Any) -> List[str]:
        module, name = str(value.__module__), str(value.__qualname__)
        if "<locals>" in name or not (self._is_our_module(sys.modules.get(module)) or module in _SHARED_MODULES):
            raise Unsupported("%s.%s" % (module, name))
        return ["%s@%s" % (module, self._file_of(module)), name]

    def _file_of(self, module: str) -> str:
        """Where a module of the project stands, for a process that knows no other way to it."""
        file = str(getattr(sys.modules.get(module), "__file__", "") or "")
        return os.path.relpath(file, self._root) if file.startswith(self._root + os.sep) else ""

    def _is_ours(self, kind: type) -> bool:
        return self._is_our_module(sys.modules.get(kind.__module__))

    def _is_our_module(self, module: Any) -> bool:
        file = str(getattr(module, "__file__", "") or "")
        return file.startswith(self._root + os.sep) and "/site-packages/" not in file

    # ---------------------------------------------------------------- data to values

    def take(self, nodes: List[Any]) -> None:
        """Append another side's nodes and build what they stand for: shells first, then what they hold."""
        start = len(self.objects)
        if start + len(nodes) > 2 * _MOST_NODES:
            raise Unsupported("more values than may be handed over")
        self.nodes += nodes
        self.objects += [_UNBUILT] * len(nodes)
        for index in range(start, len(self.objects)):
            self._build(index)
        for kinds in (("obj",), ("list",), ("set", "dict")):
            for index in range(start, len(self.objects)):
                if self.nodes[index][0] in kinds:
                    self.fill(index, self.nodes[index])
        for index in range(start, len(self.objects)):
            self._index[id(self.objects[index])] = index

    def decode(self, value: Any) -> Any:
        if plain.kind_of(value) is not list:
            return value
        said = value[1]
        kind = value[0]
        if kind == "n":
            self._build(said)
            return self.objects[said]
        if kind == "i":
            return int(said, 16)
        if kind == "f":
            return float.fromhex(said)
        if kind == "b":
            return said.encode("latin-1")
        raise Unsupported("a value of no known kind")

    def _build(self, index: int) -> None:
        if self.objects[index] is not _UNBUILT:
            return
        kind, *rest = self.nodes[index]
        if kind in ("list", "dict", "set"):
            self.objects[index] = {"list": list, "dict": dict, "set": set}[kind]()
        elif kind == "bytearray":
            self.objects[index] = bytearray(rest[0].encode("latin-1"))
        elif kind in ("tuple", "frozenset"):
            items = [self.decode(item) for item in rest[0]]
            self.objects[index] = tuple(items) if kind == "tuple" else frozenset(items)
        elif kind == "std":
            self.objects[index] = plain.rebuilt(*rest)
        elif kind == "enum":
            self.objects[index] = self._look_up(rest[0], rest[1])[rest[2]]
        elif kind == "global":
            self.objects[index] = self._look_up(rest[0], rest[1])
        elif kind == "handle":
            self.objects[index] = self._wrap(rest[0], rest[1])
        elif kind == "back":
            self.objects[index] = self._own[rest[0]]
        else:
            self.objects[index] = self._shell(*rest)

    def _shell(self, module: str, name: str, content: Any, state: Any) -> Any:
        """An instance without a call of its `__init__` or `__new__`."""
        kind: Any = self._look_up(module, name)
        if not issubclass(plain.kind_of(kind), _TYPE) or issubclass(kind, _NEVER):
            raise Unsupported("an instance of %s.%s" % (module, name))
        base: Any = next((b for b in _BASES if issubclass(kind, b)), object)
        if base in (tuple, frozenset):
            return _new(base, kind, [self.decode(item) for item in content])
        if base in (int, float, str, bytes):
            return _new(base, kind, self.decode(content))
        if base is BaseException:
            return _new(kind, kind, *[self.decode(item) for item in content])
        return _new(base, kind)

    def fill(self, index: int, node: List[Any]) -> None:
        """Give a mutable object what its node says, in place."""
        target: Any = self.objects[index]
        kind = node[0]
        content = node[3] if kind == "obj" else node[1]
        if kind == "obj":
            self._fill_state(target, node[4])
        if isinstance(target, _LIST):
            _LIST.clear(target)
            _LIST.extend(target, [self.decode(item) for item in content])
        elif isinstance(target, _DICT):
            _DICT.clear(target)
            _DICT.update(target, [(self.decode(k), self.decode(v)) for k, v in content])
        elif isinstance(target, _SET):
            _SET.clear(target)
            _SET.update(target, [self.decode(item) for item in content])
        elif isinstance(target, bytearray):
            target[:] = content.encode("latin-1")
        elif isinstance(target, BaseException):
            target.args = tuple(self.decode(item) for item in content)

    def _fill_state(self, target: Any, state: List[Any]) -> None:
        held = getattr(target, "__dict__", None)
        if held is not None:
            held.clear()
        for name, value in state:
            if held is not None and name not in plain.slots(type(target)):
                held[name] = self.decode(value)
            else:
                object.__setattr__(target, name, self.decode(value))

    def _look_up(self, module: str, name: str) -> Any:
        """A class or function by name; where the other side is not to be trusted, only of what is loaded here."""
        module, _, file = module.partition("@")
        found: Any = sys.modules.get(module)
        if found is None and not self._trusting:
            raise Unsupported("module %s" % module)
        if found is None:
            found = self._import(module, file)
        if not (self._is_our_module(found) or module in _SHARED_MODULES):
            raise Unsupported("%s.%s" % (module, name))
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def _import(self, module: str, file: str) -> Any:
        try:
            return importlib.import_module(module)
        except ImportError:
            spec = importlib.util.spec_from_file_location(module, os.path.join(self._root, file)) if file else None
            if spec is None or spec.loader is None:
                raise
            found = sys.modules[module] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(found)
            return found

    def is_mutable(self, index: int) -> bool:
        node = self.nodes[index]
        return node[0] in ("list", "dict", "set", "bytearray", "obj")


def _new(base: Any, kind: Any, *arguments: Any) -> Any:
    return base.__new__(kind, *arguments)


class _Unbuilt:
    pass


_UNBUILT = _Unbuilt()
