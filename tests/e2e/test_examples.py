"""The example projects that the documents show: their histories can be made, and their faults are repaired."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMMITS = {"orders": 5, "parcels": 3, "stations": 3}


def made(project: str, folder: Path) -> Path:
    command = [sys.executable, str(EXAMPLES / "make_history.py"), str(folder / project), project]
    subprocess.run(command, check=True, timeout=120)
    return folder / project


@pytest.mark.parametrize("project", COMMITS)
def test_the_history_of_an_example_ends_in_what_is_delivered(project: str, tmp_path: Path) -> None:
    """A patch that no longer fits its file takes the demo, and the documents, with it."""
    folder = made(project, tmp_path)
    log = subprocess.run(["git", "log", "--oneline"], cwd=folder, capture_output=True, text=True, check=True).stdout
    theirs = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.py")}

    assert len(log.splitlines()) == COMMITS[project]
    assert theirs == {name: (EXAMPLES / project / name).read_bytes() for name in theirs}
    assert theirs.keys() == {path.relative_to(EXAMPLES / project) for path in (EXAMPLES / project).rglob("*.py")}


@pytest.mark.parametrize(
    ("project", "nodeid", "line"),
    [
        pytest.param(
            "parcels",
            "tests/test_retry.py::test_a_carrier_that_never_answers_is_asked_three_times",
            "+            if attempt >= tries:",
            marks=pytest.mark.slow,
        ),
        ("parcels", "tests/test_service.py::test_where_names_the_place", "+        place = await self._asked(parcel)"),
        ("stations", "tests/test_summary.py::test_means_are_those_of_each_station", "axis=0)"),
    ],
)
def test_the_search_repairs_an_example(project: str, nodeid: str, line: str, tmp_path: Path) -> None:
    """Asynchronous code and numpy are what many projects hold; the documents say that these are repaired."""
    folder = made(project, tmp_path)
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-P", "-m", "darner.engine.cli", "fix", nodeid, "--no-model", "--json", "--trust"]
    done = subprocess.run(
        [*command, "--budget", "200", "--python", sys.executable],
        cwd=folder,
        env={**os.environ, **state},
        capture_output=True,
        text=True,
        timeout=350,
        check=False,
    )
    (failure,) = json.loads(done.stdout)["failures"]

    assert failure["status"] == "repaired", done.stderr
    assert line in failure["patch"]
