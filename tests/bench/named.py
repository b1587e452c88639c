"""`make bench-named`: how often the line that a repair names is one that the known fix changes.

Read from the rows that `make bench` recorded, without running anything: a row names the place of its offered repair,
`solution.py:7`. A row without one counts as a miss; a wrong repair at the right line is a hit, for the line is asked.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from darner.training.product import faulty_lines
from repair import HERE, SETS, TASKS, tasks

RESULTS = HERE.parents[1] / "docs" / "bench"
_PLACE = re.compile(r"solution\.py:(\d+)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="*", help="files of rows; all of docs/bench when none is named")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    options = parser.parse_args()
    every = [task for name in SETS for task in tasks(options.tasks / f"{name}.jsonl", 10_000)]
    faulty = {task["id"]: faulty_lines(task["source"], task["fixed"]) for task in every}
    for path in options.results or sorted(RESULTS.glob("repair-*.json")):
        run: dict[str, Any] = json.loads(path.read_text())
        print(f"{path.stem} (commit {run['commit']}): {table(run['rows'], faulty)}")
    return 0


def table(rows: list[dict[str, Any]], faulty: dict[str, frozenset[int]]) -> str:
    """`humanevalfix 62 of 72 (86.1 %), quixbugs 32 of 40 (80.0 %), all 94 of 112 (83.9 %)`."""
    sets = dict.fromkeys(row["task"].split("/")[0] for row in rows)
    return ", ".join(
        _share(name or "all", [r for r in rows if r["task"].startswith(name)], faulty) for name in (*sets, "")
    )


def _share(name: str, rows: list[dict[str, Any]], faulty: dict[str, frozenset[int]]) -> str:
    hits = sum(names_it(row["description"], faulty[row["task"]]) for row in rows)
    return f"{name} {hits} of {len(rows)} ({hits / len(rows):.1%})".replace("%", " %")


def names_it(description: str, faulty: frozenset[int]) -> bool:
    """The first place that it names; a description without one names no line."""
    found = _PLACE.search(description)
    return found is not None and int(found[1]) in faulty


if __name__ == "__main__":
    sys.exit(main())
