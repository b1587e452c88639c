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
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from darner.engine.errors import ModelError
from darner.engine.evidence import Flaky
from darner.engine.select import SELECTORS
from darner.engine.wire import decode, encode
from repair import SETS, TASKS, commit, machine, tasks
from select_choose import Chooser, Models
from select_record import record
from select_store import Store
from select_strategies import Ending, endings, passing
from select_types import BATCH, How, TaskRow

_BUDGETS = (5, 15, 30, 60, 120)
_RESAMPLES = 2_000


def main() -> int:
    options = parse_arguments()
    given = list(
        chain.from_iterable(tasks(options.tasks / f"{s}.jsonl", options.limit) for s in options.sets.split(","))
    )
    how = How(
        options.samples, options.rounds, tuple(map(int, options.full.split(","))), options.seconds,
        options.tree_seconds, options.seed,
    )  # fmt: skip
    store = Store(options.out, {"model": options.model, "how": encode(how)})
    with Models(options) as models:
        if not options.replay:
            record_all(given, store, models, how, Path(options.python))
        found = [decode(row["row"], TaskRow) for row in store.of("task")]
        chooser = Chooser(store, models.known(store), {task["id"]: task for task in given}, options)
        rows = [row for row in found if row.task in chooser.tasks]
        if not rows:
            sys.exit("Nothing is recorded yet; run without --replay.")
        try:
            with chooser:
                report(rows, chooser, how, options)
        except ModelError as error:
            sys.exit(str(error))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b", help="name or path; `none` for the search alone")
    parser.add_argument("--samples", type=int, default=16, help=f"N at most; a multiple of {BATCH}")
    parser.add_argument("--rounds", type=int, default=3, help="R at most")
    parser.add_argument("--full", default="4,8,16", help="sample counts of the whole loop, smallest first")
    parser.add_argument("--seconds", type=float, default=60.0, help="budget of the whole loop, and of the search alone")
    parser.add_argument("--tree-seconds", type=float, default=300.0, help="after which a task draws no more samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=10_000, help="tasks of each set")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    parser.add_argument("--replay", action="store_true", help="open no model: use what is recorded")
    parser.add_argument("--out", type=Path, default=Path("bench-results/select.jsonl"))
    parser.add_argument("--plots", type=Path, help="folder for correct-by-seconds.svg and .png (needs `.[plots]`)")
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    options = parser.parse_args()
    if options.samples % BATCH:
        parser.error(f"--samples must be a multiple of {BATCH}.")
    return options


def record_all(given: Sequence[dict[str, str]], store: Store, models: Models, how: How, python: Path) -> None:
    done = {row["row"]["task"] for row in store.of("task")}
    for task in given:
        if task["id"] in done:
            continue
        with tempfile.TemporaryDirectory(prefix="task-") as folder:
            try:
                row = record(task, Path(folder), models.real(), how, python)
            except Flaky as flaky:
                print(f"{task['id']}: left out: {flaky.note}", flush=True)
                continue
        store.add({"kind": "task", "machine": machine(), "commit": commit(), "row": encode(row)})
        print(line(row), flush=True)


def line(row: TaskRow) -> str:
    visible, hidden = sum(s.visible for s in row.seen), sum(s.hidden for s in row.seen)
    hunts = ", ".join(f"N={h.samples} {h.status} in {h.seconds:.0f} s" for h in row.hunts)
    drawn = sum(len(unit.candidates) for units in row.tree for unit in units)
    return f"{row.task:38} {len(row.seen):3} candidates, {visible} pass, {hidden} right; {drawn} drawn; {hunts}"


# The tables


def report(rows: Sequence[TaskRow], chooser: Chooser, how: How, options: argparse.Namespace) -> None:
    sizes = [n for n in (4, 8, 16, 32, 64) if n <= how.samples]
    whole = {row.task: list(endings(row, sizes, how.rounds, chooser.cost)) for row in rows}
    names = list(dict.fromkeys(e.name for found in whole.values() for e in found))
    by_name = {name: [e for found in whole.values() for e in found if e.name == name] for name in names}
    print(f"\n{machine()}; commit {commit()}; model {options.model}; seed {options.seed}; {len(rows)} tasks")
    print(strategies(by_name))
    print(matched(by_name))
    selectors = {
        "the loop's pool": compared(rows, chooser, lambda row: list(row.hunts[min(1, len(row.hunts) - 1)].pool)),
        "every candidate that passes": compared(rows, chooser, lambda row: passing(row, range(len(row.seen)))),
    }
    for name, found in selectors.items():
        print(choices(name, found))
    print(questions(rows))
    where = options.out.with_suffix(".json")
    kept: dict[str, Any] = {"machine": machine(), "commit": commit(), "model": options.model, "how": encode(how)}
    kept["tasks"] = {task: [asdict(e) for e in found] for task, found in whole.items()}
    kept["selectors"] = selectors
    where.write_text(json.dumps(kept, indent=1) + "\n")
    if options.plots is not None:
        from select_plot import plot  # here: matplotlib is wanted for pictures alone

        plot(by_name, options.plots, f"{options.model}, {len(rows)} tasks, seed {options.seed}")


def strategies(by_name: Mapping[str, Sequence[Ending]]) -> str:
    heads = f"\n{'strategy':24} {'n':>4} {'correct':>8} {'95 %':>15} {'plausible':>9} {'oracle':>7}"
    lines = [f"{heads} {'calls':>6} {'median s':>8} {'mean s':>7}"]
    for name, found in by_name.items():
        right, seen, somewhere = ([getattr(e, what) for e in found] for what in ("correct", "plausible", "oracle"))
        seconds = [e.seconds for e in found]
        lines.append(
            f"{name:24} {len(found):4} {_share(right):>8} {_interval(right):>15} {_share(seen):>9}"
            f" {_share(somewhere):>7} {statistics.mean(e.calls for e in found):6.1f}"
            f" {statistics.median(seconds):8.1f} {statistics.mean(seconds):7.1f}"
        )
    return "\n".join(lines)


def matched(by_name: Mapping[str, Sequence[Ending]]) -> str:
    """Correct within the same wall clock: what had not ended by then counts as nothing."""
    lines = [f"\n{'correct within':24} " + " ".join(f"{f'{s} s':>7}" for s in _BUDGETS)]
    for name, found in by_name.items():
        cells = (_share([e.correct and e.seconds <= most for e in found]) for most in _BUDGETS)
        lines.append(f"{name:24} " + " ".join(f"{cell:>7}" for cell in cells))
    return "\n".join(lines)


def compared(
    rows: Sequence[TaskRow], chooser: Chooser, pool: Callable[[TaskRow], list[int]]
) -> dict[str, list[dict[str, Any]]]:
    """Every selector on the tasks whose pool holds a right one and a wrong one."""
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in SELECTORS}
    for row in rows:
        numbers = pool(row)
        if len({row.seen[i].hidden for i in numbers}) < 2:
            continue
        for name, found in told.items():
            try:
                choice, calls, seconds = chooser.choice(name, row, numbers)
            except ModelError:
                continue
            rival = choice.rival is not None and row.seen[numbers[choice.rival]].hidden
            right = row.seen[numbers[choice.best]].hidden
            found.append({
                "task": row.task, "right": right, "asked": choice.rival is not None, "answered": right or rival,
                "fallback": choice.fallback, "calls": calls, "seconds": round(seconds, 3),
            })  # fmt: skip
    return told


