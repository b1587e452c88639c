"""The tests of a project as its files name them: read, not imported, so that it needs no trust and costs milliseconds.

pytest's own collection knows more (parameters, custom names); what a run reports replaces what was read here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from .convert import Text
from .places import levels, test_path
from .snapshot import Board, Snapshot

TEST = re.compile(r"(\s*)(?:async\s+)?def\s+(test\w*)\s*\(")
_CLASS = re.compile(r"(\s*)class\s+(\w+)")
_SKIPPED = frozenset({"__pycache__", "node_modules", "build", "dist"})


def tests_of(snapshot: Snapshot, board: Board, collected: Sequence[str] | None) -> dict[str, object]:
    """The params of `darner/testTree`; `line` counts from 0, `parents` are file and classes, outermost first.

    `collected` are pytest's own node ids, if it may run here.
    """
    read = {nodeid: line for path in _test_files(board.root) for line, nodeid in _read(snapshot, board, path).items()}
    nodeids = sorted(read, key=lambda nodeid: (test_path(nodeid), read[nodeid])) if collected is None else collected
    return {
        "root": str(board.root),
        "complete": collected is not None,
        "tests": [
            _row(nodeid, snapshot.uri(board, test_path(nodeid)), read.get(_unparametrized(nodeid), 0))
            for nodeid in nodeids
        ],
    }


def _read(snapshot: Snapshot, board: Board, path: str) -> dict[int, str]:
    return tests_in(snapshot.text(board, path), path)


def _row(nodeid: str, uri: str, line: int) -> dict[str, object]:
    *parents, name = levels(nodeid)
    return {"id": nodeid, "uri": uri, "line": line, "name": name, "parents": parents}


def _unparametrized(nodeid: str) -> str:
    *parents, name = levels(nodeid)
    return "::".join([*parents, name.partition("[")[0]])


def tests_in(text: Text, path: str) -> dict[int, str]:
    """Node ids by line, from 0: pytest's default names, in classes by indentation."""
    if not _is_test_file(PurePosixPath(path).name) or text.huge:
        return {}
    found: dict[int, str] = {}
    classes: list[tuple[int, str]] = []
    for line, content in enumerate(text.lines):
        if not (match := TEST.match(content) or _CLASS.match(content)):
            continue
        indent = len(match[1])
        classes = [known for known in classes if known[0] < indent]
        if match.re is _CLASS:
            classes.append((indent, match[2]))
        elif len(classes) > 0 or indent == 0:
            found[line] = "::".join([path, *(name for _, name in classes), match[2]])
    return found


def _test_files(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if not _skipped(os.path.join(folder, n), n))
        for name in sorted(files):
            if _is_test_file(name):
                yield (Path(folder) / name).relative_to(root).as_posix()


def _is_test_file(name: str) -> bool:
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _skipped(path: str, name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED or os.path.exists(os.path.join(path, "pyvenv.cfg"))
