"""What of a project's memory a test could have changed, as a list of plain values: equal lists, nothing changed.

One process may try several candidates only while each leaves memory as it found it (child_screen.py). Whatever cannot
be told (an iterator's place, what a C extension holds) makes the answer "unknown", and then each has a process of its
own. Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only.
"""

from __future__ import annotations

import array
import collections
import functools
import io
import itertools
import logging
import os
import random
import sys
import threading
import types
import warnings
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple, cast

_MOST = 4_000
"""Values looked at; telling more apart takes longer than a fork."""
_ATOMS = frozenset((int, str, bytes, type(None), complex, type(Ellipsis), type(NotImplemented)))
_PLAIN = frozenset((dict, list, tuple, set, frozenset, types.MappingProxyType, collections.deque))
_FIXED = (
    *("datetime", "decimal", "fractions", "re", "pathlib", "uuid", "ipaddress"),
    *("typing", "_collections", "operator", "inspect", "zoneinfo", "struct"),
)
"""Modules of the standard library whose objects never change: another value is another object."""
_SHOWN = (
    itertools.count,
    itertools.repeat,
    array.array,
    collections.ChainMap,
    type(threading.Lock()),
    type(threading.RLock()),
)
"""What shows all that it holds."""
_CODE: Any = frozenset(
    (
        *(
            types.BuiltinFunctionType,
            types.MethodDescriptorType,
            types.WrapperDescriptorType,
            types.GetSetDescriptorType,
        ),
        *(types.MemberDescriptorType, types.MethodWrapperType, types.ClassMethodDescriptorType, types.CodeType),
    )
)
_CACHED: Any = type(functools.lru_cache(lambda: None))
_NOISE = "PYTEST_CURRENT_TEST"
_HIDDEN = ("_abc_impl", "tearDown_exceptions", "_classSetupFailed")
"""What every abstract class holds and nothing outside can tell; what unittest notes anew for each class."""


class Unknown(Exception):
    """Something whose state cannot be told."""


class Footprint:
    """Compares equal while nothing has changed."""

    def __init__(self, atoms: List[Any], kept: List[Any]) -> None:
        self._atoms = atoms
        self._kept = kept
        """While these live, no other object has their numbers."""

    def same_as(self, other: Optional["Footprint"]) -> bool:
        return other is not None and self._atoms == other._atoms


def footprint(root: str) -> Optional[Footprint]:
    """Of the modules below `root` and of what they share with the rest of the process; None where it is unknown."""
    modules = dict(_own_modules(root))
    walk = _Walk(modules)
    try:
        for name, module in sorted(modules.items()):
            walk.atoms.append(name)
            walk.names(module.__dict__)
        walk.value(_surroundings())
    except (Unknown, RecursionError):
        return None
    except Exception:  # boundary: the user's own __hash__, __eq__ or a dictionary that changes meanwhile
        return None
    return Footprint(walk.atoms, walk.kept)


def _own_modules(root: str) -> Iterator[Tuple[str, Any]]:
    for name, module in list(sys.modules.items()):
        file = str(getattr(module, "__file__", "") or "")
        if file.startswith(root + os.sep) and "/site-packages/" not in file:
            yield name, module


def _surroundings() -> List[Any]:
    environment = {key: text for key, text in os.environ.items() if key != _NOISE}
    log = logging.getLogger()
    counts = [len(sys.modules), len(log.handlers), log.level, len(warnings.filters), threading.active_count()]
    return [environment, os.getcwd(), set(sys.path), counts, sys.getrecursionlimit()]


def _content(stream: Any) -> Any:
    """Of a stream in memory. Raises Unknown for others, except for those that every process has."""
    if hasattr(stream, "getvalue"):
        return stream.getvalue(), stream.tell()
    if stream in (sys.stdout, sys.stderr, sys.stdin, sys.__stdout__, sys.__stderr__, sys.__stdin__):
        return ""
    raise Unknown("a file")