def choices(pool: str, found: Mapping[str, Sequence[dict[str, Any]]]) -> str:
    heads = (
        f"\nselectors on {pool}, tasks with a right and a wrong one\n{'selector':12} {'n':>4} {'right':>8} {'95 %':>15}"
    )
    lines = [f"{heads} {'fallback':>8} {'calls':>6} {'mean s':>7} {'asked':>6} {'right when answered':>20}"]
    for name, told in found.items():
        if not told:
            lines.append(f"{name:12} {0:4}")
            continue
        right = [t["right"] for t in told]
        lines.append(
            f"{name:12} {len(told):4} {_share(right):>8} {_interval(right):>15} {sum(t['fallback'] for t in told):8}"
            f" {statistics.mean(t['calls'] for t in told):6.1f} {statistics.mean(t['seconds'] for t in told):7.2f}"
            f" {sum(t['asked'] for t in told):6} {_share([t['answered'] for t in told]):>20}"
        )
    return "\n".join(lines)


def questions(rows: Sequence[TaskRow]) -> str:
    """Of all tasks: how often the loop asks, and what it reaches when a person who knows answers."""
    lines: list[str] = []
    for at, hunt in enumerate(rows[0].hunts):
        hunts = [row.hunts[at] for row in rows]
        asked = sum(h.rival is not None for h in hunts)
        offered = [[i for i in (h.offered, h.rival) if i is not None] for h in hunts]
        right = [any(row.seen[i].hidden for i in both) for row, both in zip(rows, offered, strict=True)]
        name = f"the loop with N={hunt.samples}" if hunt.samples else "the search alone"
        lines.append(f"{name}: asks in {asked} of {len(rows)} tasks; answered rightly it is correct in {_share(right)}")
    return "\n" + "\n".join(lines)


def _share(hits: Sequence[bool]) -> str:
    return f"{sum(hits) / len(hits):.1%}"


def _interval(hits: Sequence[bool]) -> str:
    chance = random.Random(0)
    means = sorted(sum(chance.choices(hits, k=len(hits))) / len(hits) for _ in range(_RESAMPLES))
    return f"{means[int(0.025 * _RESAMPLES)]:.1%}-{means[int(0.975 * _RESAMPLES)]:.1%}"


if __name__ == "__main__":
    sys.exit(main())
