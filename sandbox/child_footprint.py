"""What of a project's memory a test could have changed, as a list of plain values: equal lists, nothing changed.

One process may try several candidates only while each leaves memory as it found it (child_screen.py). Whatever cannot
be told (an iterator's place, what a C extension holds) makes the answer "unknown", and then each has a process of its
own. Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only.
"""

from __future__ import annotations

import array
import collections
import decimal
import functools
import io
import itertools
import logging
import os
import random
import signal
import sys
import threading
import types
import warnings
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, cast

_MOST = 4_000
"""Values looked at; telling more apart takes longer than a fork."""
_ATOMS = frozenset((int, str, bytes, type(None), complex, type(Ellipsis), type(NotImplemented)))
_CONTAINERS = (dict, list, tuple, set, frozenset, collections.deque)
_MOST_ATOMS = 20_000
_MADE_IN_PYTHON = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: what such a type's objects hold is in their attributes."""
_BASES = frozenset((object, dict, list, tuple, set, frozenset, collections.deque, int, str, float, bytes, type))
_PLAIN = frozenset(_CONTAINERS)
_FIXED = frozenset(
    ("datetime", "decimal", "fractions", "inspect", "ipaddress", "operator", "pathlib")
    + ("re", "struct", "typing", "uuid", "zoneinfo", "_collections")
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
        types.BuiltinFunctionType,
        types.ClassMethodDescriptorType,
        types.CodeType,
        types.GetSetDescriptorType,
        types.MemberDescriptorType,
        types.MethodDescriptorType,
        types.MethodWrapperType,
        types.WrapperDescriptorType,
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


def footprint(root: str, told: Iterable[Any] = ()) -> Optional[Footprint]:
    """Of the modules below `root`, of `told`, and of what all share with the process; None where it is unknown."""
    modules = dict(_own_modules(root))
    walk = _Walk(modules)
    try:
        for name, module in sorted(modules.items()):
            walk.atoms.append(name)
            walk.names(module.__dict__)
        walk.value([_surroundings(), list(told)])
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
    streams = [id(sys.stdout), id(sys.stderr), log.manager.disable, sys.getrecursionlimit()]
    handlers = [id(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    return [environment, os.getcwd(), set(sys.path), counts, streams, handlers, _arithmetic()]


def _arithmetic() -> List[Any]:
    """How numbers are computed, where that can be set."""
    context, numpy = decimal.getcontext(), sys.modules.get("numpy")
    traps = sorted(flag.__name__ for flag, on in context.traps.items() if on)
    found: List[Any] = [context.prec, str(context.rounding), traps]
    if numpy is not None:
        found.append(str(getattr(numpy, "geterr")()))
    if (chance := sys.modules.get("numpy.random")) is not None:  # numpy loads it when it is first used
        state: Any = getattr(chance, "get_state")()
        found += [state[1].tobytes(), state[2]]
    return found


def _content(stream: Any) -> Any:
    """Of a stream in memory. Raises Unknown for others, except for those that every process has."""
    if hasattr(stream, "getvalue"):
        return stream.getvalue(), stream.tell()
    if stream in (sys.stdout, sys.stderr, sys.stdin, sys.__stdout__, sys.__stderr__, sys.__stdin__):
        return ""
    raise Unknown("a file")


def _base_of(value: Any) -> Any:
    return next(one for one in _CONTAINERS if isinstance(value, one))


def _held(value: Any) -> List[Any]:
    """What a container holds, without asking methods of its own: they may be the project's. Raises Unknown."""
    if len(value) > _MOST:
        raise Unknown("too much")
    base = _base_of(value)
    if isinstance(value, dict):
        pairs: List[Any] = list(base.items(value))
        return [one for pair in pairs for one in pair]
    elements: List[Any] = list(base.__iter__(value))
    if base not in (set, frozenset):
        return elements
    if any(type(one) not in _ATOMS and type(one) not in (bool, float, tuple) for one in elements):
        raise Unknown("a set")
    return sorted(elements, key=repr)


def _attributes(value: Any) -> Dict[str, Any]:
    try:
        return cast(Dict[str, Any], object.__getattribute__(value, "__dict__"))
    except AttributeError:
        return {}


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
            if len(self._seen) > _MOST or len(self.atoms) > _MOST_ATOMS:
                raise Unknown("too much")
            self._inside(value, kind)

    def _inside(self, value: Any, kind: Any) -> None:
        if kind is types.FunctionType:
            self._function(value)
        elif kind in _CODE:
            self.atoms.append(id(value))
        elif isinstance(value, _CONTAINERS):
            self._each(_held(cast(Any, value)))
            self._own(value, kind)
        elif kind is types.MappingProxyType:
            self._each(value.items())
        elif kind is bytearray:
            self.atoms.append(bytes(value))
        else:
            self.atoms.append(id(value))  # another object in its place is a change
            self._object(value, kind)

    def _object(self, value: Any, kind: Any) -> None:
        if isinstance(value, type):
            self.names(dict(vars(value)) if self._is_own(value) else {})
            self.atoms.append(len(type.__subclasses__(value)) if self._is_own(value) else 0)
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
        if not self._is_own(kind) and (hasattr(kind, "__next__") or not kind.__dictoffset__):
            raise Unknown(kind.__name__)
        for base in kind.__mro__:
            if not base.__flags__ & _MADE_IN_PYTHON and base not in _BASES and not issubclass(base, BaseException):
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
        self.names(_attributes(value))
        for base in kind.__mro__ if self._is_own(kind) else ():
            for member in base.__dict__.values():
                if type(member) is types.MemberDescriptorType:
                    try:
                        self.value(member.__get__(value))
                    except AttributeError:  # a slot that is empty
                        self.atoms.append("empty")

    def _each(self, values: Iterable[Any]) -> None:
        for one in list(values):
            self.value(one)

    def _is_own(self, kind: Any) -> bool:
        return kind.__module__ in self._own_names
