"""Seeds: documented functions that return a value and run on their own, from the standard library or a named folder.

The filters are those of SelfCodeAlign (arXiv 2410.24198, its stage 0) that need no model. Where it lets a type checker
look for names that do not exist, a seed here is closed by construction: it may use builtins, its own names, and imports
of its module, which are copied in front of it; a function that needs anything else of its module is dropped.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import random
import re
import symtable
import sysconfig
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import BadInput
from .job import sha256
from .stages import Context, RecordStage
from .store import Work
from .types import Dropped, Seed

LONGEST = 150
"""Lines of a function."""
_WORDS = re.compile(r"\b(todo|fixme|bug)\b", re.IGNORECASE)
_BANNED_IMPORTS = frozenset(
    ("argparse", "os", "subprocess", "sys", "setuptools", "distutils", "matplotlib", "seaborn"),
)
_NOT_SOURCE = frozenset(
    ("test", "tests", "idlelib", "lib2to3", "site-packages", "__pycache__", "node_modules", "build")
)
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [seeds]."""

    folder: str = ""
    """Where to mine, as the user's own repository; empty: the standard library of this Python."""
    licence: str = ""
    """SPDX name of the folder's licence; every seed records it."""
    files: int = 0
    """Most files, drawn at random; 0: all."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder of Python files, all under one licence."""

    root: Path
    licence: str


def standard_library() -> Corpus:
    return Corpus(Path(sysconfig.get_path("stdlib")), "PSF-2.0")


def folder(root: Path, licence: str) -> Corpus:
    """Raises BadInput for a path that is not a folder, or one without Python files."""
    if not root.is_dir():
        raise BadInput(f"{root} is not a folder; name one that holds Python files.")
    corpus = Corpus(root.resolve(), licence)
    if not files(corpus):
        raise BadInput(f"{root} holds no Python file outside tests and hidden folders; name another folder.")
    return corpus


def files(corpus: Corpus) -> tuple[Path, ...]:
    """Python files in a stable order, without tests, installed packages and hidden folders."""
    return tuple(sorted(p for p in corpus.root.rglob("*.py") if p.is_file() and _is_source(p.relative_to(corpus.root))))


def mine(corpus: Corpus, path: Path) -> Iterator[Seed | Dropped]:
    """The seeds of one file, and why its other functions are none."""
    origin = path.relative_to(corpus.root).as_posix()
    try:
        text = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError):
        yield Dropped("file cannot be parsed")
        return
    imports = dict(_imports(tree))
    lines = text.split("\n")  # as the parser counts them; str.splitlines would also split at form feeds
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            code = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            found = _seed(node, code, imports, origin, corpus.licence)
            yield found if isinstance(found, Seed) else Dropped(found)


def _is_source(path: Path) -> bool:
    return not any(part in _NOT_SOURCE or part.startswith((".", "test_")) for part in path.parts)


def _seed(
    node: ast.FunctionDef | ast.AsyncFunctionDef, code: str, imports: dict[str, str], origin: str, licence: str
) -> Seed | str:
    """The seed, or the reason why the function is none."""
    docstring = ast.get_docstring(node)
    if docstring is None:
        return "no docstring"
    if reason := _unfit(node, code):
        return reason
    needed = _free_names(code) - _BUILTINS - {node.name}
    if needed - set(imports):
        return "needs its module"
    lines = sorted({imports[name] for name in needed})
    if any(_imported_package(line) in _BANNED_IMPORTS for line in lines):
        return "banned import"
    examples = _examples(docstring)
    if examples < 0:
        return "malformed examples"
    whole = "\n".join([*lines, *(["", ""] if lines else []), code]) + "\n"
    return Seed(_identity(node, lines), node.name, whole, docstring, examples, origin, node.lineno, licence)


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


def _identity(node: ast.FunctionDef | ast.AsyncFunctionDef, imports: list[str]) -> str:
    """A hash of what the function does, whatever it is called and its docstring says."""
    bare = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(bare, ast.FunctionDef | ast.AsyncFunctionDef)
    bare.name, bare.body = "f", bare.body[1:]
    return sha256("\n".join([*imports, ast.dump(bare)]).encode())[:16]


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function's body, without those of functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own_nodes(child)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that the module's top level imports, with an import statement for it alone."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                written = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                yield alias.asname or alias.name.split(".")[0], written
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            for alias in node.names:
                written = f"from {node.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                yield alias.asname or alias.name, written


def _imported_package(line: str) -> str:
    return line.split()[1].split(".")[0]


def _free_names(code: str) -> set[str]:
    """Names that the function takes from its module."""
    free: set[str] = set()
    tables = [symtable.symtable(code, "<seed>", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        free |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        if table.get_type() == "module":  # annotations, defaults and decorators are evaluated here
            free |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and not s.is_assigned()}
    return free


def _examples(docstring: str) -> int:
    try:
        return len(doctest.DocTestParser().get_examples(docstring))
    except ValueError:
        return -1


def _corpus(settings: Settings) -> Corpus:
    if not settings.folder:
        return standard_library()
    if not settings.licence:
        raise BadInput('Every seed records its licence: set the folder\'s in [seeds], as licence = "MIT".')
    return folder(Path(settings.folder).expanduser(), settings.licence)


def _drawn(context: Context, settings: Settings) -> tuple[Path, ...]:
    found = files(_corpus(settings))
    if not settings.files or settings.files >= len(found):
        return found
    return tuple(sorted(random.Random(context.seed).sample(found, settings.files)))


def _outside(context: Context, settings: Settings) -> Mapping[str, str]:
    root = _corpus(settings).root
    listed = (f"{path.relative_to(root)} {sha256(path.read_bytes())}\n" for path in _drawn(context, settings))
    return {str(root): sha256("".join(listed).encode())}


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Path]) -> Generator[Work]:
    corpus = _corpus(settings)
    yield lambda path, index: mine(corpus, path)


STAGE = RecordStage("seeds", Settings, (), units=_drawn, opened=_opened, outside=_outside)
