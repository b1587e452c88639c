"""What the exception of a failing test says is missing, and the functions that could supply it."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import islice
from pathlib import Path

from ..sandbox.sources import python_files
from .protected import is_protected
from .source import Function, Source

_MOST_FILES, _MOST_BYTES = 1_000, 400_000

_ATTRIBUTE = re.compile(r"'(?P<owner>\w+)' object has no attribute '(?P<name>\w+)'")
_NAME = re.compile(r"(?P<owner>)name '(?P<name>\w+)' is not defined")
_PARAMETER = re.compile(r"(?P<owner>[\w.<>]+)\(\) got an unexpected keyword argument '(?P<name>\w+)'")


class Missing(Enum):
    ATTRIBUTE = "attribute"
    PARAMETER = "parameter"
    NAME = "name"


_NOT_OURS = frozenset({*vars(builtins), "NoneType", "function", "method", "module"})
"""Nobody adds an attribute to these."""
_FORMS = {
    "AttributeError": (Missing.ATTRIBUTE, _ATTRIBUTE),
    "TypeError": (Missing.PARAMETER, _PARAMETER),
    "NameError": (Missing.NAME, _NAME),
}


@dataclass(frozen=True, slots=True)
class Lacking:
    """`owner`, a class or a function by the name that Python gives it, lacks what is called `name`; a file a name."""

    what: Missing
    owner: str
    name: str


def lacking(exception: str, message: str) -> Lacking | None:
    what, form = _FORMS.get(exception, (Missing.NAME, None))
    found = form.search(message) if form is not None else None
    if found is None or (what is Missing.ATTRIBUTE and found["owner"] in _NOT_OURS):
        return None
    return Lacking(what, found["owner"], found["name"])


@lru_cache(256)
def suppliers(lack: Lacking | None, source: Source) -> tuple[Function, ...]:
    """Where it could be supplied: where objects of the class are made, or the function itself."""
    if lack is None or lack.what is Missing.NAME:
        return ()
    if lack.what is Missing.PARAMETER:
        return tuple(f for f in source.functions() if f".{f.qualname}".endswith(f".{lack.owner}"))
    wanted = {f"{name}.__init__" for name in _family(lack.owner, source.tree)}
    return tuple(f for f in source.functions() if f.qualname in wanted)


def defined_in(lack: Lacking, root: Path) -> tuple[str, ...]:
    """Files of the project that define the owner: a function that could not be called left no other trace."""
    if lack.what is Missing.NAME:
        return ()
    *_, holder, last = ["", *lack.owner.split(".")]
    name = holder if last == "__init__" else last
    if not name:  # Python 3.9 does not say of which class
        return ()
    wanted = rb"\b(?:def|class)\s+%s\b" % name.encode()
    files = islice((path for path in python_files(root) if not is_protected(path)), _MOST_FILES)
    return tuple(path for path in files if re.search(wanted, _read(root / path)))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.stat().st_size <= _MOST_BYTES else b""
    except OSError:
        return b""


def _family(name: str, tree: ast.Module) -> Iterator[str]:
    """The class, and those of the file that it is made from."""
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    waiting, seen = [name], set[str]()
    while waiting:
        current = waiting.pop()
        if current in classes and current not in seen:
            seen.add(current)
            yield current
            waiting += [base.id for base in classes[current].bases if isinstance(base, ast.Name)]
