"""What is remembered of passing tests comes back to the byte; a broken, busy or forbidden memory harms nobody."""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from cli_runner import Bench
from darner.engine import memory


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / "cart.py").write_bytes(b"TOTAL = 1\r\n")
    (root / "test_cart.py").write_bytes(b"def test_it(): pass\n")
    return root


def later() -> float:
    """A run that began after everything was saved."""
    return time.time() + 60.0


def test_the_files_come_back_as_they_were_when_the_test_passed(project: Path) -> None:
    """Each test has its own last good state; test files are no part of it."""
    memory.remember(project, ["test_cart.py::test_a", "test_cart.py::test_b"], later())
    (project / "cart.py").write_bytes(b"TOTAL = 2\n")
    memory.remember(project, ["test_cart.py::test_b"], later())

    assert memory.files_when_passed(project, "test_cart.py::test_a") == {"cart.py": b"TOTAL = 1\r\n"}
    assert memory.files_when_passed(project, "test_cart.py::test_b") == {"cart.py": b"TOTAL = 2\n"}
    assert memory.files_when_passed(project, "test_cart.py::test_c") == {}


def test_a_name_that_is_not_utf_8_is_left_out(project: Path) -> None:
    """Archives of other systems hold such; the rest is remembered all the same."""
    (project / os.fsdecode(b"caf\xe9.py")).write_bytes(b"")
    memory.remember(project, ["test_cart.py::test_a"], later())

    assert memory.files_when_passed(project, "test_cart.py::test_a") == {"cart.py": b"TOTAL = 1\r\n"}


def test_a_file_saved_during_the_run_is_not_remembered(project: Path) -> None:
    """The test passed with other bytes than those on disk now: remembering them would blame the wrong edit."""
    memory.remember(project, ["test_cart.py::test_a"], time.time() - 60.0)

    assert memory.files_when_passed(project, "test_cart.py::test_a") == {}


@pytest.mark.parametrize("damage", [b"", b"not a database", b"SQLite format 3\x00" + bytes(200)])
def test_a_damaged_memory_is_begun_again(project: Path, damage: bytes) -> None:
    """A power cut may leave anything behind; a cache is not worth an error message."""
    memory.remember(project, ["test_cart.py::test_a"], later())
    for path in memory.path_of(project).parent.iterdir():
        path.write_bytes(damage)

    assert memory.files_when_passed(project, "test_cart.py::test_a") in ({}, {"cart.py": b"TOTAL = 1\r\n"})
    memory.remember(project, ["test_cart.py::test_a"], later())
    assert memory.files_when_passed(project, "test_cart.py::test_a") == {"cart.py": b"TOTAL = 1\r\n"}


def test_a_folder_that_cannot_be_written_is_no_trouble(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is remembered, and nothing else changes."""
    (project / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "file" / "below"))

    memory.remember(project, ["test_cart.py::test_a"], later())

    assert memory.files_when_passed(project, "test_cart.py::test_a") == {}


def _write_many(root: str, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        memory.remember(Path(root), [f"test_cart.py::test_{chance.randrange(50)}"], later())


def test_two_processes_share_it(project: Path) -> None:
    """An editor and a terminal work on one project at once."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(project), seed)) for seed in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)

    assert [writer.exitcode for writer in writers] == [0, 0]
    memory.remember(project, ["test_cart.py::test_last"], later())
    assert memory.files_when_passed(project, "test_cart.py::test_last") == {"cart.py": b"TOTAL = 1\r\n"}


def test_it_stays_within_its_bound(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every save is a new state; the oldest go."""
    monkeypatch.setattr(memory, "_MOST_BYTES", 300_000)
    for n in range(8):
        (project / "cart.py").write_bytes(random.Random(n).randbytes(100_000))
        memory.remember(project, [f"test_cart.py::test_{n}"], later())

    kept = [n for n in range(8) if memory.files_when_passed(project, f"test_cart.py::test_{n}")]

    assert 7 in kept
    assert len(kept) <= 3


def test_a_project_may_switch_it_off(project: Path) -> None:
    """Some code must not be copied, not even into the user's own cache."""
    (project / "pyproject.toml").write_text("[tool.darner]\nsnapshots = false\n")

    memory.remember(project, ["test_cart.py::test_a"], later())

    assert not memory.path_of(project).exists()


def test_forgetting_deletes_it(project: Path) -> None:
    """The user's way to wipe it."""
    memory.remember(project, ["test_cart.py::test_a"], later())

    assert memory.forget(project)
    assert memory.files_when_passed(project, "test_cart.py::test_a") == {}


@pytest.mark.slow
def test_the_edit_since_the_test_last_passed_is_taken_back(tmp_path: Path) -> None:
    """Nothing was ever committed, so only the memory knows what the user changed in between."""
    bench = Bench(tmp_path).write({"cart.py": "def total(a, b):\n    # sum\n    return a + b\n"})
    bench.write({"test_cart.py": "from cart import total\n\n\ndef test_total():\n    assert total(2, 3) == 5\n"})
    subprocess.run(["git", "init", "-q"], cwd=bench.root, check=True)
    assert bench.fix().code == 0
    bench.write({"cart.py": "def total(a, b):\n    # both\n    return a * b + 17 - a\n"})

    found = bench.fix("--json", "--budget", "60").failures()["test_cart.py::test_total"]

    assert found["origin"] == "revert"
    assert found["description"] == "take back your edit since the test last passed at cart.py:3"
    assert found["explanation"]["summary"].startswith("This edit did it: your edit since the test last passed")
    assert "since this test last passed" in " ".join(found["suspects"][0]["reasons"])
    assert bench.darner("forget").out.startswith("Forgotten")
