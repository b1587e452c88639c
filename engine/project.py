"""A project on disk and the interpreter that runs its tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..sandbox.types import Preference
from . import interpreters
from .errors import BadEnvironment, BadInput

_MARKS = ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "setup.py", ".git")
_PYTEST_PROBE = (
    "import pytest, sys; "
    "print(pytest.__version__, '%d.%d.%d' % sys.version_info[:3], sys.executable, pytest.__file__, sep='\\n')"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The user's Python: its tests run there, never in Darner's own environment."""

    path: Path
    version: str
    pytest: str


@dataclass(frozen=True, slots=True)
class Project:
    root: Path
    """Absolute, symlinks resolved."""
    interpreter: Interpreter
    sandbox: Preference = Preference.AUTO
    """Where its tests and candidates are to run."""


def find_root(start: Path) -> Path:
    """Where pytest would find its settings at or above `start`, else the nearest folder with a project's mark.

    Where nothing configures pytest, folders above that hold a conftest.py belong to it: their fixtures are needed.
    Where something does, pytest reads no conftest.py above that.
    """
    folder = start.resolve()
    if not folder.is_dir():
        raise BadInput(f"{start} is not a folder; pass the project's folder with --root.")
    above = (folder, *folder.parents)
    configured = next((parent for parent in above if _configures_pytest(parent)), None)
    if configured is not None:
        return configured
    marked = (parent for parent in above if any((parent / mark).exists() for mark in _MARKS))
    root = next(marked, folder)
    while (root.parent / "conftest.py").exists():
        root = root.parent
    return root


def _configures_pytest(folder: Path) -> bool:
    """As pytest looks for its own settings: an ini file of its own, or its section in another's."""
    sections = {"pyproject.toml": "[tool.pytest", "tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]"}
    if any((folder / name).exists() for name in ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")):
        return True
    return any(text in _read(folder / name) for name, text in sections.items())


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def open_project(start: Path, python: str | None = None, sandbox: str | None = None) -> Project:
    """Find the root and an interpreter that has pytest.

    Raises BadInput for a missing folder and for a `sandbox` that there is not, BadEnvironment when no interpreter with
    pytest is found.
    """
    root = find_root(start)
    return Project(root, find_interpreter(root, python), preferred(sandbox))


def preferred(sandbox: str | None) -> Preference:
    """The sandbox that is asked for; by the environment (DARNER_SANDBOX) where nothing else asks. Raises BadInput."""
    given = sandbox if sandbox != Preference.AUTO else None
    asked, where = (given, "--sandbox") if given else (os.environ.get(_ASKED, ""), _ASKED)
    if asked and asked not in tuple(Preference):
        raise BadInput(f"{where} {asked!r} is not a sandbox; use one of {', '.join(Preference)}.")
    return Preference(asked or Preference.AUTO)


_ASKED = "DARNER_SANDBOX"
_ASK_S = 30


def find_interpreter(root: Path, python: str | None = None) -> Interpreter:
    """The named interpreter, else the project's own environment, else the active one, else PATH."""
    if python is not None:
        return _require(python)
    seen: list[str] = []
    for path in _interpreters(root):
        if (found := _probe(path)) is not None:
            return found
        seen.append(path)
    where = ", ".join(seen) or "no Python on PATH"
    raise BadEnvironment(f"pytest is not installed for {where}; run `python -m pip install pytest` or pass --python.")


def _require(python: str) -> Interpreter:
    path = shutil.which(python)
    if path is None:
        raise BadEnvironment(f"The interpreter {python} does not exist or cannot be run; pass another with --python.")
    if (found := _probe(path)) is None:
        raise BadEnvironment(f"pytest is not installed for {path}; run `{path} -m pip install pytest`.")
    return found


def _interpreters(root: Path) -> Iterator[str]:
    inside = (root / ".venv", root / "venv", *sorted(file.parent for file in root.glob("*/pyvenv.cfg")))
    yield from (str(p) for folder in dict.fromkeys(inside) if os.access(p := folder / "bin" / "python", os.X_OK))
    if (active := os.environ.get("VIRTUAL_ENV")) and os.access(p := Path(active) / "bin" / "python", os.X_OK):
        yield str(p)
    found = (shutil.which(name) for name in ("python", "python3"))
    yield from dict.fromkeys(path for path in found if path is not None)
    import sys  # the last resort: the environment that Darner itself runs in

    yield sys.executable


def _probe(path: str) -> Interpreter | None:
    """The interpreter's own word, asked now or remembered (interpreters.py); None when it has no pytest."""
    said = interpreters.recall(path) or _asked(path)
    # Its own word for where it is: `path` may be a shim (pyenv) that means nothing inside the sandbox.
    return None if said is None else Interpreter(Path(said[2]), version=said[1], pytest=said[0])


def _asked(path: str) -> tuple[str, str, str] | None:
    """Ask the interpreter for its pytest, without the project's folder on its path. Raises BadEnvironment."""
    command = [path, "-c", f"import sys; sys.path[:] = [p for p in sys.path if p]; {_PYTEST_PROBE}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASK_S, stdin=subprocess.DEVNULL, cwd="/"
        )
    except OSError:
        return None
    except subprocess.TimeoutExpired as error:
        raise BadEnvironment(
            f"The interpreter {path} did not answer within {_ASK_S} s; try again when the machine is less busy, "
            "or pass another with --python."
        ) from error
    lines = done.stdout.strip().split("\n")
    if done.returncode != 0 or len(lines) != 4:
        return None
    pytest, version, executable, file = lines
    interpreters.remember(path, (pytest, version, executable), file)
    return pytest, version, executable
