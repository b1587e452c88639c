"""Workspaces whose tests the user agreed to run without a sandbox that holds (`darner trust`, `--trust`)."""

from __future__ import annotations

import time
from pathlib import Path

from . import state

_FILE = "trust.json"


def is_trusted(root: Path) -> bool:
    return state.workspace_key(root) in state.read(_FILE)


def remember(root: Path) -> None:
    """Remember the consent, with the path and time, so that a person can read the file."""
    entry = {"path": str(root.resolve()), "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    state.write(_FILE, {**state.read(_FILE), state.workspace_key(root): entry})


def forget(root: Path) -> None:
    """Withdraw the consent; nothing happens when there was none."""
    known = state.read(_FILE)
    if known.pop(state.workspace_key(root), None) is not None:
        state.write(_FILE, known)
