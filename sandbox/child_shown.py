"""Values as texts to be compared: equal behaviour, equal text, and another text where there is more than a rounding.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import binascii
import collections
import contextlib
import dataclasses
import enum
import os
import re
import sys
import types
from typing import Any, Dict, Generator, Iterable, List, Optional, Tuple, cast

_MOST_NODES, _DEEPEST = 10_000, 1_000
"""Values with parts: no more of them are looked into, and none that stands deeper."""
_MOST_TEXT, _MOST_SUMMED = 4_000, 1_000_000
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_LIBRARY = os.path.dirname(os.__file__)
_CONTAINERS: Tuple[Any, ...] = (collections.OrderedDict, dict, list, tuple, set, frozenset, collections.deque)
_LISTS, _BARE = frozenset((list, tuple)), frozenset((list, tuple, dict))
_NO_STATE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_ARRAYS = ("array", "numpy")
_COUNTER: Any = collections.Counter
_PLAIN = frozenset((int, bool, str, bytes, float, type(None)))

Parts = Generator[object, str, str]
"""Gives the parts of a value, gets the text of each, and ends with the text of the whole."""


def canonical(value: object) -> str:
    """Sets and dicts in sorted order, floats to 12 digits, no addresses."""
    return _Walk().text(value)


def told(value: object) -> Tuple[str, str]:
    """As `canonical`, and by what its objects hold where reprs of the project leave something out, else empty."""
    walk = _Walk()
    text = walk.text(value)
    return text, _Walk(deep=True).text(value) if walk.hides else ""


def whole(value: object) -> str:
    """By what it holds, and so every object of the project in it, whatever their reprs say: none of these runs."""
    return _Walk(deep=True, first=value).text(value)


def attributes(value: Any) -> Dict[str, Any]:
    """Of an object, those in slots too; none of its own code runs for it."""
    found: Dict[str, Any] = {}
    with contextlib.suppress(Exception):  # boundary: a class may make its own `__dict__`
        found.update(object.__getattribute__(value, "__dict__"))
    for kind in type(value).__mro__:
        for name, slot in vars(kind).items():
            if "__slots__" in vars(kind) and isinstance(slot, types.MemberDescriptorType):
                with contextlib.suppress(AttributeError):
                    found[name] = slot.__get__(value)
    return found


class _Walk:
    """Through one value, without recursion: a linked list is as deep as it is long."""

    def __init__(self, deep: bool = False, first: object = None) -> None:
        self._deep = deep
        self._first = first if _is_open(cast(Any, type(first))) else None
        """Is opened even where it is none of the project's."""
        self.hides = False
        self._left = _MOST_NODES
        self._above: Dict[int, int] = {}
        """What is being looked into, and how deep it stands: whoever comes by again goes round in a circle."""

    def text(self, value: object) -> str:
        opened: List[Tuple[int, Parts]] = []
        told = self._at_once(value)
        part = value
        while told is None or opened:
            if told is None:
                opened.append((id(part), self._parts(part)))
                self._above[id(part)] = len(opened)
            try:
                part = opened[-1][1].send(cast(Any, told))
                told = self._at_once(part)
            except StopIteration as end:
                del self._above[opened.pop()[0]]
                told = str(end.value)
        return told

    def _at_once(self, value: object) -> Optional[str]:
        """None for what has parts."""
        if issubclass(type(value), float) or type(value) in _PLAIN:
            return _plain(value)
        if type(value) in _LISTS and _PLAIN.issuperset(map(type, cast(List[object], value))):
            return _listed(type(value), map(_plain, cast(List[object], value)))
        if id(value) in self._above:
            return "<%d above>" % (len(self._above) - self._above[id(value)] + 1)
        self._left -= 1
        return None if self._left > 0 and len(self._above) < _DEEPEST else "…"

    def _parts(self, value: Any) -> Parts:
        kind = cast(Any, type(value))
        base = _base(kind)
        if self._is_opened(value, kind):
            return (yield from _opened(value, base))
        if base is not None and not _is_theirs(kind.__repr__):
            inner = yield from _held(value, base)
            return inner if kind in _BARE else "%s(%s)" % (kind.__name__, inner)
        if _is_array(value):
            return (yield from _array(value))
        if kind.__repr__ is object.__repr__ and kind is not object:
            return "%s(%s)" % (kind.__name__, (yield from _mapped(attributes(value).items())))
        if _is_dataclass(kind):
            return (yield from self._dataclass(value))
        text = _ADDRESS.sub("", repr(value))
        if _shows_itself(kind) and not self._deep and not self.hides:
            self.hides = not _tells_all(text, value, base)
        return _cut(text)

    def _is_opened(self, value: object, kind: Any) -> bool:
        if not self._deep or (value is not self._first and not _shows_itself(kind)):
            return False
        return bool(attributes(value)) or _is_theirs(kind.__repr__)

    def _dataclass(self, value: Any) -> Parts:
        kind = cast(Any, type(value))
        fields = [f for f in dataclasses.fields(value) if f.repr or f.compare]
        names = [f.name for f in fields if f.repr or self._deep]
        self.hides = self.hides or len(names) < len(fields)
        texts = yield from _each(getattr(value, name, None) for name in names)
        return "%s(%s)" % (kind.__qualname__, _fields(names, texts))


