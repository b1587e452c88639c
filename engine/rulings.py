"""What the user said of calls, kept for each project, and whether a candidate obeys it.

An answer is a piece of the specification that no test holds: it is kept until `darner forget`, and a candidate that
passes every test and contradicts it is as wrong as one that fails. A JSON file in the user's state folder (state.py).
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from ..sandbox.session import Session
from ..sandbox.types import CallResult
from . import state
from .behaviour import Inputs, outputs, shown
from .literals import RAISES, agrees
from .source import Source
from .stop import Stop
from .types import Candidate, Ruling

Keeper = Callable[[Path, Ruling], None]
_MOST = 500
"""Kept for one project; the oldest go first."""


def recall(root: Path) -> tuple[Ruling, ...]:
    """What was said of this project's calls, the oldest first; what cannot be understood is left out."""
    found: list[Ruling] = []
    rows: Any = state.read(_file(root)).get("rulings")
    for row in cast("list[Any]", rows) if isinstance(rows, list) else ():
        with contextlib.suppress(TypeError, KeyError):
            found.append(_decoded(row))
    return tuple(found)


def remember(root: Path, ruling: Ruling) -> None:
    """Raises BadEnvironment when the state folder cannot be written."""
    _write(root, with_ruling(recall(root), ruling))


def retract(root: Path, ruling: Ruling) -> None:
    """Nothing was said of this call. Raises as `remember`."""
    kept = tuple(old for old in recall(root) if (old.path, old.call) != (ruling.path, ruling.call))
    _write(root, kept)


def forget(root: Path) -> bool:
    """Take back everything that was said; True when there was something."""
    there = bool(recall(root))
    if there:
        _write(root, ())
    return there


def with_ruling(known: Sequence[Ruling], new: Ruling) -> tuple[Ruling, ...]:
    """The latest word on a call counts; what was set aside before stays so until the call's outcome is said."""
    old = next((one for one in known if (one.path, one.call) == (new.path, new.call)), None)
    if old is not None and not new.right:
        right = "" if any(agrees(wrong, old.right) for wrong in new.wrong) else old.right
        new = replace(new, right=right, wrong=tuple(dict.fromkeys((*old.wrong, *new.wrong))))
    return (*(one for one in known if one is not old), new)[-_MOST:]


def about(rulings: Iterable[Ruling], sources: Mapping[str, Source]) -> tuple[Ruling, ...]:
    """Those whose function still stands in one of these files: of what is gone or renamed, nothing can be asked."""
    return tuple(one for one in rulings if one.path in sources and _called(one.call) in _defined(sources[one.path]))


def obeys(session: Session, candidate: Candidate, rulings: Sequence[Ruling], nodeid: str, stop: Stop) -> bool:
    """The candidate was run on every call, and gave what the user said."""
    paths = dict.fromkeys(one.path for one in rulings)
    calls = {path: tuple(one.call for one in rulings if one.path == path) for path in paths}
    given = {
        path: outputs(session, candidate, [Inputs(path, texts, ())], nodeid, stop) for path, texts in calls.items()
    }
    return all(allows(one, given[one.path].get(one.call)) for one in rulings)


def allows(ruling: Ruling, given: CallResult | None) -> bool:
    """A call that said nothing shows no right outcome, and no wrong one either."""
    if given is None:
        return not ruling.right
    came = shown(given)
    if ruling.right and not agrees(ruling.right, came):
        return False
    return not any(came == wrong or (not came.startswith(RAISES) and agrees(wrong, came)) for wrong in ruling.wrong)


def _file(root: Path) -> str:
    return f"answers/{state.workspace_key(root)}.json"


def _write(root: Path, rulings: Sequence[Ruling]) -> None:
    state.write(_file(root), {"root": str(root), "rulings": [asdict(one) for one in rulings]})


def _decoded(row: Mapping[str, Any]) -> Ruling:
    return Ruling(str(row["path"]), str(row["call"]), str(row["right"]), tuple(str(each) for each in row["wrong"]))


def _called(call: str) -> str:
    """The first name of what is called: `f`, and `Cart` in `Cart(...).total()`; empty for what is no call of a name."""
    try:
        node: ast.expr = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return ""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.BoolOp):  # an object that was built anew (sandbox/child_written.py)
            node = next((n.value for n in ast.walk(node) if isinstance(n, ast.NamedExpr)), ast.Name(""))
        else:
            return ""
    return node.id


def _defined(source: Source) -> frozenset[str]:
    every = ast.walk(source.tree)
    return frozenset(n.name for n in every if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
