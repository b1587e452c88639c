"""`make bench-real`: repair real projects with `darner fix --json`, score with the whole upstream suite.

Each task of real_manifest.json is a release from PyPI in which one hunk of its own change is taken back; its failing
tests are named to the tool, which sees the project as its developer has it. Correct: everything that passes in the
release as published passes with the offered patch, and the patch is held against the true hunk. Rows that stand in the
result file already are not run again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from darner.engine import memory, trust
from darner.engine.config import parse_budget
from darner.engine.errors import BadInput
from real_fix import fix, lay_out
from real_results import Results, place
from real_score import scored
from real_sdists import NoSdist
from real_table import Row, line, table
from real_tasks import Task, read_manifest
from repair import commit, machine


def main() -> int:
    options = parse_arguments()
    out = options.out or place(options.model, options.budget, options.seed)
    results = Results(out, {"machine": machine(), **vars(options)})
    print(f"{machine()}; commit {commit()}; model {options.model}; budget {options.budget}; seed {options.seed}")
    began = time.monotonic()
    for task in chosen(options):
        if results.has(task.id):
            continue
        if time.monotonic() - began > options.seconds:
            print("no time left; run again to go on")
            break
        try:
            results.add(run_task(task, options))
        except NoSdist as none:  # said and not kept: the next run tries again
            print(f"{task.id}: not run: {none}", flush=True)
            continue
        print(line(results.rows[-1]), flush=True)
    print(table(results.rows))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b", help="name or path; `none` for search only")
    parser.add_argument("--budget", default="120", help="of each failing test: a name, or seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=10_000, help="tasks")
    parser.add_argument("--only", default="", help="tasks whose name holds this text")
    parser.add_argument("--each", type=int, default=10_000, help="tasks of each package")
    parser.add_argument("--seconds", type=float, default=86_400.0, help="of the whole run; a later run goes on")
    parser.add_argument("--out", type=Path, help="result file; by default one for each model, budget and seed")
    options = parser.parse_args()
    try:
        parse_budget(options.budget)
    except BadInput as bad:
        parser.error(str(bad))
    return options


def chosen(options: argparse.Namespace) -> list[Task]:
    """The first task of every package, then the second, so that a short run sees many packages."""
    tasks = [task for task in read_manifest() if options.only in task.id]
    if not tasks:
        sys.exit(f"No task of the manifest holds {options.only!r}; make mine-real finds tasks.")
    nth: Counter[str] = Counter()
    ordered: list[tuple[int, Task]] = []
    for task in tasks:
        nth[task.new.package] += 1
        ordered.append((nth[task.new.package], task))
    ordered.sort(key=lambda one: one[0])
    return [task for n, task in ordered if n <= options.each][: options.limit]


def run_task(task: Task, options: argparse.Namespace) -> Row:
    """Raises NoSdist."""
    folder = Path(tempfile.mkdtemp(prefix="real-")).resolve()
    try:
        laid = lay_out(task, folder)
        try:
            answer = fix(task, laid, options)
        finally:
            memory.forget(laid.root)
            trust.forget(laid.root)
        return scored(task, laid, answer)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
