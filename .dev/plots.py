"""The pictures of the benchmark, from the result files of docs/bench: docs/images/repairs.svg and .png."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).resolve().parent.parent / "docs"
ALONE = {"the 0.5B alone, one answer": "alone-05b.json"}
"""Its seconds are not those of a command."""
RUNS = {
    "search alone, 5 s": "repair-none-quick.json",
    "search and the 0.5B": "repair-05b-later.json",
    "search and the 1.5B": "repair-15b-whole.json",
}
_COLOURS = ("#00695c", "#ffb300", "#c62828")
_ROOM = 20
"""Percent of a bar that holds its own label."""
_SHADES = ("#80cbc4", "#009688", "#004d40")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tasks of one run ended."""

    tasks: int
    by_search: int
    """Correct, and found by the search or by taking an edit back."""
    by_model: int
    wrong: int
    """The visible tests pass with it, a hidden one fails."""
    seconds: tuple[float, ...]
    """Of the correct ones, the whole command, ascending."""


def rows_of(path: Path) -> list[dict[str, Any]]:
    """One a task: of `make bench`, or of the model alone, its first answer in `make bench-select`."""
    run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "rows" in run:
        return run["rows"]
    endings = (one for found in run["tasks"].values() for one in found)
    return [{**one, "origin": "model"} for one in endings if one["strategy"] == "one-shot"]


def outcome(path: Path) -> Outcome:
    rows = rows_of(path)
    correct = [row for row in rows if row["correct"]]
    by_model = sum(row["origin"] == "model" for row in correct)
    wrong = sum(row["plausible"] and not row["correct"] for row in rows)
    seconds = tuple(sorted(float(row["seconds"]) for row in correct))
    return Outcome(len(rows), len(correct) - by_model, by_model, wrong, seconds)


def main() -> None:
    plt.rcParams.update({"svg.hashsalt": "darner", "svg.fonttype": "path", "font.size": 10})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), width_ratios=(3, 2), layout="constrained")
    found = {label: outcome(DOCS / "bench" / name) for label, name in (ALONE | RUNS).items()}
    _bars(left, found)
    _curves(right, {label: found[label] for label in RUNS})
    for suffix, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
        figure.savefig(DOCS / "images" / f"repairs.{suffix}", metadata=metadata, dpi=120)


def _bars(axes: Any, found: dict[str, Outcome]) -> None:  # noqa: ANN401 - matplotlib's types say little
    labels = list(found)
    starts = [0.0] * len(labels)
    parts = ("correct, found by search", "correct, found by the model", "wrong")
    for part, colour, key in zip(parts, _COLOURS, ("by_search", "by_model", "wrong"), strict=True):
        widths = [100 * getattr(one, key) / one.tasks for one in found.values()]
        axes.barh(labels, widths, left=starts, color=colour, label=part)
        starts = [a + b for a, b in zip(starts, widths, strict=True)]
    for at, (one, end) in enumerate(zip(found.values(), starts, strict=True)):
        inside = end > _ROOM
        text = f"{one.by_search + one.by_model} of {one.tasks}"
        axes.text(2 if inside else end + 2, at, text, color="white" if inside else "black", va="center", weight="bold")
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the tasks")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.22), ncols=3, frameon=False, fontsize=8)


def _curves(axes: Any, found: dict[str, Outcome]) -> None:  # noqa: ANN401 - as above
    for (label, one), shade in zip(found.items(), _SHADES, strict=True):
        axes.step(one.seconds, range(1, len(one.seconds) + 1), where="post", color=shade, label=label)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks([2, 5, 10, 20, 60], ["2", "5", "10", "20", "60"])
    axes.set_xlabel("seconds of the whole command")
    axes.set_ylabel("correct repairs")
    axes.legend(loc="lower right", frameon=False, fontsize=8)


if __name__ == "__main__":
    main()
