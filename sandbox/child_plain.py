"""Values of the standard library in a plain form, and what an instance holds: the small change of child_graph.py.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
import re
import sys
import types
import uuid
from typing import Any, Callable, Dict, List, Tuple


def kind_of(value: Any) -> Any:
    """Its type, about which nothing is known."""
    return _TYPE(value)


def simple(value: Any) -> Any:
    """Values of the standard library with a plain form: their kind and that form."""
    kind = kind_of(value)
    if kind is complex:
        return ["complex", repr(value)]
    if kind in (range, slice):
        parts = [value.start, value.stop, value.step]
        return [kind.__name__, parts] if all(p is None or type(p) is int for p in parts) else None
    if kind in (decimal.Decimal, uuid.UUID):
        return [kind.__name__, str(value)]
    if kind is fractions.Fraction:
        return ["Fraction", "%d/%d" % (value.numerator, value.denominator)]
    if kind is datetime.timedelta:
        return ["timedelta", [value.days, value.seconds, value.microseconds]]
    if kind in (datetime.date, datetime.time, datetime.datetime):
        zone = getattr(value, "tzinfo", None)
        return [kind.__name__, value.isoformat()] if zone is None or type(zone) is datetime.timezone else None
    if kind is re.Pattern and isinstance(value.pattern, str):
        return ["Pattern", [value.pattern, value.flags]]
    if isinstance(value, pathlib.PurePath) and kind in (type(pathlib.Path()), type(pathlib.PurePath())):
        return [kind.__name__, str(value)]
    return None


_TYPE: Any = type
_DEFAULTDICT: Any = collections.defaultdict
_REBUILD: Dict[str, Callable[[Any], Any]] = {
    "complex": complex,
    "range": lambda parts: range(*parts),
    "slice": lambda parts: slice(*parts),
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
    "Fraction": fractions.Fraction,
    "Pattern": lambda parts: re.compile(*parts),
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "datetime": datetime.datetime.fromisoformat,
}


def rebuilt(kind: str, said: Any) -> Any:
    if kind in _REBUILD:
        return _REBUILD[kind](said)
    return pathlib.PurePath(said) if kind.startswith("Pure") else pathlib.Path(said)


def is_global(value: Any) -> bool:
    """A function that its module holds under its own name."""
    if not isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        return False
    found: Any = sys.modules.get(str(getattr(value, "__module__", None)))
    for part in str(value.__qualname__).split("."):
        found = getattr(found, part, None)
    return found is value


def is_partial(value: Any) -> bool:
    return type(value).__module__ in ("functools", "operator", "itertools") and callable(value)


def slots(kind: Any) -> List[str]:
    names: List[str] = []
    for base in kind.__mro__:
        own = base.__dict__.get("__slots__", ())
        for name in (own,) if isinstance(own, str) else tuple(own):
            private = name.startswith("__") and not name.endswith("__")
            names.append("_%s%s" % (base.__name__.lstrip("_"), name) if private else name)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def state(value: Any) -> List[Tuple[str, Any]]:
    made: Any = value
    found: List[Tuple[str, Any]] = list(getattr(value, "__dict__", {}).items())
    if isinstance(value, _DEFAULTDICT):
        found.append(("default_factory", value.default_factory))
    for name in slots(type(made)):
        try:
            found.append((name, object.__getattribute__(made, name)))
        except AttributeError:
            continue
    return found
