"""What of a project's memory a test could change, noted once, and whether it still is as it was.

One process may try several candidates only while each leaves memory as it found it (child_screen.py). Every table and
list that can be reached is noted with what it holds, so looking again is comparing objects, without following them:
who holds another object has changed. Whatever cannot be told (an iterator's place, what a C extension holds) makes the
answer "unknown", and then each has a process of its own. Runs inside the sandbox in the user's interpreter (Python 3.9
to 3.14); standard library only, loaded by child.py.
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
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple, cast

noted: Any = sys.modules["_darner_child_noted"]  # loaded before by child.py: this file has no import path

_MOST = 4_000
"""Values noted; noting more takes longer than some forks."""
_ATOMS = frozenset((int, bool, float, str, bytes, type(None), complex, type(Ellipsis), type(NotImplemented)))
_CONTAINERS = (dict, list, tuple, set, frozenset, collections.deque)
_MADE_IN_PYTHON = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: what such a type's objects hold is in their attributes."""
_BASES = frozenset((object, dict, list, tuple, set, frozenset, collections.deque, int, str, float, bytes, type))
_PLAIN = frozenset((*_CONTAINERS, property))
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


class Unknown(Exception):
    """Something whose state cannot be told."""


def footprint(root: str, held: Callable[[], List[Any]] = list) -> Any:
    """Of the modules below `root`, of what is `held`, and of what all share with the process; None where unknown."""
    modules = dict(_own_modules(root))
    try:
        found = noted.Noted(modules, _surroundings, held)
        walk = _Walk(found, modules)
        for module in modules.values():
            walk.names(module.__dict__)
        walk.each(held())
        found.settle()
    except (Unknown, RecursionError):
        return None
    except Exception:  # boundary: the user's own __hash__, __eq__ or a dictionary that changes meanwhile
        return None
    return found


def _own_modules(root: str) -> Iterator[Tuple[str, Any]]:
    for name, module in list(sys.modules.items()):
        file = str(getattr(module, "__file__", "") or "")
        if file.startswith(root + os.sep) and "/site-packages/" not in file:
            yield name, module


def _surroundings() -> List[Any]:
    # As it is kept: decoding it takes half a millisecond.
    environment: Dict[Any, Any] = dict(getattr(os.environ, "_data"))
    environment.pop(getattr(os.environ, "encodekey")(_NOISE), None)
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


def _each_of(value: Any) -> Callable[[Any], Iterator[Any]]:
    """How to ask a list for its elements without methods of its own: they may be the project's."""
    base: Any = next(one for one in _CONTAINERS if isinstance(value, one))
    return cast(Callable[[Any], Iterator[Any]], base.__iter__)


class _Walk:
    """Follows everything that can be reached, once."""

    def __init__(self, found: Any, own: Iterable[str]) -> None:
        """`own`: the names of the project's modules."""
        self._found = found
        self._own_names = frozenset(own)
        self._seen: Dict[int, Any] = {}
        """By number; while they live, no other object has theirs."""

    def names(self, table: Any) -> None:
        self._found.tables.append(noted.Table(table, named=True))
        self.each([value for name, value in list(table.items()) if noted.counts(name)])

    def each(self, values: Iterable[Any]) -> None:
        for one in list(values):
            self.value(one)

    def value(self, value: Any) -> None:
        kind = cast(Any, type(value))
        if kind in _ATOMS or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if len(self._seen) > _MOST:
            raise Unknown("too much")
        if kind is types.FunctionType:
            self._function(value)
        elif isinstance(value, _CONTAINERS):
            self._container(value)
            self._own(value, kind)
        elif kind is types.MappingProxyType:
            self._table(value)
        elif kind is bytearray:
            self._found.note(bytes, value)
        elif kind not in _CODE:
            self._object(value, kind)

    def _table(self, value: Any) -> None:
        table = noted.Table(value, named=False)
        self._found.tables.append(table)
        self.each(table.held())

    def _container(self, value: Any) -> None:
        """Raises Unknown."""
        if len(value) > _MOST:
            raise Unknown("too much")
        if isinstance(value, dict):
            self._table(value)
            return
        each = _each_of(value)
        elements = list(each(value))
        if isinstance(value, (set, frozenset)):
            if any(type(one) not in _ATOMS and type(one) is not tuple for one in elements):
                raise Unknown("a set")
            self._found.note(_in_order, value)
        elif not isinstance(value, tuple):
            self._found.lists.append((value, each, elements))
        self.each(elements)

    def _object(self, value: Any, kind: Any) -> None:
        note = self._found.note
        if isinstance(value, type):
            if self._is_own(value):
                self.names(vars(value))
                note(_subclasses, value)
        elif kind is _CACHED:
            note(_CACHED.cache_info, value)
        elif isinstance(value, random.Random):
            note(_state, value)
        elif isinstance(value, io.IOBase):
            note(_content, value)
        elif isinstance(value, logging.Logger):
            note(_logger, value)
        elif kind in (staticmethod, classmethod, types.MethodType):
            self.each((value.__func__, getattr(value, "__self__", None)))
        elif kind is functools.partial:
            self.each((value.func, value.args, value.keywords))
        elif isinstance(value, property):
            self.each((value.fget, value.fset, value.fdel))
            self._own(value, kind)
        elif kind in _SHOWN:
            note(repr, value)
        elif kind not in (types.ModuleType, object) and kind.__module__.split(".")[0] not in _FIXED:
            self._instance(value, kind)

    def _instance(self, value: Any, kind: Any) -> None:
        """Raises Unknown."""
        if not self._is_own(kind) and (hasattr(kind, "__next__") or not kind.__dictoffset__):
            raise Unknown(kind.__name__)
        for base in kind.__mro__:
            if not base.__flags__ & _MADE_IN_PYTHON and base not in _BASES and not issubclass(base, BaseException):
                raise Unknown(kind.__name__)
        self._own(value, kind)

    def _function(self, value: Any) -> None:
        self._found.functions.append(value)
        self.each((value.__defaults__ or (), value.__kwdefaults__ or ()))
        if value.__dict__:
            self.names(value.__dict__)
        else:
            self._found.bare.append(value)
        for cell in value.__closure__ or ():
            self._found.cells.append(cell)
            self.value(noted.in_cell(cell))

    def _own(self, value: Any, kind: Any) -> None:
        """Attributes, those in slots too."""
        if kind in _PLAIN:
            return
        self._found.instances.append(value)
        attributes = noted.of_instance(value)[1]
        if attributes is not None:
            self.names(attributes)
        for base in kind.__mro__ if self._is_own(kind) else ():
            for member in base.__dict__.values():
                if type(member) is types.MemberDescriptorType:
                    self._found.slots.append((member, value))
                    self.value(noted.in_slot((member, value)))

    def _is_own(self, kind: Any) -> bool:
        return kind.__module__ in self._own_names


def _subclasses(kind: Any) -> int:
    return len(type.__subclasses__(kind))


def _state(chance: Any) -> int:
    return hash(chance.getstate())


def _logger(log: Any) -> Tuple[Any, ...]:
    return log.level, log.disabled, len(log.handlers)


def _in_order(elements: Any) -> List[str]:
    return sorted(map(repr, _each_of(elements)(elements)))
