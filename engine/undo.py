"""Applied patches, remembered per workspace, so that `darner undo` can put the bytes back."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import patch as patches
from . import state
from .errors import BadInput
from .types import FileChange, Patch

_KEPT = 50
"""Applied patches remembered per workspace; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Applied:
    patch: Patch
    title: str
    when: str
    """UTC, ISO 8601."""


def apply(root: Path, patch: Patch, title: str) -> None:
    """Write a verified patch and put it on top of the workspace's pile.

    Remembered first: a patch on disk that cannot be undone is worse than a memory of one that was never written.
    Raises what `patch.apply` raises; nothing is remembered then.
    """
    entry = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "title": title,
        "files": [_encode(change) for change in patch.files],
        "made": [change.path for change in patch.files if not (root / change.path).exists()],
    }
    pile = _pile(root)
    _remember(root, [*pile, entry][-_KEPT:])
    try:
        patches.apply(root, patch)
    except BaseException:
        _remember(root, pile)
        raise


def undo(root: Path) -> Applied:
    """Restore the bytes from before the last applied patch, remove the files that it made, and forget it.

    Raises BadInput when nothing was applied here, or when a file no longer holds what Darner wrote.
    """
    pile = _pile(root)
    if not pile:
        raise BadInput(f"Nothing to undo in {root}: Darner has applied no patch here.")
    last = pile[-1]
    applied = Applied(Patch(tuple(_decode(file) for file in last["files"])), last["title"], last["when"])
    for change in applied.patch.files:
        if _bytes(root / change.path) != change.after:
            raise BadInput(f"{change.path} has changed since Darner's patch of {applied.when}; nothing was undone.")
    patches.apply(root, patches.invert(applied.patch), last.get("made", ()))
    _remember(root, pile[:-1])
    return applied


def _file(root: Path) -> str:
    return f"undo/{state.workspace_key(root)}.json"


def _pile(root: Path) -> list[dict[str, Any]]:
    return list(state.read(_file(root)).get("applied", []))


def _remember(root: Path, pile: list[dict[str, Any]]) -> None:
    state.write(_file(root), {"root": str(root), "applied": pile})


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _encode(change: FileChange) -> dict[str, str]:
    before, after = (base64.b64encode(data).decode("ascii") for data in (change.before, change.after))
    return {"path": change.path, "before": before, "after": after}


def _decode(file: dict[str, str]) -> FileChange:
    return FileChange(file["path"], base64.b64decode(file["before"]), base64.b64decode(file["after"]))
