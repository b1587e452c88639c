"""Kill -9 at ten random moments: what a run ends with is what an unbroken one ends with, to the byte."""

from __future__ import annotations

import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from run_to_kill import BEGUN

pytestmark = pytest.mark.slow

KILLS = 10
_SECONDS = re.compile(r'("(?:\w+_)?seconds":) [0-9.]+')
SCRIPT = Path(__file__).with_name("run_to_kill.py")


def started(kind: str, folder: Path) -> subprocess.Popen[str]:
    """The run in a process of its own, with caches of its own, when its first stage may begin."""
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(folder.parent.parent / "cache"),
        "PYTHONPATH": str(SCRIPT.parent),
    }
    child = subprocess.Popen(
        [sys.executable, "-P", str(SCRIPT), kind, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == BEGUN
    return child


def outcome(folder: Path) -> dict[str, Any]:
    """Every output by name and hash, with what its manifest counts; not the seconds, which `evaluate` also measures."""
    manifests = [json.loads(_timeless(path)) for path in sorted(folder.glob("*.manifest.json"))]
    found = {each["stage"]: each for each in manifests}
    if "evaluate" in found:
        measured = (path for path in (folder / "evaluate").rglob("*") if path.is_file())
        found["evaluate"]["output_sha256"] = {path.name: _timeless(path) for path in measured}
    return found


def _timeless(path: Path) -> str:
    return _SECONDS.sub(r"\1 0", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["data", "weights"])
def test_a_run_that_is_killed_ten_times_ends_as_an_unbroken_one(tmp_path: Path, kind: str) -> None:
    """A night's work on a machine whose owner closes the lid: nothing is lost, doubled or different."""
    if kind == "weights":
        pytest.importorskip("torch")
    unbroken = tmp_path / "unbroken" / "run"
    unbroken.mkdir(parents=True)
    child = started(kind, unbroken)
    began = time.monotonic()
    assert child.wait(600) == 0
    worked = time.monotonic() - began

    chance, killed, runs = random.Random(2026), 0, 0
    while killed < KILLS:  # a run that came to its end between two kills is compared, and another is broken
        runs += 1
        broken = tmp_path / f"broken-{runs}" / "run"
        broken.mkdir(parents=True)
        while killed < KILLS and was_killed(kind, broken, chance.uniform(0.0, worked / 4)):
            killed += 1
        assert started(kind, broken).wait(600) == 0
        assert outcome(broken) == outcome(unbroken)
        assert not list(broken.glob("*.partial"))

    assert killed == KILLS
    stages = {"sft", "rl", "export", "evaluate"} if kind == "weights" else {"sft_data", "mistakes", "debug_data"}
    made = outcome(unbroken)
    assert set(made) >= stages
    if kind == "weights":
        assert {"torch", "transformers", "peft"} <= set(made["sft"]["versions"])
        assert "llama-cpp-python" in made["evaluate"]["versions"]


def was_killed(kind: str, folder: Path, seconds: float) -> bool:
    """Whether the run still worked after so long, and was killed there."""
    child = started(kind, folder)
    ended = os.pidfd_open(child.pid)
    select.select([ended], [], [], seconds)  # a random moment of its work, or its end
    os.close(ended)
    alive = child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.wait(60)
    return alive
