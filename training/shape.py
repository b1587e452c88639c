"""JSON or TOML values to frozen dataclasses, strictly: an unknown key, a missing one or a wrong kind is a sentence.

Used for recipes, which people write by hand, and for records, of which a disk may keep only a part. Understood are
str, bool, int, float, numbers with bounds (`Count` and the like), `X | None`, StrEnum, `tuple[X, ...]`,
`Mapping[str, X]` and dataclasses of these.
"""

from __future__ import annotations

import difflib
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar, cast

Shape = TypeVar("Shape")

_NAMES: dict[type, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Within:
    """In `Annotated`, behind a kind of number: what it may be. NaN is in no bounds."""

    least: float
    most: float = math.inf
    above: bool = False
    """`least` itself is too little."""

    def __str__(self) -> str:
        least = f"more than {self.least:g}" if self.above else f"at least {self.least:g}"
        return least if self.most == math.inf else f"{least} and at most {self.most:g}"

    def holds(self, number: float) -> bool:
        return (self.least < number if self.above else self.least <= number) and number <= self.most


Count: TypeAlias = Annotated[int, Within(1)]
Some: TypeAlias = Annotated[int, Within(0)]
"""A count of which none may be."""
Share: TypeAlias = Annotated[float, Within(0.0, 1.0)]
Heat: TypeAlias = Annotated[float, Within(0.0, 2.0)]
"""The temperature of sampling."""
Weight: TypeAlias = Annotated[float, Within(0.0)]
Size: TypeAlias = Annotated[float, Within(0.0, above=True)]
"""What would do nothing, or stop everything, at zero."""


class Misshapen(ValueError):
    """What is wrong, and where in the value, as the end of a sentence."""


def shaped(kind: type[Shape], raw: object) -> Shape:
    """`raw` as a `kind`, which is a dataclass; fields with defaults may be left out. Raises Misshapen."""
    if not isinstance(raw, Mapping):
        raise Misshapen(f"it is {_name_of(raw)}, not a table of keys and values")
    given = cast("Mapping[str, object]", raw)
    known = _fields(kind)
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.6)
            raise Misshapen(
                f"{key} is not a key; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")
            )
    missing = [name for name, (field, _) in known.items() if name not in given and not _has_default(field)]
    if missing:
        raise Misshapen(f"{missing[0]} is missing")
    return kind(**{key: _value(known[key][1], value, key) for key, value in given.items()})


@cache
def _fields(kind: type[Any]) -> dict[str, tuple[Field[Any], Any]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: (field, hints[field.name]) for field in fields(kind)}


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _value(hint: Any, raw: object, where: str) -> Any:  # noqa: ANN401 - a type hint may be anything
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        number = _value(arguments[0], raw, where)
        if not arguments[1].holds(number):
            raise Misshapen(f"{where} must be {arguments[1]}, not {number:g}")
        return number
    if origin in (types.UnionType, typing.Union):
        present = next(argument for argument in arguments if argument is not types.NoneType)
        return None if raw is None else _value(present, raw, where)
    if origin is tuple:
        items = _of_kind(raw, (list, tuple), "a list", where)
        return tuple(_value(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        pairs = _of_kind(raw, (dict,), "a table", where)
        return {key: _value(arguments[1], item, f"{where}.{key}") for key, item in pairs.items()}
    return raw if hint is Any else _plain(hint, raw, where)


def _plain(hint: type[Any], raw: object, where: str) -> Any:  # noqa: ANN401 - of the kind that `hint` names
    if is_dataclass(hint):
        try:
            return shaped(hint, raw)
        except Misshapen as wrong:
            raise Misshapen(f"in {where}, {wrong}") from None
    if issubclass(hint, StrEnum):
        if raw not in tuple(hint):
            raise Misshapen(f"{where} must be one of {', '.join(hint)}, not {raw!r}")
        return hint(cast(str, raw))
    if hint is float and type(raw) is int:
        return float(raw)
    if type(raw) is not hint:
        raise Misshapen(f"{where} must be {_NAMES.get(hint, hint.__name__)}, not {_name_of(raw)}")
    return raw


def _of_kind(raw: object, kinds: tuple[type, ...], wanted: str, where: str) -> Any:  # noqa: ANN401 - one of `kinds`
    if not isinstance(raw, kinds):
        raise Misshapen(f"{where} must be {wanted}, not {_name_of(raw)}")
    return raw


def _name_of(raw: object) -> str:
    """What a value is, for a sentence: short ones as they are written."""
    shown = repr(raw)
    return shown if len(shown) <= 40 else f"{_NAMES.get(type(raw), type(raw).__name__)}, {shown[:40]}…"
