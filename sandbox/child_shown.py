"""Values as texts to be compared: equal behaviour, equal text, and another text where there is more than a rounding.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import binascii
import collections
import dataclasses
import os
import re
import types
from typing import Any, Dict, Generator, Iterable, List, Optional, Tuple, cast

_MOST_NODES, _DEEPEST = 10_000, 1_000
"""Values with parts: no more of them are looked into, and none that stands deeper."""
_MOST_TEXT, _MOST_SUMMED = 4_000, 1_000_000
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_LIBRARY = os.path.dirname(os.__file__)
_CONTAINERS: Tuple[Any, ...] = (collections.OrderedDict, dict, list, tuple, set, frozenset, collections.deque)
_ARRAYS = ("array", "numpy")
_COUNTER: Any = collections.Counter
_PLAIN = frozenset((int, bool, str, bytes, float, type(None)))

Parts = Generator[object, str, str]
"""Gives the parts of a value, gets the text of each, and ends with the text of the whole."""


def canonical(value: object) -> str:
    """Sets and dicts in sorted order, floats to 12 digits, no addresses."""
    return _Walk().text(value)


def attributes(value: Any) -> Dict[str, Any]:
    """Of an object, those in slots too."""
    found: Dict[str, Any] = dict(getattr(value, "__dict__", ()))
    for kind in type(value).__mro__:
        slots = (s for s in vars(kind).items() if isinstance(s[1], types.MemberDescriptorType))
        found.update((name, getattr(value, name)) for name, _ in slots if hasattr(value, name))
    return found


class _Walk:
    """Through one value, without recursion: a linked list is as deep as it is long."""

    def __init__(self) -> None:
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
        if isinstance(value, float) or type(value) in _PLAIN:
            return _plain(value)
        if type(value) in (list, tuple) and _PLAIN.issuperset(map(type, cast(List[object], value))):
            return _listed(type(value), map(_plain, cast(List[object], value)))
        if id(value) in self._above:
            return "<%d above>" % (len(self._above) - self._above[id(value)] + 1)
        self._left -= 1
        return None if self._left > 0 and len(self._above) < _DEEPEST else "…"

    def _parts(self, value: Any) -> Parts:
        kind = cast(Any, type(value))
        base = _base(kind)
        if base is not None:
            inner = yield from _held(value, base)
            return inner if kind in (list, tuple, dict) else "%s(%s)" % (kind.__name__, inner)
        if _is_array(value):
            return (yield from _array(value))
        if kind.__repr__ is object.__repr__ and kind is not object:
            return "%s(%s)" % (kind.__name__, (yield from _mapped(attributes(value).items())))
        if dataclasses.is_dataclass(value) and hasattr(kind.__repr__, "__wrapped__"):  # it is dataclass's own
            names = [f.name for f in dataclasses.fields(value) if f.repr]
            texts = yield from _each(getattr(value, name, None) for name in names)
            return "%s(%s)" % (kind.__qualname__, _fields(names, texts))
        return _cut(_ADDRESS.sub("", repr(value)))


def _base(kind: Any) -> Any:
    """The container that a class is by all that `==` and its repr tell; None for other classes."""
    known = (base for base in _CONTAINERS if issubclass(kind, base) and not hasattr(kind, "n_sequence_fields"))
    base = next((base for base in known if kind.__eq__ in (base.__eq__, _COUNTER.__eq__)), None)
    return None if _is_theirs(kind.__repr__) else base


def _is_theirs(function: Any) -> bool:
    """Written in the project, not in a library nor made by one."""
    path = str(getattr(getattr(function, "__code__", None), "co_filename", "<"))
    return not path.startswith(("<", _LIBRARY)) and "-packages" not in path


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
