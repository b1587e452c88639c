"""One real task on disk as its developer has it, and `darner fix --json` on its failing tests."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from darner.engine.config import parse_budget
from real_sdists import archive, unpacked
from real_suite import own_environment, shared_environment
from real_tasks import Task, digest, taken_back

_SAMPLE_S = 0.5
_GRACE_S = 60.0
_OVERHEAD_S, _SUITES = 90.0, 12
"""Beside its budget, a failing test costs evidence, confirming runs and an end that is late; the suite runs often."""


@dataclass(frozen=True)
class Laid:
    """One task on disk."""

    root: Path
    python: Path
    true: bytes
    broken: bytes


@dataclass(frozen=True)
class Answer:
    """What `darner fix --json` printed, and what it took."""

    report: dict[str, Any]
    seconds: float
    peak_mb: float


def lay_out(task: Task, folder: Path) -> Laid:
    """The broken project and its environment. Raises NoSdist."""
    old = unpacked(archive(task.old, shared_environment()), folder / "old")
    root = as_published(task, folder)
    file = root / task.hunk.path
    true = file.read_bytes()
    broken = taken_back((old / task.hunk.path).read_bytes(), true, task.hunk)
    assert digest(broken) == task.broken_sha256, f"{task.id}: taking the hunk back makes another file"
    file.write_bytes(broken)
    shutil.rmtree(folder / "old")
    return Laid(root, own_environment(root, task.new.package, folder / "env"), true, broken)


def as_published(task: Task, folder: Path) -> Path:
    """The release, where the project stands: whatever else was there is gone. Raises NoSdist."""
    shutil.rmtree(folder / "new", ignore_errors=True)
    return unpacked(archive(task.new, shared_environment()), folder / "new")


def fix(task: Task, laid: Laid, options: argparse.Namespace) -> Answer:
    """Run the command on the failing tests; ended when it takes far longer than a budget for each of them."""
    model = ["--no-model"] if options.model == "none" else ["--model", options.model]
    command = [sys.executable, "-P", "-m", "darner.engine.cli", "fix", "--json", "--no-prose", "--trust", *model]
    command += ["--budget", options.budget, "--seed", str(options.seed), "--python", str(laid.python), *task.failing]
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    each = parse_budget(options.budget).seconds + _OVERHEAD_S
    limit = _OVERHEAD_S + len(task.failing) * each + _SUITES * task.whole.seconds
    began = time.monotonic()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        process = subprocess.Popen(
            command, cwd=laid.root, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=complained
        )
        peak = watched(process, limit)
        seconds = time.monotonic() - began
        said.seek(0)
        complained.seek(0)
        report = _parsed(said.read().decode(), complained.read().decode(errors="replace"), process.returncode)
    return Answer(report, seconds, peak)


def watched(process: subprocess.Popen[bytes], limit: float) -> float:
    """Wait for the end and tell the most memory that was seen, in MB; after `limit` seconds it is interrupted."""
    peak, ends = 0.0, time.monotonic() + limit
    interrupted = False
    while process.poll() is None:
        peak = max(peak, resident_mb(process.pid))
        if time.monotonic() > ends:
            process.send_signal(signal.SIGKILL if interrupted else signal.SIGINT)
            interrupted, ends = True, time.monotonic() + _GRACE_S
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SAMPLE_S)
    return peak


def _parsed(said: str, complained: str, code: int) -> dict[str, Any]:
    try:
        return json.loads(said)
    except json.JSONDecodeError:
        return {"error": {"message": f"no JSON: {complained.strip()[-400:]}", "code": code}}


def resident_mb(pid: int) -> float:
    """Proportional memory of a process and everything below it: shared pages count once."""
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for one in family:
        try:
            lines = Path(f"/proc/{one.pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(text.split()[1]) for text in lines if text.startswith("Pss:"))
        except OSError:
            continue  # it has ended
    return total / 1024
