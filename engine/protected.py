"""What a repair may never touch: tests, their fixtures and their configuration (design.md, rule 5)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_CONFIGURATION = frozenset((
    "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "setup.py",
    "pyproject.toml", "noxfile.py", ".coveragerc", "Makefile", ".gitlab-ci.yml",
    "sitecustomize.py", "usercustomize.py",
))  # fmt: skip
_TEST_FOLDERS = frozenset(("tests", "test", "testing", "__snapshots__", "snapshots"))
_OTHERS_FOLDERS = frozenset((".github", ".git", "__pycache__", "site-packages"))
_TEST_FILE = re.compile(r"(conftest|tests?|test_.*|.*_tests?)\.py")
_NOT_SOURCE = re.compile(r".*\.(pth|snap|ambr|pyc|so|egg-link)")


def is_test_path(path: str) -> bool:
    """Test modules, fixtures and snapshots, by pytest's and Django's default names and the usual folders."""
    pure = PurePosixPath(path)
    return _TEST_FILE.fullmatch(pure.name) is not None or bool(_TEST_FOLDERS & set(pure.parts[:-1]))


def is_protected(path: str) -> bool:
    """A repair that changes this file is rejected, whatever the tests say."""
    pure = PurePosixPath(path)
    if is_test_path(path) or pure.name in _CONFIGURATION or _NOT_SOURCE.fullmatch(pure.name):
        return True
    return bool(_OTHERS_FOLDERS & set(pure.parts[:-1]))
