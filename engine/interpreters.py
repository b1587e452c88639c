"""What interpreters said of themselves, remembered as long as nothing that they said it of has changed.

Asking one takes as long as importing pytest. Only an interpreter that stands where it says it stands is remembered: a
shim (pyenv, asdf) may mean another one tomorrow.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from . import state
from .errors import BadEnvironment

_FILE = "interpreters.json"
_MOST = 24
_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONNOUSERSITE")


def recall(path: str) -> tuple[str, str, str] | None:
    """pytest's version, Python's and the executable, as `path` last said them; None when that may be outdated."""
    kept: Any = state.read(_FILE).get(path)
    try:
        said, pytest_file = kept["said"], kept["pytest"]
        if [str(text) for text in said] == said and kept["stamp"] == _stamp(path, pytest_file):
            version, python, executable = said
            return version, python, executable
    except (OSError, KeyError, TypeError, ValueError):
        pass  # never asked, or written by somebody else: it is asked again
    return None


def remember(path: str, said: tuple[str, str, str], pytest_file: str) -> None:
    """What it said just now. A state folder that cannot be written is no trouble here."""
    if os.path.realpath(path) != os.path.realpath(said[2]):
        return
    with contextlib.suppress(OSError, BadEnvironment):
        entry: dict[str, Any] = {"said": list(said), "pytest": pytest_file, "stamp": _stamp(path, pytest_file)}
        others = {key: value for key, value in state.read(_FILE).items() if key != path}
        state.write(_FILE, dict([*others.items(), (path, entry)][-_MOST:]))


def _stamp(path: str, pytest_file: str) -> list[object]:
    """The executable, its environment's settings, pytest and the folder it is installed in. Raises OSError."""
    package = Path(pytest_file).parent
    looked_at = [path, os.path.realpath(path), pytest_file, str(package.parent)]
    settings = Path(path).parent.parent / "pyvenv.cfg"
    looked_at += [str(settings)] if settings.exists() else []
    stamps: list[object] = []
    for place in looked_at:
        seen = os.stat(place)
        stamps.append([place, seen.st_ino, seen.st_mtime_ns, seen.st_size])
    return [*stamps, [os.environ.get(name, "") for name in _VARIABLES]]
