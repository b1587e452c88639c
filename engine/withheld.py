"""What the sandbox keeps from a test that the user's own shell would give it: then no edit of the code is a repair."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..sandbox.places import environment as environment_inside
from ..sandbox.sources import is_secret
from ..sandbox.types import Failure
from .dataflow import Statement, own_parts, statements
from .services import unreached
from .slicing import Slice
from .source import Source

_OFTEN = "It may well pass outside, so no repair was sought."


def withheld(root: Path, failure: Failure | None, variables: Mapping[str, str] | None = None) -> str:
    """One sentence when the failure comes from the confinement itself; empty when nothing says so.

    variables: environment variables that what failed was made of, and where each is read (`variables_read`).
    """
    if failure is None:
        return ""
    names = re.findall(r"'([^']+)'", failure.message)
    name = names[-1] if names else ""
    source = failure.frames[-1].source if failure.frames else ""
    if failure.exception == "KeyError" and "environ" in source and name in os.environ:
        return f"The test needs your environment variable {name}, which the sandbox does not pass on. {_OFTEN}"
    if failure.exception == "FileNotFoundError" and is_secret(Path(name).name) and _is_there(root, name):
        return f"The test needs {name}, which the sandbox keeps away because such files hold secrets. {_OFTEN}"
    if failure.exception == "FileNotFoundError" and Path(name).is_absolute() and Path(name).exists():
        return f"The test needs {name}, which the sandbox does not show. {_OFTEN}"
    if service := unreached(failure):
        return f"The test needs {service}, which the sandbox does not reach. {_OFTEN}"
    inside = environment_inside({})
    for variable, place in (variables or {}).items():
        if variable in os.environ and inside.get(variable) != os.environ[variable]:
            read = f"your environment variable {variable} (read at {place})"
            return f"What failed depends on {read}, which the sandbox does not pass on. {_OFTEN}"
    return ""


def variables_read(found: Slice, known: Mapping[str, Source]) -> dict[str, str]:
    """Environment variables read by the statements of a slice, or by module-level ones whose names those use."""
    tables = {path: statements(source) for path, source in known.items()}
    used = [s for path, line in found.distances if (s := tables.get(path, {}).get(line)) is not None]
    names = {name.lstrip(".") for statement in used for name in statement.reads}
    every = [(path, tables[path][line]) for path, line in found.distances if line in tables.get(path, {})]
    for path, source in known.items():
        top = (
            tables[path].get(node.lineno) for node in source.tree.body if isinstance(node, ast.Assign | ast.AnnAssign)
        )
        every += [(path, statement) for statement in top if statement is not None and statement.writes & names]
    return {name: f"{path}:{statement.line}" for path, statement in every for name in _variables(statement)}


def _variables(statement: Statement) -> Iterator[str]:
    for part in own_parts(statement.node):
        for node in ast.walk(part):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith(("getenv", "environ.get")):
                yield from _text(node.args[:1])
            elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
                yield from _text([node.slice])


def _text(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_there(root: Path, name: str) -> bool:
    """A relative path, or the name anywhere on the way that the copy stands for."""
    return (root / name).exists() or (root / Path(name).name).exists()
