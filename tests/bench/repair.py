"""`make bench`: repair the development tasks with `darner fix --json`, score with hidden tests, print the table.

Each task becomes a project of `solution.py` and its visible tests; the tool sees nothing else. Plausible: every visible
test passes with the offered patch. Correct: every hidden test passes too. The sets are development sets: the search was
tuned on them.

`--editor` asks the engine as an editor does: the tests run when the project is opened, and a second after the last of
them the repair is asked for; the seconds are those between that question and its answer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darner.engine.report import failure
from darner.engine.types import FailureReport
from darner.engine.wire import decode
from darner.sandbox.session import open_session
from darner.sandbox.types import Limits, Status

HERE = Path(__file__).resolve().parent
TASKS = HERE.parents[2] / "shared" / "bench"
SETS = ("humanevalfix-dev", "quixbugs")
READING_S = 1.0
"""Between the failure and the wish for a repair: nobody decides faster."""
SCORING = Limits(wall_s=60.0, cpu_s=60.0, test_wall_s=10.0, test_cpu_s=8.0)


@dataclass(frozen=True)
class Row:
    """One task's ending."""

    task: str
    status: str
    origin: str
    operator: str
    description: str
    plausible: bool
    correct: bool
    seconds: float
    """Wall clock of the whole command: start, suite, repair, facts (no prose). In an editor: of the repair alone."""
    repair_seconds: float
    """As the tool reports it for the first failing test: evidence until verified."""
    tried: int
    note: str


def main() -> int:
    options = parse_arguments()
    rows: list[Row] = []
    print(f"{machine()}; model {options.model}; budget {options.budget}; seed {options.seed}", flush=True)
    for name in options.sets.split(","):
        for task in tasks(options.tasks / f"{name}.jsonl", options.limit):
            rows.append(run_task(task, options))
            print(line(rows[-1]), flush=True)
    print(table(rows))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    how = {name: getattr(options, name) for name in ("model", "budget", "seed", "sets", "editor")}
    report = {"machine": machine(), "commit": commit(), **how, "rows": [asdict(row) for row in rows]}
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b", help="name or path; `none` for search only")
    parser.add_argument("--budget", default="normal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--editor", action="store_true", help="through the engine's service, as an editor asks it")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=10_000, help="tasks of each set")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    parser.add_argument("--out", type=Path, default=Path("bench-results/repair.json"))
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    return parser.parse_args()


def tasks(path: Path, limit: int) -> Iterator[dict[str, str]]:
    if not path.exists():
        sys.exit(f"{path} does not exist; pass the folder that holds the tasks with --tasks.")
    lines = path.read_text().splitlines()
    yield from (json.loads(text) for text in lines[:limit])


def drawn(given: Iterable[dict[str, str]], seed: int) -> list[dict[str, str]]:
    """In an order by chance, one for each seed: a run that ends early has taken a fair sample."""
    return sorted(given, key=lambda task: hashlib.sha256(f"{seed} {task['id']}".encode()).digest())


def run_task(task: dict[str, str], options: argparse.Namespace) -> Row:
    folder = Path(tempfile.mkdtemp(prefix="task-")).resolve()
    try:
        (folder / "solution.py").write_text(task["source"])
        (folder / "test_solution.py").write_text(task["visible_tests"])
        report, seconds = (fix_in_editor if options.editor else fix)(folder, options)
        return score(task, folder, report, seconds, options.python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fix(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], float]:
    """What the command says, and its wall clock."""
    model = ["--no-model"] if options.model == "none" else ["--model", options.model]
    command = [sys.executable, "-P", "-m", "darner.engine.cli", "fix", "--json", "--no-prose", "--trust", *model]
    command += ["--budget", options.budget, "--seed", str(options.seed), "--python", options.python]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=installed()
    )
    try:
        return json.loads(done.stdout), time.monotonic() - began
    except json.JSONDecodeError:
        sys.exit(f"darner fix failed (exit {done.returncode}) in {folder}: {done.stderr[-2000:]}")


def installed() -> dict[str, str]:
    """The environment, in which Python keeps what it compiles as it does when Darner is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def fix_in_editor(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], float]:
    """What the service answers, and how long after it was asked."""
    command = [sys.executable, "-P", "-m", "darner.engine.service"]
    of = {"root": str(folder), "python": options.python}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=installed()) as process:
        failing = answer(process, "test", {**of, "nodeids": []})["result"]["failing"]
        if not failing:
            return {"error": "no test fails"}, 0.0
        time.sleep(READING_S)
        began = time.monotonic()
        asked = {**of, "nodeid": failing[0], "budget": options.budget, "model": options.model}
        told = answer(process, "repair", asked)
        seconds = time.monotonic() - began
        answer(process, "shutdown", {})
    if "error" in told:
        return {"error": told["error"]}, seconds
    return {"failures": [failure(decode(told["result"], FailureReport))]}, seconds


def answer(process: subprocess.Popen[bytes], method: str, params: Mapping[str, object]) -> dict[str, Any]:
    """The one answer to a request; events on the way are passed over."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"id": method, "method": method, "params": params}).encode() + b"\n")
    process.stdin.flush()
    rows = (json.loads(line) for line in process.stdout)
    return next(row for row in rows if "result" in row or "error" in row)


