"""The pages of docs/ that are made from the code say what the code says today."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

DEV = Path(__file__).resolve().parents[2] / ".dev"


def test_the_generated_pages_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference that lags behind the code is believed and wrong; `make reference` writes it anew."""
    monkeypatch.setattr(sys, "path", [str(DEV), *sys.path])
    pages: dict[Path, str] = importlib.import_module("reference").pages()

    assert [path.name for path, text in pages.items() if path.read_text("utf-8") != text] == []


@pytest.mark.parametrize("path", sorted((DEV.parent / "docs" / "schemas").glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_one(path: Path) -> None:
    """A validator takes a schema with a mistake in it for one that allows everything."""
    Draft202012Validator.check_schema(json.loads(path.read_text("utf-8")))
