"""A consent to run a folder's tests is remembered for that folder, as long as it is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from darner.engine import state, trust


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_consent_is_remembered_with_its_first_date_until_it_is_withdrawn(tmp_path: Path) -> None:
    """`--trust` on every command must not rewrite when the user agreed."""
    trust.remember(tmp_path)
    first = state.read("trust.json")
    trust.remember(tmp_path)

    assert trust.is_trusted(tmp_path)
    assert state.read("trust.json") == first

    trust.forget(tmp_path)
    assert not trust.is_trusted(tmp_path)


def test_a_consent_to_a_folder_that_is_gone_is_dropped(tmp_path: Path) -> None:
    """What takes its place is not what was agreed to; and the file does not grow for ever."""
    gone, stays, new = tmp_path / "gone", tmp_path / "stays", tmp_path / "new"
    for folder in (gone, stays, new):
        folder.mkdir()
    trust.remember(gone)
    trust.remember(stays)
    gone.rmdir()

    trust.remember(new)

    assert [trust.is_trusted(folder) for folder in (gone, stays, new)] == [False, True, True]
