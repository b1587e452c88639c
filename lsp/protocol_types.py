"""The protocol's types, imported in half the time.

attrs writes the methods of each class as text and compiles it: for more than five hundred classes, at every start.
What was compiled is kept as Python keeps modules: beside them, for this interpreter, while the text is the same.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import importlib.util
import marshal
import os
import sys
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import Any, cast

_TYPES = "lsprotocol.types"
_FORMAT = importlib.util.MAGIC_NUMBER + b"1"
_DIGEST = 32


class Compiled:
    """What attrs compiled, by the name that it gives each text."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = _read(file)
        self.new = 0
        """How many were not known, or for another text."""

    def compile(self, source: str, filename: str, mode: str, *more: Any) -> CodeType:  # noqa: ANN401 - as the builtin
        """In place of the builtin."""
        text = hashlib.sha256(source.encode()).digest()
        known = self._known.get(filename)
        if known is not None and known[0] == text and not more:
            return known[1]
        code = cast("CodeType", builtins.compile(source, filename, mode, *more))
        if not more:
            self._known[filename] = (text, code)
            self.new += 1
        return code

    def save(self) -> None:
        """For the next start. Where it may not be written, every start takes its time."""
        body = marshal.dumps(self._known)
        part = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            part.write_bytes(_FORMAT + hashlib.sha256(body).digest() + body)
            part.replace(self._file)


def import_types() -> None:
    """Before anything else imports them, and before there is a second thread that could."""
    spec = importlib.util.find_spec(_TYPES)
    assert spec is not None, _TYPES
    assert spec.origin is not None, _TYPES
    compiled = Compiled(Path(importlib.util.cache_from_source(spec.origin)).with_suffix(".attrs"))
    attrs = import_module("attr._make")
    setattr(attrs, "compile", compiled.compile)  # noqa: B010 - a name that shadows the builtin there, for a moment
    try:
        import_module(_TYPES)
    finally:
        delattr(attrs, "compile")
    if compiled.new and not sys.dont_write_bytecode:
        compiled.save()


def _read(file: Path) -> dict[str, tuple[bytes, CodeType]]:
    """Nothing, when it is not there, of another interpreter, or not whole."""
    try:
        data = file.read_bytes()
    except OSError:
        return {}
    head, body = data[: len(_FORMAT) + _DIGEST], data[len(_FORMAT) + _DIGEST :]
    return marshal.loads(body) if head == _FORMAT + hashlib.sha256(body).digest() else {}
