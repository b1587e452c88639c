"""Where the copy cannot stand at the project's own path: what leads to the project by that path leads to the copy.

An editable install names the project's folders absolutely: in a line of a `.pth` file, which is then in `sys.path`, or
in the table of a finder (setuptools' `MAPPING` and `NAMESPACES`, the `editables` package's `_redirections`). Left
alone, the tests would import the user's files, and no candidate would ever be tried.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Iterator, List, cast


def lead_here(project: str, here: str) -> None:
    """Redirect this interpreter's import path from `project` to `here`, as far as the copy has the same thing."""
    if project == here:
        return
    sys.path[:] = [_moved(path, project, here) for path in sys.path]
    for table in _tables():
        for name, path in list(table.items()):
            if isinstance(path, str):
                table[name] = _moved(path, project, here)
            elif isinstance(path, list):
                table[name] = [_moved(str(one), project, here) for one in cast(List[Any], path)]


def _tables() -> Iterator[Any]:
    """By module name, the path or paths that each editable install's finder would take it from."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            yield from (table for table in (vars(module).get(one) for one in ("MAPPING", "NAMESPACES")) if table)
    for finder in sys.meta_path:
        found = getattr(finder, "_redirections", None)
        if isinstance(found, dict):
            yield found


def _moved(path: str, project: str, here: str) -> str:
    """Below the copy; as it was where that has no such folder, as for an environment inside the project."""
    real = os.path.realpath(path)
    if real != project and not real.startswith(project + os.sep):
        return path
    moved = here + real[len(project) :]
    return moved if os.path.isdir(moved) or _is_module(moved) else path


def _is_module(path: str) -> bool:
    """setuptools writes modules without their ending."""
    return os.path.isfile(path) or os.path.isfile(path + ".py")
