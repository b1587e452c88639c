"""`make bench-localise`: is the faulty line among the first suspects, and is it the line that the explanation names?

Each development task becomes a project of `solution.py` and its visible tests. The known fix says which lines are at
fault: those that it changes or removes, and for lines that it only adds the two neighbours. A hit: one of the first
1, 3 or 5 ranked spans covers such a line. `named`: the explanation's own line does, before any repair is known; with
`--repair SECONDS` also after a search of so long, without a model. The sets are development sets.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from darner.engine.case import Case, open_case
from darner.engine.config import Budget
from darner.engine.events import Done
from darner.engine.evidence import compared, first_look
from darner.engine.loop import repair
from darner.engine.project import Interpreter, Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.engine.types import Explanation
from darner.training.product import faulty_lines
from repair import HERE, SETS, TASKS, commit, machine, tasks

TOPS = (1, 3, 5)


@dataclass(frozen=True)
class Row:
    """One task's ending."""

    task: str
    rank: int
    """Of the first span that covers a faulty line, from 1; 0 when none does."""
    suspects: int
    named: bool
    repaired_named: bool | None
    """The line named after the search, where one was asked for."""
    first_seconds: float
    """Until the facts of the failing test alone were there, as the loop announces them first."""
    evidence_seconds: float
    seconds: float
    """Evidence and ranking, beside other tests: all of the facts."""


def main() -> int:
    options = parse_arguments()
    print(f"{machine()}; commit {commit()}; repair {options.repair:g} s", flush=True)
    python = find_interpreter(HERE, options.python)
    rows: list[Row] = []
    for name in options.sets.split(","):
        for task in tasks(options.tasks / f"{name}.jsonl", options.limit):
            rows.append(examine(task, python, options.repair))
            print(line(rows[-1]), flush=True)
    print(table(rows))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine(), "commit": commit(), "rows": [asdict(row) for row in rows]}
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=10_000, help="tasks of each set")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    parser.add_argument("--repair", type=float, default=0.0, help="seconds of search before the line is named again")
    parser.add_argument("--out", type=Path, default=Path("bench-results/localise.json"))
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    return parser.parse_args()


def examine(task: dict[str, str], python: Interpreter, seconds: float) -> Row:
    folder = Path(tempfile.mkdtemp(prefix="task-")).resolve()
    try:
        (folder / "solution.py").write_text(task["source"])
        (folder / "test_solution.py").write_text(task["visible_tests"])
        faulty = faulty_lines(task["source"], task["fixed"])
        project = Project(folder, python)
        with open_session(project, trusted=True) as session:
            suite = run_suite(session, (), Stop())
            began = time.monotonic()
            seen = first_look(session, suite, suite.failing[0], Stop())
            open_case(session, suite, seen)
            first = time.monotonic() - began
            evidence = compared(session, suite, seen, Stop())
            gathered = time.monotonic() - began
            case = open_case(session, suite, evidence)
            ranked = time.monotonic() - began
            after = None
            if seconds:
                budget = Budget("bench", seconds, samples=0, rounds=0, prose=False)
                for event in repair(session, suite, suite.failing[0], None, budget, Stop()):
                    if isinstance(event, Done):
                        after = covers(event.report.explanation, faulty)
        return Row(
            task=task["id"],
            rank=rank_of(case, faulty),
            suspects=len(case.suspects),
            named=covers(case.explanation, faulty),
            repaired_named=after,
            first_seconds=round(first, 3),
            evidence_seconds=round(gathered, 3),
            seconds=round(ranked, 3),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rank_of(case: Case, faulty: Iterable[int]) -> int:
    spans = ((n, s) for n, s in enumerate(case.suspects, 1) if s.path == "solution.py")
    return next((n for n, s in spans if any(s.line <= f <= s.end_line for f in faulty)), 0)


def covers(explanation: Explanation, faulty: frozenset[int]) -> bool:
    return explanation.file == "solution.py" and explanation.line in faulty


def line(row: Row) -> str:
    after = "" if row.repaired_named is None else f"  after repair {'yes' if row.repaired_named else 'no':3}"
    named = "yes" if row.named else "no"
    return f"{row.task:40} rank {row.rank:3} of {row.suspects:3}  named {named:3}{after}  {row.seconds:5.2f} s"


def table(rows: list[Row]) -> str:
    heads = " ".join(f"{f'top-{n}':>14}" for n in TOPS)
    lines = [
        f"\n{'set':18} {'n':>4} {heads} {'named':>14} {'after repair':>14}"
        f" {'first s: p50 p95 max':>24} {'all of it':>20}"
    ]
    for name in [*dict.fromkeys(row.task.split("/")[0] for row in rows), ""]:
        chosen = [row for row in rows if row.task.startswith(name)]
        cells = [_share(sum(0 < row.rank <= n for row in chosen), len(chosen)) for n in TOPS]
        cells.append(_share(sum(row.named for row in chosen), len(chosen)))
        after = [row.repaired_named for row in chosen if row.repaired_named is not None]
        cells.append(_share(sum(after), len(after)) if after else "-")
        first, whole = ([getattr(row, kind) for row in chosen] for kind in ("first_seconds", "seconds"))
        shown = " ".join(f"{cell:>14}" for cell in cells)
        lines.append(f"{name or 'all':18} {len(chosen):4} {shown} {_spread(first):>24} {_spread(whole):>20}")
    return "\n".join(lines)


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{statistics.median(ordered):.3f} {p95(ordered):.3f} {ordered[-1]:.3f}"


def p95(ordered: list[float]) -> float:
    """The nearest rank: the least value that at least 95 % do not exceed."""
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def _share(hits: int, of: int) -> str:
    return f"{hits} ({hits / of:.1%})"


if __name__ == "__main__":
    sys.exit(main())
