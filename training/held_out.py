"""What must not be learnt because it measures: benchmark tasks, looked for in everything that becomes training data.

A record is contaminated when its prose shares ten words in a row with a task's, or when most of a task's code, names
replaced, stands in it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..engine.errors import BadInput
from .job import sha256
from .near import grams, words_of_code, words_of_text
from .stages import Context

_GRAM = 10
_SHARE = 0.6
"""Of a task's code 10-grams, so many in the record make it a copy."""
_BODIES = ("canonical_solution", "buggy_solution")
"""What HumanEval and its kin give without the head, which is in the prompt."""
_LEAST_WORDS = 6
_LEAST = 8
"""Code of fewer 10-grams is too common to be anybody's: `return a + b`."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """An index of the tasks that are kept out."""

    prose: Mapping[int, str]
    """Task by 10-gram of words."""
    code: Mapping[int, tuple[int, ...]]
    """Pieces of code by 10-gram."""
    pieces: tuple[tuple[str, int], ...]
    """Task and number of 10-grams of each piece."""

    def found_in(self, text: str, *codes: str) -> str:
        """The task that a record is a near-copy of, or nothing."""
        for gram in _prose_grams(text):
            if gram in self.prose:
                return self.prose[gram]
        return next((task for code in codes if (task := self._copied(code))), "")

    def _copied(self, code: str) -> str:
        counts: dict[int, int] = {}
        for gram in frozenset[int]().union(*map(_code_grams, _functions(_parsed(code)))):
            for piece in self.code.get(gram, ()):
                counts[piece] = counts.get(piece, 0) + 1
        for piece, count in counts.items():
            task, size = self.pieces[piece]
            if count >= _SHARE * size:
                return task
        return ""


def read(paths: Sequence[str]) -> HeldOut:
    """Benchmarks as JSON lines: every text of a task counts, as code where it parses. Raises BadInput."""
    prose: dict[int, str] = {}
    code: dict[int, list[int]] = {}
    pieces: list[tuple[str, int]] = []
    for task, text in (pair for path in paths for pair in _texts(Path(path).expanduser())):
        tree = _parsed(text)
        for said in _prose(text, tree):
            prose |= dict.fromkeys(_prose_grams(said), task)
        for function in _functions(tree):
            found = _code_grams(function)
            if len(found) >= _LEAST:
                for gram in found:
                    code.setdefault(gram, []).append(len(pieces))
                pieces.append((task, len(found)))
    return HeldOut(prose, {gram: tuple(each) for gram, each in code.items()}, tuple(pieces))


def count(path: str) -> int:
    """Tasks in a file. Raises BadInput."""
    return len(dict(_texts(Path(path).expanduser())))


def outside(context: Context, settings: object) -> dict[str, str]:
    """SHA-256 by path, for a stage that sifts: what was kept out decides what was kept. Raises BadInput."""
    return {f"held out {path}": sha256(_bytes(Path(path).expanduser())) for path in context.held_out}


def _prose_grams(text: str) -> frozenset[int]:
    """Of ten words of which at least six are words: rows of numbers are everywhere."""
    words = words_of_text(text)
    pieces = (words[i : i + _GRAM] for i in range(len(words) - _GRAM + 1))
    telling = (piece for piece in pieces if sum(word.isalpha() and len(word) > 1 for word in piece) >= _LEAST_WORDS)
    return frozenset(gram for piece in telling for gram in grams(piece, _GRAM))


def _code_grams(code: str) -> frozenset[int]:
    return grams(words_of_code(code), _GRAM)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}); name benchmarks as JSON lines in held_out."
        ) from None


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Name of the task and each of its texts."""
    for number, line in enumerate(_bytes(path).decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{path}:{number}: this line is not JSON ({error}); held_out names JSON lines.") from None
        if not isinstance(row, dict):
            raise BadInput(f"{path}:{number}: this line is not a task; held_out names JSON lines of tasks.")
        fields = cast("dict[str, object]", row)
        name = str(fields.get("id") or fields.get("task_id") or f"{path.name}:{number}")
        texts = [
            value for value in fields.values() if isinstance(value, str) and " " in value
        ]  # else packed, or a name
        heads = [str(fields["prompt"]).rstrip()] if "prompt" in fields else []
        whole = [f"{head}\n{fields[key]}" for head in heads for key in _BODIES if key in fields]
        yield from ((name, text) for text in (*texts, *whole))


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _prose(text: str, tree: ast.Module | None) -> Iterator[str]:
    """Docstrings of code; the whole of a text that is no code."""
    if tree is None:
        yield text
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            yield ast.get_docstring(node) or ""


def _functions(tree: ast.Module | None) -> Iterator[str]:
    """Functions without their docstrings, which say nothing of how they do it."""
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("test"):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            yield ast.unparse(node)