def score(task: dict[str, str], folder: Path, report: dict[str, Any], seconds: float, python: str) -> Row:
    failures: list[dict[str, Any]] = report.get("failures") or [{"status": "error", "note": str(report.get("error"))}]
    first = failures[0]
    plausible = correct = False
    if first.get("patch"):
        apply(folder, first["patch"])
        (folder / "test_hidden_tests.py").write_text(task["hidden_tests"])
        with open_session(folder, Path(python), trusted=True) as session:
            plausible = session.run(("test_solution.py",), limits=SCORING).status is Status.PASS
            correct = plausible and session.run(("test_hidden_tests.py",), limits=SCORING).status is Status.PASS
    return Row(
        task=task["id"],
        status=first["status"],
        origin=first.get("origin") or "",
        operator=first.get("operator") or "",
        description=first.get("description") or "",
        plausible=plausible,
        correct=correct,
        seconds=round(seconds, 2),
        repair_seconds=first.get("seconds", 0.0),
        tried=first.get("candidates_tried", 0),
        note=first.get("note", ""),
    )


def apply(folder: Path, patch: str) -> None:
    subprocess.run(
        ["git", "apply", "-"], cwd=folder, input=patch.encode(), check=True, env={**os.environ, "GIT_DIR": "/"}
    )


def line(row: Row) -> str:
    verdict = "correct" if row.correct else "plausible" if row.plausible else "-"
    head = f"{row.task:38} {row.status:11} {verdict:9} {row.seconds:6.1f} s {row.tried:5} tried"
    return f"{head}  {row.origin} {row.description}"


def table(rows: list[Row]) -> str:
    """`repair s`: the median from failure to offer, as in an editor, whose sandbox is open; the others: the command."""
    heads = (
        ("plausible", 10),
        ("correct", 14),
        ("ambiguous", 10),
        ("repair s", 9),
        ("median s", 9),
        ("p90 s", 7),
        ("max s", 7),
    )
    lines = [f"\n{'set':18} {'n':>4} " + " ".join(f"{text:>{width}}" for text, width in heads)]
    sets = list(dict.fromkeys(row.task.split("/")[0] for row in rows))
    for name in [*sets, ""]:
        chosen = [row for row in rows if row.task.startswith(name)]
        seconds = sorted(row.seconds for row in chosen)
        correct = sum(row.correct for row in chosen)
        lines.append(
            f"{name or 'all':18} {len(chosen):4} {sum(row.plausible for row in chosen):10}"
            f" {correct:6} ({correct / len(chosen):5.1%}) {sum(row.status == 'ambiguous' for row in chosen):10}"
            f" {statistics.median(row.repair_seconds for row in chosen):9.1f}"
            f" {statistics.median(seconds):9.1f} {seconds[int(0.9 * (len(seconds) - 1))]:7.1f} {seconds[-1]:7.1f}"
        )
    origins = Counter(row.origin for row in rows if row.correct)
    lines.append(f"correct by origin: {', '.join(f'{name} {n}' for name, n in origins.most_common()) or 'none'}")
    return "\n".join([*lines, *by_operator(rows), *false_repairs(rows)])


def by_operator(rows: list[Row]) -> list[str]:
    """What each edit operator was offered for, and how often that was right."""
    offered = Counter(row.operator for row in rows if row.operator)
    correct = Counter(row.operator for row in rows if row.correct)
    heads = f"\n{'operator':24} {'offered':>8} {'correct':>8} {'false':>6}"
    return [
        heads,
        *(f"{name:24} {n:8} {correct[name]:8} {n - correct[name]:6}" for name, n in sorted(offered.items())),
    ]


def false_repairs(rows: list[Row]) -> list[str]:
    """Offered, every visible test passes, and a hidden one fails: the count that must be small, and each of them."""
    wrong = [row for row in rows if row.plausible and not row.correct]
    offered = sum(row.plausible for row in rows)
    share = f" ({len(wrong) / offered:.1%} of those offered)" if offered else ""
    return [f"\nfalse repairs: {len(wrong)}{share}", *(f"  {r.task}: {r.description}" for r in wrong)]


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
