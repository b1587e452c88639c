"""Values as texts to be compared: equal behaviour, equal text, and another text where there is more than a rounding.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import dataclasses
import re
import types
from typing import Any, Dict, Generator, Iterable, List, Optional, Tuple, cast

_MOST_NODES, _DEEPEST = 10_000, 1_000
"""Values with parts: no more of them are looked into, and none that stands deeper."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
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
            return _listed(value, map(_plain, cast(List[object], value)))
        if id(value) in self._above:
            return "<%d above>" % (len(self._above) - self._above[id(value)] + 1)
        self._left -= 1
        return None if self._left > 0 and len(self._above) < _DEEPEST else "…"

    def _parts(self, value: Any) -> Parts:
        if type(value) in (list, tuple):
            return _listed(value, (yield from _each(value)))
        if type(value) in (set, frozenset):
            return type(value).__name__ + "(" + ", ".join(sorted((yield from _each(value)))) + ")"
        if type(value) is dict:
            return (yield from _mapped(cast(Dict[Any, Any], value)))
        if type(value).__repr__ is object.__repr__ and type(value) is not object:
            return type(value).__name__ + "(" + (yield from _mapped(attributes(value))) + ")"
        if dataclasses.is_dataclass(value) and hasattr(type(value).__repr__, "__wrapped__"):  # it is dataclass's own
            names = [f.name for f in dataclasses.fields(value) if f.repr]
            texts = yield from _each(getattr(value, name, None) for name in names)
            return type(value).__qualname__ + "(" + ", ".join(map("%s=%s".__mod__, zip(names, texts))) + ")"
        text = _ADDRESS.sub("", repr(value))
        return text if len(text) <= 4_000 else text[:4_000] + "…%d" % len(text)


def _plain(value: object) -> str:
    if isinstance(value, float):
        return repr(float("%.12g" % value))
    text = _ADDRESS.sub("", repr(value))
    return text if len(text) <= 4_000 else text[:4_000] + "…%d" % len(text)


def _listed(value: object, texts: Iterable[str]) -> str:
    inner = list(texts)
    if isinstance(value, list):
        return "[" + ", ".join(inner) + "]"
    return "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"


def _each(values: Iterable[object]) -> Generator[object, str, List[str]]:
    found: List[str] = []
    for value in values:
        found.append((yield value))
    return found


def _mapped(items: Dict[Any, Any]) -> Parts:
    keys = yield from _each(items)
    values = yield from _each(items.values())
    return "{" + ", ".join("%s: %s" % row for row in sorted(zip(keys, values))) + "}"
