"""Learning from use: a recorded, verified repair becomes a conversation in the engine's own words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from darner.engine import replay
from darner.training import traces
from darner.training.types import Conversation, Dropped
from training_runs import records, run

CART = '''\
def free_shipping(total):
    """Whether an order of so many euros travels free: from 50 euros on."""
    return total > 50
'''
TEST = """\
from cart import free_shipping


def test_below():
    assert free_shipping(49) is False


def test_at_the_limit():
    assert free_shipping(50) is True


def test_above():
    assert free_shipping(51) is True
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of traces of one real repair, by search alone."""
    home = tmp_path_factory.mktemp("home")
    root = home / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n", encoding="utf-8")
    (root / "cart.py").write_text(CART, encoding="utf-8")
    (root / "test_cart.py").write_text(TEST, encoding="utf-8")
    places = {"XDG_STATE_HOME": str(home / "state"), "XDG_CACHE_HOME": str(home / "cache")}
    given = ("--no-model", "--trust", "--python", sys.executable, "--budget", "120")
    for words in (("trace", "on"), ("fix", *given)):
        command = [sys.executable, "-P", "-m", "darner.engine.cli", *words]
        subprocess.run(command, cwd=root, env={**os.environ, **places}, capture_output=True, timeout=300, check=False)
    return home / "state" / "darner" / "traces"


def test_a_verified_repair_of_a_recorded_run_is_learnt_as_the_engine_asks_for_it(
    recorded: Path, tmp_path: Path
) -> None:
    """What is trained is what is asked: the failing test, its facts, the function; the answer is what was verified."""
    (path,) = recorded.glob("*.jsonl")
    (report,) = replay.read(path).reports
    if not report.repairs[0].verdict.proof.believed:
        assert list(traces.conversations(path)) == [Dropped("repair is not believed")]
        pytest.skip("no sandbox of this machine makes the repair believed")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f"[traces]\nfolder = {str(recorded)!r}\n", encoding="utf-8")

    run(recipe, tmp_path / "run")
    (row,) = records(tmp_path / "run", "traces")

    asked, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
    assert "assert free_shipping(50) is True" in asked
    assert "return total > 50" in asked
    assert "return total >= 50" in answer
    assert row["meta"]["trace"] == path.name


def test_a_trace_that_teaches_nothing_is_counted(recorded: Path, tmp_path: Path) -> None:
    """Damaged ones, and runs that ended without a repair."""
    (path,) = recorded.glob("*.jsonl")
    whole = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "torn.jsonl").write_text("".join(whole[:1]) + "{\n\n", encoding="utf-8")
    (tmp_path / "short.jsonl").write_text("".join(whole[:1]), encoding="utf-8")

    found = {name: list(traces.conversations(tmp_path / f"{name}.jsonl")) for name in ("torn", "short")}

    assert found == {"torn": [Dropped("cannot be read")], "short": [Dropped("nothing was repaired")]}
    assert all(isinstance(each, Conversation | Dropped) for each in traces.conversations(path))
