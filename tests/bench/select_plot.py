"""The pictures of `make bench-select`: the share of tasks that are right, by the seconds that one may take."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from select_strategies import Ending

_COLOURS = {
    "one-shot": "#8a8a8a",
    "self-debug": "#b07aa1",
    "first passing": "#4e79a7",
    "majority": "#9c755f",
    "S*-local": "#f28e2b",
    "search only": "#59a14f",
    "full": "#e15759",
}


def plot(by_name: Mapping[str, Sequence[Ending]], folder: Path, title: str) -> None:
    """Writes correct-by-seconds.svg and .png; of each strategy the largest N, with R = 2 where it revises."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "darner"  # the same rows give the same file
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
    for strategy, colour in _COLOURS.items():
        found = _shown(by_name, strategy)
        if found:
            seconds, share = _steps(found)
            axes.step(seconds, share, where="post", color=colour, linewidth=2, label=found[0].name)
    axes.set(xscale="log", xlabel="seconds a task may take", ylabel="correct (hidden tests), %", ylim=(-2, 102))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title(title, fontsize=11)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)  # beside the curves, which may run anywhere
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "correct-by-seconds.svg", metadata={"Date": None})
    figure.savefig(folder / "correct-by-seconds.png", dpi=120, metadata={"Software": None})
    pyplot.close(figure)


def _shown(by_name: Mapping[str, Sequence[Ending]], strategy: str) -> Sequence[Ending]:
    rows = [found for found in by_name.values() if found[0].strategy == strategy]
    return max(rows, key=lambda found: (found[0].samples, -abs(found[0].rounds - 2)), default=())


def _steps(found: Sequence[Ending]) -> tuple[list[float], list[float]]:
    """The curve, from the first second or ending to the slowest."""
    ended = sorted(e.seconds for e in found if e.correct)
    last = max(e.seconds for e in found)
    shares = [100 * (i + 1) / len(found) for i in range(len(ended))]
    return [min(1.0, *ended, last), *ended, max(last, 60.0)], [0.0, *shares, shares[-1] if shares else 0.0]
