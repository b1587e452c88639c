"""The real tasks of `make bench-real`: what counts as a hunk, and that taking one back gives the older lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_hunks import MOST_LINES, hunks
from real_results import Results, place
from real_table import Row, table
from real_tasks import read_manifest, taken_back

OLD = '''"""Prices."""
import math

__version__ = "1.0"


def total(prices):
    """The sum."""
    result = 0
    count = 0
    for price in prices:
        count += 1
        result += price
    return result


def share(part, whole):
    return part / whole


def rounded(value: float) -> float:
    return math.floor(value)
'''
NEW = '''"""Prices of things."""
import math
import sys

__version__ = "1.1"


def total(prices):
    """The sum of all."""
    # in the order they come
    result = 0
    count = 0
    for price in prices:
        count += 1
        if price is not None:
            result += price
    return result


def share(part, whole):
    if not whole:
        return 0
    return part / whole


def rounded(value: int) -> int:
    return math.floor(value)


def added():
    return sys.maxsize
'''


@pytest.fixture
def releases(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("old", OLD), ("new", NEW)):
        for path in ("shop/__init__.py", "shop/prices.py", "tests/test_prices.py", "docs/conf.py"):
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("" if path.endswith("__init__.py") else text)
    return tmp_path / "old", tmp_path / "new"


def test_only_changes_of_meaning_in_installed_sources_are_hunks(releases: tuple[Path, Path]) -> None:
    """A comment, a docstring, an annotation, a version, an import, a new function and a test are no bug to repair."""
    old, new = releases
    found = sorted(hunks(old, new, "shop"), key=lambda hunk: hunk.new)
    assert [(hunk.path, hunk.old[1], hunk.new[1]) for hunk in found] == [
        ("shop/prices.py", 1, 2),
        ("shop/prices.py", 0, 2),
    ]


def test_a_hunk_taken_back_leaves_the_older_lines_there_and_nothing_else_changed(releases: tuple[Path, Path]) -> None:
    """The task has to be the release with one change missing, byte for byte."""
    old, new = (root / "shop" / "prices.py" for root in releases)
    first, second = sorted(hunks(*releases, "shop"), key=lambda hunk: hunk.new)
    without = taken_back(old.read_bytes(), new.read_bytes(), first).decode()
    assert without == NEW.replace(
        "        if price is not None:\n            result += price", "        result += price"
    )
    without = taken_back(old.read_bytes(), new.read_bytes(), second).decode()
    assert without == NEW.replace("    if not whole:\n        return 0\n", "")


def test_every_task_of_the_manifest_is_small_and_names_what_fails() -> None:
    """The bench promises hunks of at most twelve lines, archives by their hash, and tests that fail for the hunk."""
    tasks = read_manifest()
    assert len({task.id for task in tasks}) == len(tasks)
    for task in tasks:
        assert task.hunk.size <= MOST_LINES, task.id
        assert 0 < len(task.failing) <= task.whole.passed, task.id
        assert not set(task.failing) & set(task.whole.failing), task.id
        hashes = (task.old.sha256, task.new.sha256, task.broken_sha256)
        assert all(len(text) == 64 for text in hashes), task.id
        assert task.old.package == task.new.package == task.id.split("/")[0], task.id


def test_a_refused_repair_is_counted_among_the_rest() -> None:
    """A patch that the upstream suite refuses must never look like a repair in the table."""
    rows = [
        Row("a/1/x.py:1", "c", "repaired", 1, plausible=True, correct=True, same="text", origin="mutation"),
        Row("a/1/x.py:9", "c", "repaired", 1, plausible=True, note="breaks 2 tests: t"),
        Row("b/1/y.py:3", "c", "unrepaired", 7, suspects=10, rank=2),
        Row("b/1/y.py:5", "c", "repaired", 2, plausible=True, uncured=2),
    ]
    shown = table(rows)
    assert "1 ( 25.0%)" in shown
    assert "1 a repair that is said to cure a part of the failing tests" in shown
    assert "1 a repair that the upstream suite refuses" in shown
    assert "1 suspected; the true hunk has more than 5 lines" in shown


MADE = {"machine": "one", "model": "a", "budget": "120", "seed": 0}


def test_rows_made_otherwise_are_never_mixed(tmp_path: Path) -> None:
    """An --out that holds the rows of another model, budget, seed or machine would be added to in silence."""
    Results(tmp_path / "rows.json", MADE).add(Row("a/1/x.py:1", "c", "repaired", 1))
    assert Results(tmp_path / "rows.json", MADE).has("a/1/x.py:1")
    for name in MADE:
        with pytest.raises(SystemExit, match="made with"):
            Results(tmp_path / "rows.json", {**MADE, name: "another"})


def test_each_model_has_a_result_file_of_its_own() -> None:
    """Names with dots in them, and two files of one name, must not share their rows."""
    models = ("qwen2.5-coder-0.5b", "qwen2.5-coder-0.6b", "/a/x.gguf", "/b/x.gguf", "none")
    assert len({place(model, "120", 0) for model in models}) == len(models)
