"""A wrong setting must name itself, and must not take the right ones with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from darner.engine.settings import PROJECT, Settings, read, read_project, table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_without_settings_the_defaults_hold() -> None:
    """A bare client sends none; above all, nothing is trusted."""
    assert read(None, "darner") == (Settings(), ())
    assert not Settings().trust


def test_what_an_editor_sets_is_read() -> None:
    """With the spelling that clients use."""
    raw = {"interpreter": "/usr/bin/python3", "model": "none", "budget": 12.5, "trust": True, "runOnSave": False}

    expected = Settings(interpreter="/usr/bin/python3", model="none", budget="12.5", trust=True, run_on_save=False)
    assert read(raw, "darner") == (expected, ())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("interpreter", 3),
        ("model", ["m"]),
        ("budget", "hasty"),
        ("budget", True),
        ("trust", "yes"),
        ("runOnSave", 1),
        ("sandbox", "jail"),
    ],
)
def test_a_wrong_value_is_named_and_only_it_falls_back(key: str, value: object) -> None:
    """The user has to find the line of the configuration that is wrong."""
    settings, complaints = read({"model": "mine", "runOnSave": False} | {key: value}, "darner")

    assert len(complaints) == 1
    assert f"darner.{key} must be " in complaints[0]
    assert repr(value) in complaints[0]
    assert settings.model == ("" if key == "model" else "mine")
    assert not settings.trust


def test_an_unknown_key_is_named_with_the_known_ones() -> None:
    """A typing error in `runOnSave` would otherwise be silently ignored."""
    _, complaints = read({"runonsave": True}, "darner")

    assert "darner.runonsave is not a setting" in complaints[0]
    assert "runOnSave" in complaints[0]


def test_settings_that_are_no_object_are_refused_as_a_whole() -> None:
    """`initializationOptions: true` must not look like consent to anything."""
    assert read(True, "darner")[0] == Settings()
    assert "must be an object" in read(True, "darner")[1][0]


def test_null_means_that_nothing_is_set() -> None:
    """VS Code sends every key of its schema; those that the user left alone must not hide the project's."""
    base = Settings(budget="deep")

    assert read({"budget": None}, "darner", base) == (base, ())


def test_a_project_cannot_choose_its_sandbox(tmp_path: Path) -> None:
    """A repository must not be able to weaken what confines it."""
    (tmp_path / "pyproject.toml").write_text('[tool.darner]\nsandbox = "landlock"\n')

    settings, complaints = read_project(tmp_path, Settings())

    assert settings.sandbox == "auto"
    assert "only the user's editor may set it" in complaints[0]


def test_a_projects_own_table_is_read_with_its_own_spelling(tmp_path: Path) -> None:
    """As everywhere in pyproject.toml; a wrong key names the file too."""
    (tmp_path / "pyproject.toml").write_text('[tool.darner]\nrun-on-save = false\nbudget = "quick"\nrunOnSave = true\n')

    settings, (complaint,) = read_project(tmp_path, Settings())

    assert settings == Settings(run_on_save=False, budget="quick")
    assert str(tmp_path / "pyproject.toml") in complaint
    assert f"{PROJECT}.runOnSave is not a setting" in complaint


def test_a_project_cannot_trust_itself(tmp_path: Path) -> None:
    """Else a cloned repository would run its code at the first save."""
    (tmp_path / "pyproject.toml").write_text("[tool.darner]\ntrust = true\n")

    settings, complaints = read_project(tmp_path, Settings())

    assert not settings.trust
    assert "only the user's editor" in complaints[0]


@pytest.mark.parametrize("text", ["", "[tool]\n", "tool = 3\n", "not toml"])
def test_a_project_without_a_table_of_ours_sets_nothing(tmp_path: Path, text: str) -> None:
    """What is wrong with the rest of the file is not for us to say."""
    (tmp_path / "pyproject.toml").write_text(text)

    assert read_project(tmp_path, Settings()) == (Settings(), ())
    assert read_project(tmp_path / "missing", Settings()) == (Settings(), ())


def test_the_document_shows_the_table_as_it_is() -> None:
    """Users read docs/settings.md, not the source."""
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| `(.*?)` \| (yes|no) \| (.*) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE
    )

    assert rows == [(r.key, r.kind, r.default, "yes" if r.project else "no", r.what) for r in table()]
