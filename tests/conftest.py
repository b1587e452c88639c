"""For every test: properties are judged by what holds, never by how long an example took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("darner", deadline=None)
settings.load_profile("darner")

LayOut = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def lay_out(tmp_path: Path) -> LayOut:
    """Makes a project of these files, with an empty pyproject.toml, and gives its folder."""

    def made(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for name, text in {"pyproject.toml": "", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return made


@pytest.fixture
def project(lay_out: LayOut) -> Path:
    """One failing test, which one edit of one comparison repairs; tests that need another project say so."""
    return lay_out(
        {
            "cart.py": "def total(a, b):\n    return a + b if a < b else 0\n",
            "test_cart.py": "from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n",
        }
    )
