"""`make bench-select`: the table of S* (papers.md 3.3) and the comparison of selectors, all with local models alone.

First every task is recorded: the greedy answer and its revisions, N samples and theirs, the search, the whole loop
(select_record.py). Then every strategy and every selector is worked out from the recordings; hidden tests only score.
Recordings, the model's answers and the sandbox's outputs are kept in --out, one row each: a killed run goes on where it
stood, and with `--replay` tables and pictures are made again with no model.

Correct: every visible and every hidden test passes. Only a task's first failing test is repaired, with those that fail
in the same code. Intervals: percentile bootstrap over tasks, 2,000 resamples.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from darner.engine.errors import ModelError
from darner.engine.select import SELECTORS
from darner.engine.wire import decode, encode
from repair import SETS, TASKS, commit, drawn, machine, tasks
from select_choose import Chooser, Models
from select_compare import WITHOUT_A_MODEL, compared
from select_print import choices, made, matched, questions, short, strategies
from select_record import record
from select_store import Row, Store
from select_strategies import Ending, endings, passing
from select_types import BATCH, How, LeftOut, TaskRow


def main() -> int:
    options = parse_arguments()
    sets = (tasks(options.tasks / f"{s}.jsonl", options.limit) for s in options.sets.split(","))
    given = drawn(chain.from_iterable(sets), options.seed)[: options.draw]
    how = How(
        options.samples, options.rounds, options.full, options.seconds, options.tree_seconds, options.seed,
    )  # fmt: skip
    stamp = {"machine": machine(), "commit": commit()}
    store = Store(options.out, {"model": options.model, "how": encode(how)}, stamp)
    with Models(options) as models:
        if not options.replay:
            record_all(given, store, models, how, Path(options.python))
        wanted = {task["id"]: task for task in given}
        recorded = [row for row in store.of("task") if row["row"]["task"] in wanted]
        if not recorded:
            sys.exit("Nothing is recorded yet; run without --replay.")
        print(f"\n{len(recorded)} of {len(given)} tasks are recorded: {made(recorded)}")
        with Chooser(store, models.known(store), wanted, options) as chooser:
            report(recorded, chooser, how, options)
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b", help="name or path; `none` for the search alone")
    parser.add_argument("--samples", type=int, default=16, help=f"N at most; a multiple of {BATCH}")
    parser.add_argument("--rounds", type=int, default=3, help="R at most")
    parser.add_argument(
        "--full", type=counts, default="4,8,16",
        help="sample counts of the whole loop, smallest first; `none` for neither loop nor search: the model alone",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=60.0, help="budget of the whole loop, and of the search alone")
    parser.add_argument("--tree-seconds", type=float, default=300.0, help="after which a task draws no more samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=10_000, help="tasks of each set, the first ones")
    parser.add_argument("--draw", type=int, default=10_000, help="tasks of all of these, drawn by the seed")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    parser.add_argument("--replay", action="store_true", help="open no model: use what is recorded")
    parser.add_argument("--out", type=Path, default=Path("bench-results/select.jsonl"))
    parser.add_argument("--plots", type=Path, help="folder for correct-by-seconds.svg and .png (needs `.[plots]`)")
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    options = parser.parse_args()
    if options.samples % BATCH:
        parser.error(f"--samples must be a multiple of {BATCH}.")
    return options


def counts(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(map(int, text.split(",")))


def record_all(given: Sequence[dict[str, str]], store: Store, models: Models, how: How, python: Path) -> None:
    done = {row["row"]["task"] for row in store.of("task")}
    for task in given:
        if task["id"] in done:
            continue
        with tempfile.TemporaryDirectory(prefix="task-") as folder:
            try:
                row = record(task, Path(folder), models.real(), how, python)
            except (LeftOut, ModelError) as why:  # one task is no reason to lose the others
                print(f"{task['id']}: left out: {why}", flush=True)
                continue
        store.add({"kind": "task", "row": encode(row)})
        print(line(row), flush=True)


def line(row: TaskRow) -> str:
    visible, hidden = sum(s.visible for s in row.seen), sum(s.hidden for s in row.seen)
    hunts = ", ".join(f"N={h.samples} {h.status} in {h.seconds:.0f} s" for h in row.hunts)
    drawn = sum(len(unit.candidates) for units in row.tree for unit in units)
    return f"{row.task:38} {len(row.seen):3} candidates, {visible} pass, {hidden} right; {drawn} drawn; {hunts}"


# The tables


def report(recorded: Sequence[Row], chooser: Chooser, how: How, options: argparse.Namespace) -> None:
    rows = [decode(row["row"], TaskRow) for row in recorded]
    alone = options.model == "none"
    sizes = None if alone else [n for n in (4, 8, 16, 32, 64) if n <= how.samples]
    whole, left = ended(rows, sizes, how.rounds, chooser)
    names = list(dict.fromkeys(e.name for found in whole.values() for e in found))
    by_name = {name: [e for found in whole.values() for e in found if e.name == name] for name in names}
    print(f"{machine()}; commit {commit()}; model {options.model}; seed {options.seed}; {len(whole)} tasks; {left}")
    print(short(rows, how))
    print(strategies(by_name))
    print(matched(by_name))
    ways = WITHOUT_A_MODEL if alone else SELECTORS
    pools: dict[str, Callable[[TaskRow], list[int]]] = {
        "the loop's pool": lambda row: list(row.hunts[:2][-1].pool) if row.hunts else [],
        "every candidate that passes": lambda row: passing(row, range(len(row.seen))),
    }  # fmt: skip
    selectors: dict[str, Any] = {}
    for name, pool in pools.items():
        selectors[name], unsettled = compared(rows, chooser, ways, pool)
        print(choices(name, selectors[name]), *(f"left out of all: {text}" for text in unsettled), sep="\n")
    print(questions(rows))
    commits = ", ".join(dict.fromkeys(row["commit"] for row in recorded))
    kept: dict[str, Any] = {"made": made(recorded), "commit": commits, "model": options.model, "how": encode(how)}
    kept["tasks"] = {task: [asdict(e) for e in found] for task, found in whole.items()}
    kept["selectors"] = selectors
    options.out.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n")
    if options.plots is not None:
        from select_plot import plot  # here: matplotlib is wanted for pictures alone

        plot(by_name, options.plots, f"{options.model}, {len(whole)} tasks, seed {options.seed}")


def ended(
    rows: Sequence[TaskRow], sizes: Sequence[int] | None, rounds: int, chooser: Chooser
) -> tuple[dict[str, list[Ending]], str]:
    """Every task under every strategy; one that a model did not answer counts for none of them, which is told."""
    whole: dict[str, list[Ending]] = {}
    left: list[str] = []
    for row in rows:
        try:
            whole[row.task] = list(endings(row, sizes, rounds, chooser.cost))
        except ModelError as error:
            left.append(f"{row.task}: {error}")
    return whole, f"left out: {'; '.join(left) or 'none'}"


if __name__ == "__main__":
    sys.exit(main())
