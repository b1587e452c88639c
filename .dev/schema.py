"""JSON Schemas of what the commands print, from engine/answers.py; the strings there become descriptions."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from darner.engine import answers

COMMANDS = {
    "darner fix": answers.Fix,
    "darner explain": answers.Explain,
    "darner write": answers.Write,
    "darner test": answers.Test,
    "darner doctor": answers.Doctor,
    "darner model list": answers.ModelList,
    "darner model pull": answers.ModelPull,
    "darner model verify": answers.ModelVerify,
    "darner model where": answers.ModelWhere,
    "darner trace list": answers.TraceList,
    "darner trace show": answers.TraceShow,
    "darner trace replay": answers.TraceReplay,
}
"""Each command with `--json`, and what it prints. Any of them may print `Failed` instead."""
FAILED = answers.Failed
_PLAIN: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def schema_of(answer: type) -> dict[str, Any]:
    """A whole schema: the answer, or the one of a command that ended early."""
    parts = {
        part.__name__: _object(part) for part in sorted(reached(answer) | reached(FAILED), key=lambda p: p.__name__)
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "anyOf": [_reference(answer), _reference(FAILED)],
        "$defs": parts,
    }


def reached(answer: type) -> set[type]:
    """The answer and every object within it."""
    found, waiting = {answer}, [answer]
    while waiting:
        for hint in get_type_hints(waiting.pop()).values():
            new = set(_objects(hint)) - found
            found |= new
            waiting += new
    return found


def described(part: type) -> dict[str, str]:
    """What stands in a string below each key."""
    body = cast(ast.ClassDef, ast.parse(inspect.getsource(part)).body[0]).body
    found: dict[str, str] = {}
    for line, below in zip(body, [*body[1:], ast.Pass()], strict=True):
        match line, below:
            case ast.AnnAssign(target=ast.Name(id=key)), ast.Expr(value=ast.Constant(value=str(text))):
                found[key] = text
            case _:
                pass
    return found


def in_words(hint: object) -> str:
    """A type as the tables show it."""
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return " or ".join(f'`"{member}"`' for member in hint)
    if get_origin(hint) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(in_words(each) for each in get_args(hint))
    if get_origin(hint) is list:
        return f"list of {in_words(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return f"object of {in_words(get_args(hint)[1])}"
    if is_typeddict(hint):
        name = cast(type, hint).__name__
        return f"[{name}](#{name.lower()})"
    return "anything" if hint is object else _PLAIN[hint]


def _object(part: type) -> dict[str, Any]:
    told = described(part)
    shown = {key: _shape(hint) for key, hint in get_type_hints(part).items()}
    return {
        "type": "object",
        "properties": {
            k: {**s, "description": told[k]} if k in told and "$ref" not in s else s for k, s in shown.items()
        },
        "required": list(shown),
    }


def _shape(hint: object) -> dict[str, Any]:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [str(member) for member in hint]}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) in (Union, types.UnionType):
        return {"anyOf": [_shape(each) for each in get_args(hint)]}
    if get_origin(hint) is list:
        return {"type": "array", "items": _shape(get_args(hint)[0])}
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": _shape(get_args(hint)[1])}
    if is_typeddict(hint):
        return _reference(cast(type, hint))
    return {} if hint is object else {"type": _PLAIN[hint]}


def _reference(part: type) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{part.__name__}"}


def _objects(hint: object) -> Iterator[type]:
    if is_typeddict(hint):
        yield cast(type, hint)
    for inner in get_args(hint):
        yield from _objects(inner)
