"""Where a project begins: at the folder that pytest itself would take its settings from."""

from __future__ import annotations

from pathlib import Path

import pytest
from darner.engine.project import find_root


@pytest.mark.parametrize(
    ("files", "root"),
    [
        (("conftest.py", "api/pytest.ini"), "api"),
        (("conftest.py", "api/conftest.py", "api/setup.py"), "."),
        (("pytest.ini", "api/conftest.py"), "."),
    ],
)
def test_a_project_with_settings_of_its_own_keeps_them_below_a_conftest(
    tmp_path: Path, files: tuple[str, ...], root: str
) -> None:
    """pytest reads no conftest.py above its settings; without settings, those above belong to the project."""
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("[pytest]\n" if name.endswith(".ini") else "")

    assert find_root(tmp_path / "api") == (tmp_path / root).resolve()
