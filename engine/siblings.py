"""What the modules beside a file would define for it: imports that they make, functions and classes of their own."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from .errors import BadInput
from .operators_undefined import undefined_names
from .protected import is_protected
from .source import FunctionNode, Source

_MOST_FILES, _MOST_BYTES = 60, 400_000
_MOST_OFFERED = 4


def offered_beside(root: Path, source: Source) -> Mapping[str, Sequence[str]]:
    """Import statements by name, for the names that nothing in `source` defines. Reads the files of its folder then.

    A statement that another module makes comes before an import of what that module defines itself.
    """
    wanted = undefined_names(source)
    found: dict[str, dict[str, None]] = defaultdict(dict)
    own: dict[str, dict[str, None]] = defaultdict(dict)
    packaged = (root / source.path).with_name("__init__.py").exists()
    for path, tree in _beside(root, source.path) if wanted else ():
        for statement in tree.body:
            for name, line in _imported(statement):
                if name in wanted:
                    found[name][line] = None
            if packaged and isinstance(statement, FunctionNode | ast.ClassDef) and statement.name in wanted:
                own[statement.name][_import_of(path, statement.name)] = None
    return {name: [*found[name], *own[name]][:_MOST_OFFERED] for name in {*found, *own}}


def _beside(root: Path, path: str) -> Iterator[tuple[PurePosixPath, ast.Module]]:
    folder = PurePosixPath(path).parent
    for file in sorted((root / folder).glob("*.py"))[:_MOST_FILES]:
        name = folder / file.name
        if str(name) == path or is_protected(str(name)) or file.stat().st_size > _MOST_BYTES:
            continue
        try:
            yield name, Source.parse(str(name), file.read_bytes()).tree
        except (OSError, BadInput):
            continue


def _imported(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """Each name that an import defines, and the import of that alone."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield alias.asname or alias.name.split(".")[0], ast.unparse(ast.Import([alias]))
    if isinstance(statement, ast.ImportFrom) and statement.module != "__future__":
        for alias in statement.names:
            line = ast.unparse(ast.ImportFrom(statement.module, [alias], statement.level))
            yield alias.asname or alias.name, line


def _import_of(path: PurePosixPath, name: str) -> str:
    return f"from .{'' if path.stem == '__init__' else path.stem} import {name}"
