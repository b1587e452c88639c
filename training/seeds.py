"""Seeds: documented functions that return a value and run on their own, from code that may be learnt from.

The filters are those of SelfCodeAlign (arXiv 2410.24198, its stage 0) that need no model. Where it lets a type checker
look for names that do not exist, a seed here is closed by construction: what it needs of its module is copied in front
of it, and a function for which that is not possible is dropped.
"""

from __future__ import annotations

import ast
import doctest
import random
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from . import held_out, near
from .closure import Needed, Surroundings, imported_package
from .corpora import Corpus, folder, package, permitted, standard_library
from .job import sha256
from .shape import Share, Some
from .sift import Column, sift
from .stages import Context, RecordStage, plain
from .store import Row, Settle
from .types import Dropped, Seed

LONGEST = 150
"""Lines of a function."""
_WORDS = re.compile(r"\b(todo|fixme|bug)\b", re.IGNORECASE)
_BANNED_IMPORTS = frozenset(
    ("argparse", "os", "subprocess", "sys", "setuptools", "distutils", "matplotlib", "seaborn"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [seeds]."""

    folder: str = ""
    """Where to mine, as the user's own repository; empty: the packages, or else the standard library."""
    licence: str = ""
    """SPDX name of the folder's licence; every seed records it."""
    packages: tuple[str, ...] = ()
    """Installed packages to mine, by the names that pip knows; their licences are in their metadata."""
    library: bool = False
    """Mine the standard library beside the folder or the packages."""
    only: tuple[str, ...] = ()
    """Patterns that a file's path must match one of, as `statistics.py` or `json/*.py`; empty: all."""
    files: Some = 0
    """Most files, drawn at random; 0: all."""
    examples: bool = False
    """Only functions with interactive examples in their docstring."""
    most: Some = 0
    """Most seeds, drawn at random; 0: all."""
    similar: Share = 0.5
    """Jaccard similarity of 5-grams, names replaced, from which a function is a copy of another."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to be mined."""

    corpus: Corpus
    path: Path


def mine(corpus: Corpus, path: Path) -> Iterator[Seed | Dropped]:
    """The seeds of one file, and why its other functions are none."""
    if not permitted(corpus.licence):
        yield Dropped(f"licence is not permissive: {corpus.licence or 'none is named'}")
        return
    origin = corpus.origin(path)
    try:
        text = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError):
        yield Dropped("file cannot be parsed")
        return
    lines = text.split("\n")  # as the parser counts them; str.splitlines would also split at form feeds
    around = Surroundings(tree, lines)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            code = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            found = _seed(node, code, around, origin, corpus.licence)
            yield found if isinstance(found, Seed) else Dropped(found)


def _seed(
    node: ast.FunctionDef | ast.AsyncFunctionDef, code: str, around: Surroundings, origin: str, licence: str
) -> Seed | str:
    """The seed, or the reason why the function is none."""
    docstring = ast.get_docstring(node)
    if docstring is None:
        return "no docstring"
    if reason := _unfit(node, code):
        return reason
    needed = around.needed(code, node.name)
    if needed is None:
        return "needs its module"
    if any(imported_package(line) in _BANNED_IMPORTS for line in needed.imports):
        return "banned import"
    examples = _examples(docstring)
    if examples < 0:
        return "malformed examples"
    whole = _whole(code, needed)
    if whole.count("\n") > LONGEST:
        return "too long with what it needs"
    identity = _identity(node, [*needed.imports, *needed.definitions])
    return Seed(identity, node.name, whole, docstring, examples, origin, node.lineno, licence)


def alone(text: str, name: str) -> str:
    """The function of a module with what it needs, as a seed's code; empty where it is not there, or needs more."""
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError):
        return ""
    lines = text.split("\n")
    node = next((each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name), None)
    code = "\n".join(lines[node.lineno - 1 : node.end_lineno]) if node is not None else ""
    needed = Surroundings(tree, lines).needed(code, name) if code else None
    return _whole(code, needed) if needed is not None else ""


