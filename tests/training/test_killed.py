"""Kill -9 at ten random moments: what a run ends with is what an unbroken one ends with, to the byte."""

from __future__ import annotations

import json
import os
import random
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
    """Every output by name and hash, with what its manifest counts; not the seconds."""
    manifests = [json.loads(path.read_text()) for path in sorted(folder.glob("*.manifest.json"))]
    return {each["stage"]: {k: v for k, v in each.items() if k != "seconds"} for each in manifests}


@pytest.mark.parametrize("kind", ["data", "weights"])
def test_a_run_that_is_killed_ten_times_ends_as_an_unbroken_one(tmp_path: Path, kind: str) -> None:
    """A night's work on a machine whose owner closes the lid: nothing is lost, doubled or different."""
    if kind == "weights":
        pytest.importorskip("torch")
    unbroken, broken = tmp_path / "unbroken" / "run", tmp_path / "broken" / "run"
    for folder in (unbroken, broken):
        folder.mkdir(parents=True)
    child = started(kind, unbroken)
    began = time.monotonic()
    assert child.wait(600) == 0
    worked = time.monotonic() - began

    chance, killed = random.Random(2026), 0
    for _ in range(KILLS):
        child = started(kind, broken)
        ended = os.pidfd_open(child.pid)
        select.select([ended], [], [], chance.uniform(0.0, worked / 4))  # a random moment of its work, or its end
        os.close(ended)
        killed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait(60)
    assert started(kind, broken).wait(600) == 0

    assert killed >= KILLS // 2
    assert outcome(broken) == outcome(unbroken)
    assert set(outcome(unbroken)) >= ({"sft", "rl"} if kind == "weights" else {"sft_data", "mistakes", "debug_data"})
    assert not list(broken.glob("*.partial"))