class _Walk:
    def __init__(self, own: Iterable[str]) -> None:
        """`own`: the names of the project's modules."""
        self._own_names = frozenset(own)
        self._seen: Dict[int, int] = {}
        self.kept: List[Any] = []
        """What is made on the way must live as long as its number is remembered."""
        self.atoms: List[Any] = []

    def names(self, found: Dict[str, Any]) -> None:
        for name, value in list(found.items()):
            if name[:1] != "@" and name not in _HIDDEN and not (name[:2] == "__" and name[-2:] == "__"):
                self.atoms.append(name)
                self.value(value)

    def value(self, value: Any) -> None:
        kind = cast(Any, type(value))
        if kind in _ATOMS:
            self.atoms.append(value)
        elif kind is bool or kind is float:  # True equals 1, and a number that is none equals nothing
            self.atoms.append(repr(value))
        elif id(value) in self._seen:
            self.atoms.append(self._seen[id(value)])
        else:
            self._seen[id(value)] = len(self._seen)
            self.kept.append(value)
            if len(self._seen) > _MOST:
                raise Unknown("too much")
            self._inside(value, kind)

    def _inside(self, value: Any, kind: Any) -> None:
        if kind is types.FunctionType:
            self._function(value)
        elif kind in _CODE:
            self.atoms.append(id(value))
        elif isinstance(value, (dict, types.MappingProxyType)):
            for key, one in list(cast(Dict[Any, Any], value).items()):
                self.value(key)
                self.value(one)
            self._own(value, kind)
        elif isinstance(value, (list, tuple, collections.deque)):
            self._each(cast(List[Any], value))
            self._own(value, kind)
        elif isinstance(value, (set, frozenset)):
            self._each(sorted(cast(Set[Any], value), key=repr))
            self._own(value, kind)
        elif kind is bytearray:
            self.atoms.append(bytes(value))
        else:
            self.atoms.append(id(value))  # another object in its place is a change
            self._object(value, kind)

    def _object(self, value: Any, kind: Any) -> None:
        if isinstance(value, type):
            self.names(dict(vars(value)) if self._is_own(value) else {})
        elif kind is _CACHED:
            self.atoms.append(tuple(value.cache_info()))
        elif isinstance(value, random.Random):
            self.atoms.append(hash(value.getstate()))
        elif isinstance(value, io.IOBase):
            self.atoms.append(_content(value))
        elif isinstance(value, logging.Logger):
            self._each((value.level, value.disabled, len(value.handlers)))
        elif kind in (staticmethod, classmethod, types.MethodType):
            self._each((value.__func__, getattr(value, "__self__", None)))
        elif kind is functools.partial:
            self._each((value.func, value.args, value.keywords))
        elif kind is property:
            self._each((value.fget, value.fset, value.fdel))
        elif kind in _SHOWN:
            self.atoms.append(repr(value))
        elif kind not in (types.ModuleType, object) and kind.__module__.split(".")[0] not in _FIXED:
            self._instance(value, kind)

    def _instance(self, value: Any, kind: Any) -> None:
        own = self._is_own(kind)
        if not own and (hasattr(value, "__next__") or not hasattr(value, "__dict__")):
            raise Unknown(kind.__name__)
        self._own(value, kind)

    def _function(self, value: Any) -> None:
        self.atoms.append(id(value))
        if value.__defaults__ or value.__kwdefaults__:
            self._each((value.__defaults__, value.__kwdefaults__))
        if value.__dict__:
            self.names(value.__dict__)
        for cell in value.__closure__ or ():
            try:
                self.value(cell.cell_contents)
            except ValueError:  # not yet filled
                self.atoms.append("empty")

    def _own(self, value: Any, kind: Any) -> None:
        """Attributes, those in slots too."""
        if kind in _PLAIN:
            return
        self.names(getattr(value, "__dict__", {}))
        for base in kind.__mro__ if self._is_own(kind) else ():
            slots = base.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                self.value(getattr(value, name, None))

    def _each(self, values: Iterable[Any]) -> None:
        for one in list(values):
            self.value(one)

    def _is_own(self, kind: Any) -> bool:
        return kind.__module__ in self._own_names
