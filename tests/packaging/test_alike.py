"""No two places hold the same logic: what is found to look alike has its account, and no account outlives its pair."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(ROOT / ".dev"), *sys.path])
    return importlib.import_module("alike")


@pytest.mark.slow
def test_every_pair_that_looks_alike_has_an_account(alike: ModuleType) -> None:
    """`make alike` lists them with their lines; logic that is the same belongs into one place."""
    found = {(one.name, other.name) for one, other in alike.pairs(ROOT)}

    assert found == alike.ACCOUNTS.keys()


def test_renamed_copies_are_found_and_other_calls_are_not(alike: ModuleType, tmp_path: Path) -> None:
    """A check that finds nothing must be able to find something."""
    body = (
        "    {a} = {call}({b})\n    if {a}.ready:\n        {a}.go(1)\n    else:\n        {a}.stop()\n    return {a}\n"
    )
    (tmp_path / "code").mkdir()
    for name, words in {
        "one": {"a": "job", "b": "root", "call": "open"},
        "two": {"a": "work", "b": "path", "call": "open"},
        "three": {"a": "work", "b": "path", "call": "load"},
    }.items():
        (tmp_path / "code" / f"{name}.py").write_text(f"def {name}({words['b']}):\n{body.format(**words)}")

    found = [(one.name, other.name) for one, other in alike.pairs(tmp_path, ["code"])]

    assert found == [("code/one.py::one", "code/two.py::two")]
