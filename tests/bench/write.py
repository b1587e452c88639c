"""`make bench-write`: write functions from their docstrings, one-shot against `darner write`, scored with hidden tests.

Each HumanEvalFix task gives its right module with the body of one function taken out, and the visible tests; the tool
sees nothing else. One-shot: the greedy answer of the same model to the same prompt, taken as it is. Correct: every
visible and every hidden test passes. Development tasks, and a model may have seen them in
training: compare on the same model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darner.engine import jury
from darner.engine.cli_model import open_model
from darner.engine.model import Model, Sampling
from darner.engine.parse import Unusable, body_from
from darner.engine.prompt_write import implement
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.stub import Meant, find
from darner.sandbox.session import open_session
from darner.sandbox.types import Status
from repair import SCORING, TASKS, apply, commit, drawn, machine, tasks

_TOKENS = 640


@dataclass(frozen=True)
class Row:
    """One task's ending, both ways."""

    task: str
    one_shot_plausible: bool
    one_shot_correct: bool
    one_shot_seconds: float
    """Of sampling alone; the model is loaded already."""
    status: str
    judge: str
    plausible: bool
    correct: bool
    seconds: float
    """Wall clock of the whole command, loading the model included."""
    tried: int
    assurance: str
    note: str


def main() -> int:
    options = parse_arguments()
    rows: list[Row] = []
    print(f"{machine()}; model {options.model}; budget {options.budget}; seed {options.seed}", flush=True)
    model = open_model(options.model, wanted=True)
    assert model is not None, "a model that is named is opened or refused"
    with closing(model):
        given = drawn(tasks(options.tasks / "humanevalfix-dev.jsonl", options.limit), options.seed)
        for task in given[: options.draw]:
            with tempfile.TemporaryDirectory(prefix="task-") as folder:
                rows.append(run_task(task, Path(folder).resolve(), model, options))
            print(line(rows[-1]), flush=True)
            keep(rows, options)
    print(table(rows))
    return 0


