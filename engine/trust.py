"""Workspaces whose tests the user agreed to run without a sandbox that holds (`darner trust`, `--trust`)."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import cast

from . import state

_FILE = "trust.json"


def is_trusted(root: Path) -> bool:
    return state.workspace_key(root) in state.read(_FILE)


def remember(root: Path) -> None:
    """Remember the consent, with the path and time, so that a person can read the file.

    Consents to folders that are gone are dropped: what takes their place is not what was agreed to.
    """
    known, key = state.read(_FILE), state.workspace_key(root)
    if key in known:
        return
    entry = {"path": str(root.resolve()), "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    state.write(_FILE, {**{each: value for each, value in known.items() if _stands(value)}, key: entry})


def _stands(entry: object) -> bool:
    """Its folder is there; what is no entry (somebody edited the file) is dropped like one that is gone."""
    path = cast(dict[str, object], entry).get("path") if isinstance(entry, dict) else None
    return isinstance(path, str) and os.path.isdir(path)


def forget(root: Path) -> None:
    """Withdraw the consent; nothing happens when there was none."""
    known = state.read(_FILE)
    if known.pop(state.workspace_key(root), None) is not None:
        state.write(_FILE, known)
