"""What `make release-check` decides without building: the version, and which licences may stand beside ours."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEV = Path(__file__).resolve().parents[2] / ".dev"


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(DEV), *sys.path])
    return importlib.import_module("release")


def test_all_places_name_the_version_that_the_changelog_asks_for(release: ModuleType) -> None:
    """Two versions of one release are found by users, after it."""
    assert release.agreed_version()


@pytest.mark.parametrize(
    ("before", "heading", "after"),
    [
        ("0.1.0", "Fixed", "0.1.1"),
        ("0.1.0", "Added", "0.2.0"),
        ("0.1.0", "Removed", "0.2.0"),
        ("1.4.2", "Security", "1.4.3"),
        ("1.4.2", "Deprecated", "1.5.0"),
        ("1.4.2", "Breaking", "2.0.0"),
    ],
)
def test_the_headings_of_the_changelog_decide_the_version(
    release: ModuleType, before: str, heading: str, after: str
) -> None:
    """What CONTRIBUTING.md promises to whoever depends on us."""
    log = f"# Changelog\n\n## Unreleased: 9.9.9\n\n### {heading}\n- x\n\n## {before} (2026-01-01)\n\n### Added\n- y\n"

    assert release.due_version(log) == after


def test_a_licence_that_is_not_known_is_named(release: ModuleType) -> None:
    """A dependency changes its licence with a minor version, and nobody reads it."""
    found = {"a": ("1", "MIT License"), "b": ("1", "BSD-3-Clause"), "c": ("1", "AGPL-3.0"), "d": ("1", "not stated")}

    assert release.incompatible(found) == ["c: AGPL-3.0", "d: not stated"]
