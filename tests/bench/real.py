"""`make bench-real`: repair real projects with `darner fix --json`, score with the whole upstream suite.

Each task of real_manifest.json is a release from PyPI in which one hunk of its own change is taken back; its failing
tests are named to the tool, which sees the project as its developer has it. Correct: everything that passes in the
release as published passes with the offered patch, and the patch is held against the true hunk. Rows that stand in the
result file already are not run again.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cattrs
import psutil
from darner.engine.project import Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.suite import Suite, run_suite
from darner.engine.trial import open_session
from localise import faulty_lines
from real_sdists import NoSdist, archive, unpacked
from real_suite import own_environment, shared_environment
from real_table import Row, line, table
from real_tasks import Task, digest, read_manifest, taken_back
from repair import apply, commit, machine

_SAMPLE_S = 0.5
_GRACE_S = 60.0


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


def main() -> int:
    options = parse_arguments()
    out = options.out or Path("bench-results") / f"real-{Path(options.model).stem}-{options.budget}-{options.seed}.json"
    rows = cattrs.structure(json.loads(out.read_text())["rows"], list[Row]) if out.exists() else []
    print(f"{machine()}; commit {commit()}; model {options.model}; budget {options.budget}; seed {options.seed}")
    began = time.monotonic()
    for task in chosen(options):
        if any(row.task == task.id for row in rows):
            continue
        if time.monotonic() - began > options.seconds:
            print("no time left; run again to go on")
            break
        rows.append(run_task(task, options))
        print(line(rows[-1]), flush=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        how = {name: getattr(options, name) for name in ("model", "budget", "seed")}
        report = {"machine": machine(), **how, "rows": [asdict(row) for row in rows]}
        out.write_text(json.dumps(report, indent=1) + "\n")
    print(table(rows))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b", help="name or path; `none` for search only")
    parser.add_argument("--budget", default="120")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=10_000, help="tasks")
    parser.add_argument("--only", default="", help="tasks whose name holds this text")
    parser.add_argument("--each", type=int, default=10_000, help="tasks of each package")
    parser.add_argument("--seconds", type=float, default=86_400.0, help="of the whole run; a later run goes on")
    parser.add_argument("--out", type=Path, help="result file; by default one for each model, budget and seed")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Task]:
    """The first task of every package, then the second, so that a short run sees many packages."""
    tasks = [task for task in read_manifest() if options.only in task.id]
    if not tasks:
        sys.exit(f"No task of the manifest holds {options.only!r}; make mine-real finds tasks.")
    place: dict[str, int] = {}
    ordered: list[tuple[int, Task]] = []
    for task in tasks:
        place[task.new.package] = place.get(task.new.package, 0) + 1
        ordered.append((place[task.new.package], task))
    ordered.sort(key=lambda one: one[0])
    return [task for n, task in ordered if n <= options.each][: options.limit]


def run_task(task: Task, options: argparse.Namespace) -> Row:
    folder = Path(tempfile.mkdtemp(prefix="real-")).resolve()
    try:
        laid = lay_out(task, folder)
        answer = fix(task, laid, options)
        return scored(task, laid, answer)
    except NoSdist as none:
        return Row(task=task.id, commit=commit(), status="not run", size=task.hunk.size, note=str(none))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lay_out(task: Task, folder: Path) -> Laid:
    """The broken project and its environment. Raises NoSdist."""
    shared = shared_environment()
    old = unpacked(archive(task.old, shared), folder / "old")
    root = unpacked(archive(task.new, shared), folder / "new")
    file = root / task.hunk.path
    true = file.read_bytes()
    broken = taken_back((old / task.hunk.path).read_bytes(), true, task.hunk)
    assert digest(broken) == task.broken_sha256, f"{task.id}: taking the hunk back makes another file"
    file.write_bytes(broken)
    shutil.rmtree(folder / "old")
    return Laid(root, own_environment(root, task.new.package, folder / "env"), true, broken)


def fix(task: Task, laid: Laid, options: argparse.Namespace) -> Answer:
    """Run the command on the failing tests; killed when it takes far longer than one budget."""
    model = ["--no-model"] if options.model == "none" else ["--model", options.model]
    command = [sys.executable, "-P", "-m", "darner.engine.cli", "fix", "--json", "--no-prose", "--trust", *model]
    command += ["--budget", options.budget, "--seed", str(options.seed), "--python", str(laid.python), *named(task)]
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    limit = 2 * float(options.budget) + 60 + 10 * task.whole.seconds
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


def named(task: Task) -> list[str]:
    """The files whose tests fail: all that fails in them is to be repaired, as when a user names a file.

    Where tests of these files fail in the release as well, the tests themselves.
    """
    files = sorted({nodeid.split("::")[0] for nodeid in task.failing})
    anyway = {nodeid.split("::")[0] for nodeid in task.whole.failing}
    return list(task.failing) if anyway & set(files) else files


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


def scored(task: Task, laid: Laid, answer: Answer) -> Row:
    """The first report with a repair decides; without one, the first."""
    failures: Sequence[dict[str, Any]] = answer.report.get("failures", ())
    error = answer.report.get("error", {}).get("message", "")
    error = error or ("" if failures else "the named tests pass where the tool runs them")
    at = next((n for n, one in enumerate(failures) if one["patch"]), 0)
    one: dict[str, Any] = failures[at] if failures else {}
    verified: dict[str, Any] = one.get("verified") or {}
    row = Row(
        task=task.id,
        commit=commit(),
        status=one.get("status", "error"),
        size=task.hunk.size,
        origin=one.get("origin") or "",
        operator=one.get("operator") or "",
        description=one.get("description") or "",
        seconds=round(answer.seconds, 1),
        repair_seconds=round(sum(f["seconds"] for f in failures[: at + 1]), 1),
        tried=one.get("candidates_tried", 0),
        rank=rank_of(task, laid, failures[0]["suspects"] if failures else ()),
        suspects=len(one.get("suspects", ())),
        passed_before=verified.get("passed_before", 0),
        peak_mb=round(answer.peak_mb),
        assurance=verified.get("assurance", ""),
        note=error or one.get("note", ""),
    )
    return judged(task, laid, row, one["patch"]) if one.get("patch") else row


def rank_of(task: Task, laid: Laid, suspects: Sequence[dict[str, Any]]) -> int:
    """Of the first suspect on a line of the hunk, from 1; 0 when none of the ten that are told is."""
    faulty = faulty_lines(laid.broken.decode(errors="replace"), laid.true.decode(errors="replace"))
    told = ((n, one) for n, one in enumerate(suspects, 1) if one["file"] == task.hunk.path)
    return next((n for n, one in told if any(one["line"] <= at <= one["end_line"] for at in faulty)), 0)


def judged(task: Task, laid: Laid, row: Row, patch: str) -> Row:
    """The patch applied: the whole suite, and how near it is to what the release's authors wrote."""
    apply(laid.root, patch)
    file = laid.root / task.hunk.path
    same = alike(file.read_bytes(), laid.true)
    suite = whole_suite(laid)
    lost = set(suite.failing) - set(task.whole.failing)
    if lost or len(suite.passed) < task.whole.passed:  # by the patch, or because the sandbox is no plain pytest?
        file.write_bytes(laid.true)
        lost = whole_suite(laid).passed - suite.passed
    broken = f"breaks {len(lost)} tests: {min(lost)}" if lost else ""
    return replace(row, plausible=True, correct=not lost, same=same, note=row.note or broken)


def whole_suite(laid: Laid) -> Suite:
    project = Project(laid.root, find_interpreter(laid.root, str(laid.python)))
    with open_session(project, trusted=True) as session:
        return run_suite(session, (), Stop(900.0))


def alike(repaired: bytes, true: bytes) -> str:
    """`text`: byte for byte what the authors wrote; `tree`: the same program; `behaviour`: to be judged by tests."""
    if repaired == true:
        return "text"
    return "tree" if ast.dump(ast.parse(repaired)) == ast.dump(ast.parse(true)) else "behaviour"


if __name__ == "__main__":
    sys.exit(main())