def _base(kind: Any) -> Any:
    """The container that a class is by all that `==` tells; None for other classes."""
    known = (base for base in _CONTAINERS if issubclass(kind, base) and not hasattr(kind, "n_sequence_fields"))
    return next((base for base in known if kind.__eq__ in (base.__eq__, _COUNTER.__eq__)), None)


def _is_open(kind: Any) -> bool:
    """What its objects are stands in their attributes."""
    return bool(kind.__dictoffset__) and not issubclass(kind, _NO_STATE)


def _is_dataclass(kind: Any) -> bool:
    """With the repr that is made for it."""
    return dataclasses.is_dataclass(kind) and hasattr(kind.__repr__, "__wrapped__")


def _shows_itself(kind: Any) -> bool:
    """A class of the project whose repr may leave something out."""
    if kind.__repr__ is object.__repr__ or _is_dataclass(kind) or issubclass(kind, enum.Enum):
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return not _is_of_library(str(file or "<")) and (_is_theirs(kind.__repr__) or _base(kind) is None)


def _tells_all(text: str, value: object, base: Any) -> bool:
    """The repr says each attribute, as a call of the class would be written."""
    held, walk = attributes(value), _Walk(deep=True)
    texts = [walk.text(each) for each in held.values()]
    names = [name.lstrip("_") for name in held]
    return base is None and text in [
        "%s(%s)" % (type(value).__name__, s) for s in (", ".join(texts), _fields(names, texts))
    ]


def _is_theirs(function: Any) -> bool:
    """Written in the project, not in a library nor made by one."""
    return not _is_of_library(str(getattr(getattr(function, "__code__", None), "co_filename", "<")))


def _is_of_library(path: str) -> bool:
    return path.startswith(("<", _LIBRARY)) or "-packages" in path


def _opened(value: Any, base: Any) -> Parts:
    """What its container holds or its built-in base shows, then its attributes."""
    kind = cast(Any, type(value))
    inner = [(yield from _held(value, base))] if base is not None else _by_base(value)
    held = attributes(value)
    return "%s(%s)" % (kind.__name__, ", ".join([*inner, *([(yield from _mapped(held.items()))] if held else [])]))


def _by_base(value: Any) -> List[str]:
    """The repr of the built-in class that it is made from: a number, a text, a date."""
    reprs = (vars(kind)["__repr__"] for kind in type(value).__mro__ if "__repr__" in vars(kind))
    builtin = next((show for show in reprs if not hasattr(show, "__code__")), object.__repr__)
    try:
        return [] if builtin is object.__repr__ else [_cut(_ADDRESS.sub("", builtin(value)))]
    except Exception:  # boundary: an object that was never made in full
        return []


def _held(value: Any, base: Any) -> Parts:
    """By the container's own means: a class may have changed what going through it does."""
    if issubclass(base, dict):
        return (yield from _mapped(cast(Any, base).items(value), base is collections.OrderedDict))
    texts = yield from _each(base.__iter__(value))
    if base in (set, frozenset):
        return ", ".join(sorted(texts))
    names: Tuple[str, ...] = getattr(cast(Any, type(value)), "_fields", ()) if base is tuple else ()
    return _fields(names, texts) if len(names) == len(texts) > 0 else _listed(base, texts)


def _is_array(value: Any) -> bool:
    return type(value).__module__ in _ARRAYS and hasattr(value, "tolist") and getattr(value, "shape", None) != ()


def _array(value: Any) -> Parts:
    """Its items, or a sum over them where they are many: a repr leaves out most of an array, and rounds the rest."""
    kind = getattr(value, "dtype", None) or value.typecode
    size = getattr(value, "size", len(value))
    if size > _MOST_SUMMED:
        return _cut(repr(value))
    if size <= _MOST_NODES or getattr(kind, "hasobject", False):
        held = yield value.tolist()
    else:
        held = "…%08x" % binascii.crc32(value.tobytes())
    shape = "" if 0 < size <= _MOST_NODES else "shape=%s, " % (getattr(value, "shape", (size,)),)
    return _cut("array(%s, %sdtype=%s)" % (held, shape, kind))


def _plain(value: object) -> str:
    if isinstance(value, float):
        return repr(float("%.12g" % value) + 0.0)  # -0.0 equals 0.0
    return _cut(repr(value))


def _cut(text: str) -> str:
    """Of a long text the whole still counts."""
    if len(text) <= _MOST_TEXT:
        return text
    return "%s…%d %08x" % (text[:_MOST_TEXT], len(text), binascii.crc32(text.encode("utf-8", "surrogatepass")))


def _listed(base: type, texts: Iterable[str]) -> str:
    inner = list(texts)
    if base is not tuple:
        return "[" + ", ".join(inner) + "]"
    return "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"


def _fields(names: Iterable[str], texts: Iterable[str]) -> str:
    return ", ".join(map("%s=%s".__mod__, zip(names, texts)))


def _mapped(items: Iterable[Tuple[object, object]], in_order: bool = False) -> Parts:
    known = list(items)
    keys = yield from _each(key for key, _ in known)
    texts = yield from _each(held for _, held in known)
    rows = list(zip(keys, texts))
    return "{" + ", ".join(map("%s: %s".__mod__, rows if in_order else sorted(rows))) + "}"


def _each(values: Iterable[object]) -> Generator[object, str, List[str]]:
    found: List[str] = []
    for value in values:
        found.append((yield value))
    return found
