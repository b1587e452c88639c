"""What a repair may never touch: tests, their fixtures and their configuration (design.md, rule 5)."""

from __future__ import annotations

from pathlib import PurePosixPath

_CONFIGURATION = frozenset(
    ("conftest.py", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "setup.py", "pyproject.toml")
)
_RUN_BY_PYTHON = frozenset(("sitecustomize.py", "usercustomize.py"))
_TEST_FOLDERS = frozenset(("tests", "test", "testing", "__snapshots__", "snapshots"))


def is_test_path(path: str) -> bool:
    """Test modules, fixtures and snapshots, by pytest's default names and the usual folders."""
    pure = PurePosixPath(path)
    name = pure.name
    if name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py"):
        return True
    return any(part in _TEST_FOLDERS for part in pure.parts[:-1])


def is_protected(path: str) -> bool:
    """A repair that changes this file is rejected, whatever the tests say."""
    name = PurePosixPath(path).name
    return is_test_path(path) or name in _CONFIGURATION | _RUN_BY_PYTHON or name.endswith(".pth")