def keep(rows: list[Row], options: argparse.Namespace) -> None:
    """After every task: a run that is ended early was not for nothing."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    how = {name: getattr(options, name) for name in ("model", "budget", "seed", "without_tests")}
    report = {"machine": machine(), "commit": commit(), **how, "rows": [asdict(row) for row in rows]}
    options.out.write_text(json.dumps(report, indent=1) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b", help="name or path")
    parser.add_argument("--budget", default="normal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=10_000, help="tasks, the first ones")
    parser.add_argument("--draw", type=int, default=10_000, help="of these, drawn by the seed")
    parser.add_argument("--without-tests", action="store_true", help="no visible tests: doctests or agreement judge")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    parser.add_argument("--out", type=Path, default=Path("bench-results/write.json"))
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    return parser.parse_args()


def run_task(task: dict[str, str], folder: Path, model: Model, options: argparse.Namespace) -> Row:
    stub = stub_of(task)
    (folder / "solution.py").write_bytes(stub)
    visible = "" if options.without_tests else task["visible_tests"]
    if visible:
        (folder / "test_solution.py").write_text(visible)
    target = f"solution.py::{task['entry_point']}"
    began = time.monotonic()
    shot = one_shot(find(folder, target), shown(folder, visible), model, options.seed)
    shot_seconds = time.monotonic() - began
    (folder / "solution.py").write_bytes(shot or stub)
    shot_seen, shot_right = score(task, folder, options.python)
    (folder / "solution.py").write_bytes(stub)
    (folder / "test_solution.py").write_text(visible) if visible else (folder / "test_solution.py").unlink()
    (folder / "test_hidden_tests.py").unlink()
    began = time.monotonic()
    report = write(folder, target, options)
    seconds = time.monotonic() - began
    if report.get("patch"):
        apply(folder, report["patch"])
    seen, right = score(task, folder, options.python) if report.get("patch") else (False, False)
    verified: dict[str, Any] = report.get("verified") or {}
    return Row(
        task=task["id"],
        one_shot_plausible=shot_seen,
        one_shot_correct=shot_right,
        one_shot_seconds=round(shot_seconds, 2),
        status="ambiguous" if report.get("question") else str(report.get("status", "error")),
        judge=report.get("judge") or "",
        plausible=seen,
        correct=right,
        seconds=round(seconds, 2),
        tried=report.get("candidates_tried", 0),
        assurance=verified.get("assurance", ""),
        note=str(report.get("note") or report.get("error") or ""),
    )


def stub_of(task: dict[str, str]) -> bytes:
    source = Source.parse("solution.py", task["fixed"].encode())
    function = [f for f in source.functions() if f.qualname == task["entry_point"]][-1]
    return source.replace_body(function, "...")


def write(folder: Path, target: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "darner.engine.cli", "write", target, "--json", "--trust"]
    command += ["--model", options.model, "--budget", options.budget, "--seed", str(options.seed)]
    command += ["--python", options.python]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return {"error": f"no JSON (exit {done.returncode}): {done.stderr[-400:]}"}


def shown(folder: Path, visible: str) -> str:
    """The tests as the loop shows them to the model."""
    tests = Source.parse("test_solution.py", visible.encode()).functions()
    return jury.sources(folder, [f"test_solution.py::{test.qualname}" for test in tests]) if tests else ""


def one_shot(meant: Meant, tests: str, model: Model, seed: int) -> bytes | None:
    """The file with the greedy answer in it; None when that is no function."""
    beginning = f"```python\n{meant.header}\n"
    sampling = Sampling(n=1, temperature=0.0, max_tokens=_TOKENS, seed=seed, stop=("\n```",), prefill=beginning)
    answer = model.sample(implement(meant, tests, real=bool(tests)), sampling, Stop())[0]
    try:
        patch, _ = body_from(beginning + answer.text, meant.source, meant.function)
    except Unusable:
        return None
    return patch.files[0].after


def score(task: dict[str, str], folder: Path, python: str) -> tuple[bool, bool]:
    """Whether the visible tests pass, and whether the hidden ones do too."""
    (folder / "test_solution.py").write_text(task["visible_tests"])
    (folder / "test_hidden_tests.py").write_text(task["hidden_tests"])
    with open_session(folder, Path(python), trusted=True) as session:
        seen = session.run(("test_solution.py",), limits=SCORING).status is Status.PASS
        right = seen and session.run(("test_hidden_tests.py",), limits=SCORING).status is Status.PASS
    return seen, right


def line(row: Row) -> str:
    def word(seen: bool, right: bool) -> str:
        return "correct" if right else "plausible" if seen else "-"

    shot = word(row.one_shot_plausible, row.one_shot_correct)
    full = word(row.plausible, row.correct)
    head = f"{row.task:20} one-shot {shot:9} {row.one_shot_seconds:5.1f} s   full {full:9} {row.seconds:6.1f} s"
    return f"{head}  {row.status} by {row.judge or 'nobody'} {row.assurance} {row.tried} tried {row.note}"


def table(rows: list[Row]) -> str:
    n = len(rows)
    shot, full = sum(r.one_shot_correct for r in rows), sum(r.correct for r in rows)
    offered = [r for r in rows if r.status == "written"]
    false = [r for r in offered if not r.correct]
    return "\n".join([
        f"\none-shot: {sum(r.one_shot_plausible for r in rows)} plausible, {shot} of {n} correct ({shot / n:.1%})",
        f"full:     {sum(r.plausible for r in rows)} plausible, {full} of {n} correct ({full / n:.1%}), "
        f"median {statistics.median(r.seconds for r in rows):.1f} s",
        f"offered without a question: {len(offered)}, of which {len(false)} wrong: {', '.join(r.task for r in false)}",
        f"judged by: {dict(Counter(r.judge for r in rows))}",
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
