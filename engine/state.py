"""Small facts that Darner remembers between runs: JSON files under the user's state folder, replaced atomically."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from .errors import BadEnvironment


def workspace_key(root: Path) -> str:
    """A workspace's name in the state folder: SHA-256 of its resolved path."""
    return hashlib.sha256(os.fsencode(root.resolve())).hexdigest()


def read(name: str) -> dict[str, Any]:
    """The remembered object, or {} when there is none or it cannot be understood."""
    try:
        found: Any = json.loads((user_state_path("darner") / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def write(name: str, value: dict[str, Any]) -> None:
    """Replace the remembered object in one step. Raises BadEnvironment when the folder cannot be written."""
    path = user_state_path("darner") / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(value, file)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise BadEnvironment(
            f"{path} cannot be written ({error.strerror}); free space or set XDG_STATE_HOME."
        ) from error