def _whole(code: str, needed: Needed) -> str:
    head = "\n".join(needed.imports)
    return "\n\n\n".join(part for part in (head, *needed.definitions, code) if part) + "\n"


def _unfit(node: ast.FunctionDef | ast.AsyncFunctionDef, code: str) -> str:
    arguments = node.args
    if isinstance(node, ast.AsyncFunctionDef):
        return "async"
    if node.decorator_list:
        return "decorated"
    if not any((arguments.posonlyargs, arguments.args, arguments.kwonlyargs, arguments.vararg, arguments.kwarg)):
        return "no argument"
    if code.count("\n") >= LONGEST:
        return "too long"
    if _WORDS.search(code):
        return "banned word"
    if not any(isinstance(inner, ast.Return) and inner.value is not None for inner in _own_nodes(node)):
        return "returns no value"
    return ""


def _identity(node: ast.FunctionDef | ast.AsyncFunctionDef, needed: list[str]) -> str:
    """A hash of what the function does, whatever it is called and its docstring says."""
    bare = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(bare, ast.FunctionDef | ast.AsyncFunctionDef)
    bare.name, bare.body = "f", bare.body[1:]
    return sha256("\n".join([*needed, ast.dump(bare)]).encode())[:16]


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function's body, without those of functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own_nodes(child)


def _examples(docstring: str) -> int:
    try:
        return len(doctest.DocTestParser().get_examples(docstring))
    except ValueError:
        return -1


def _corpora(settings: Settings) -> tuple[Corpus, ...]:
    named = [folder(Path(settings.folder).expanduser(), settings.licence)] if settings.folder else []
    named += [package(name) for name in settings.packages]
    return (*named, standard_library()) if settings.library or not named else tuple(named)


def _drawn(context: Context, settings: Settings) -> tuple[Found, ...]:
    found = [Found(corpus, path) for corpus in _corpora(settings) for path in corpus.files]
    if settings.only:
        found = [each for each in found if _matches(each.path.relative_to(each.corpus.root), settings.only)]
    if settings.files and settings.files < len(found):
        chosen = set(random.Random(context.seed).sample(range(len(found)), settings.files))
        found = [each for i, each in enumerate(found) if i in chosen]
    return tuple(found)


def _matches(path: Path, patterns: Sequence[str]) -> bool:
    return any(fnmatch(path.as_posix(), pattern) for pattern in patterns)


def _outside(context: Context, settings: Settings) -> Mapping[str, str]:
    """What was mined, and what was kept out, decide what was found; where they are does not."""
    listed = (
        f"{each.corpus.origin(each.path)} {sha256(each.path.read_bytes())}\n" for each in _drawn(context, settings)
    )
    return {"the mined files": sha256("".join(listed).encode()), **held_out.outside(context, settings)}


def _mined(context: Context, settings: Settings, found: Found, index: int) -> Iterator[Seed | Dropped]:
    for each in mine(found.corpus, found.path):
        unshown = isinstance(each, Seed) and settings.examples and not each.examples
        yield Dropped("no examples") if unshown else each


def _settled(context: Context, settings: Settings) -> Settle:
    kept_out = held_out.read(context.held_out)
    columns: tuple[Column, ...] = (
        lambda row: near.grams(near.words_of_code(row["code"].rpartition(f"def {row['name']}")[2])),
    )

    def settle(rows: Iterator[Row]) -> Iterator[object]:
        kept: list[Row] = []
        for found in sift(rows, kept_out, lambda row: (row["docstring"], row["code"]), columns, settings.similar):
            if isinstance(found, Dropped):
                yield found
            else:
                kept.append(found)
        if settings.most and settings.most < len(kept):
            yield Dropped("not drawn", len(kept) - settings.most)
            chosen = set(random.Random(context.seed).sample(range(len(kept)), settings.most))
            kept = [each for i, each in enumerate(kept) if i in chosen]
        yield from kept

    return settle


STAGE = RecordStage("seeds", Settings, (), units=_drawn, opened=plain(_mined), settle=_settled, outside=_outside)
