"""Figures that the documents give are those of the result files."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("result", "label"),
    [
        ("alone-05b", "Qwen2.5-Coder-0.5B alone, one answer, on 72 of them"),
        ("repair-none-quick", "search alone, 5 s a failing test"),
        ("repair-05b-later", "with Qwen2.5-Coder-0.5B"),
        ("repair-15b-whole", "with Qwen2.5-Coder-1.5B"),
    ],
)
def test_the_readme_says_what_was_measured(result: str, label: str) -> None:
    """A figure that nobody can trace to a run is an advertisement."""
    run: dict[str, Any] = json.loads((ROOT / "docs" / "bench" / f"{result}.json").read_text("utf-8"))
    rows: list[dict[str, Any]] = (
        run["rows"]
        if "rows" in run
        else [
            {**one, "origin": "model"}
            for found in run["tasks"].values()
            for one in found
            if one["strategy"] == "one-shot"
        ]
    )
    correct = [row for row in rows if row["correct"]]
    by_model = sum(row["origin"] == "model" for row in correct)
    share = f"{len(correct)} of {len(rows)} ({len(correct) / len(rows):.0%})".replace("%", " %")
    seconds = f"{median(row['seconds'] for row in rows):.1f} s"

    told = f"| {label} | {share} | {seconds} | {len(correct) - by_model} / {by_model} | {run['commit']} |"
    assert told in (ROOT / "README.md").read_text("utf-8")
