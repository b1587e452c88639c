"""What a person sees of a stage that counts steps: how far it is, what came of it, and the time left."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from darner.training.run import Standing, State
from darner.training.show import table, watching
from darner.training.stages import Context, FileStage
from darner.training.store import Progress
from rich.console import Console
from training_runs import command, run


@dataclass(frozen=True, slots=True)
class Settings:
    pass


def _stepping(context: Context, settings: Settings, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
    for step in range(1, 5):
        context.tell(Progress(4, step, note=f"loss {1 / step:.2f}"))
    (folder / "made").write_text("1", encoding="utf-8")
    return {"last_loss": 0.25}


STEPS = FileStage("steps", Settings, (), make=_stepping)


def seen(tmp_path: Path, *, terminal: bool, every: float = 0.0) -> str:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[steps]\n", encoding="utf-8")
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with watching(console, every) as watch:
        run(recipe, tmp_path / "run", stages=(STEPS,), watch=watch)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_a_line_now_and_then_says_steps_loss_and_time_left(tmp_path: Path) -> None:
    """The log of a night on another machine; two steps make a speed, and a time."""
    lines = seen(tmp_path, terminal=False).splitlines()

    assert lines[0] == "steps begins"
    assert lines[1] == "steps: 1 of 4, loss 1.00"
    assert re.fullmatch(r"steps: 3 of 4, loss 0\.33, 0:00:\d\d left", lines[3])
    assert lines[4].startswith("steps: 4 of 4, loss 0.25")
    assert re.fullmatch(r"steps: steps, last_loss 0\.25, .* s", lines[5])


def test_where_a_stage_stands_says_its_figures_when_it_dropped_nothing(tmp_path: Path) -> None:
    """Nobody opens a manifest to read a loss."""
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[steps]\n", encoding="utf-8")
    made = run(recipe, tmp_path / "run", stages=(STEPS,))
    console = Console(file=io.StringIO(), width=120)
    console.print(table([Standing(STEPS, State.DONE, manifest=made[0])]))

    assert isinstance(console.file, io.StringIO)
    assert "last_loss 0.25" in console.file.getvalue()


def test_lines_come_no_more_often_than_asked(tmp_path: Path) -> None:
    """A log of ten thousand steps is read by nobody."""
    assert len(seen(tmp_path, terminal=False, every=3600.0).splitlines()) == 2


def test_on_a_terminal_it_is_a_bar(tmp_path: Path) -> None:
    """One that moves, and no lines between beginning and end."""
    shown = seen(tmp_path, terminal=True)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)

    assert "4/4 loss 0.25" in plain
    assert "steps: 4 of 4" not in plain
    assert "steps: steps, last_loss 0.25" in plain


def test_whoever_asks_for_json_gets_nothing_else(tmp_path: Path) -> None:
    """On neither stream: a program reads both."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "m.py").write_text(
        'def half(number):\n    """Half of the number that is given.\n\n    >>> half(4)\n    2\n    """\n'
        "    return number // 2\n",
        encoding="utf-8",
    )
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f'[seeds]\nfolder = "{tmp_path / "corpus"}"\nlicence = "MIT"\n', encoding="utf-8")

    asked = command("run", recipe, "--folder", tmp_path / "run", "--json")
    shown = command("run", recipe, "--folder", tmp_path / "other")

    assert json.loads(asked.stdout)["stages"] == ["seeds"]
    assert asked.stderr == ""
    assert "seeds: 1 records" in shown.stderr


@pytest.mark.parametrize("terminal", [True, False])
def test_a_stage_that_tells_nothing_is_shown_as_before(tmp_path: Path, terminal: bool) -> None:
    """Every stage begins and ends with a line, whatever it says between."""
    quiet = FileStage("steps", Settings, (), make=lambda context, settings, inputs, folder: {"size": 1.0})
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[steps]\n", encoding="utf-8")
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with watching(console) as watch:
        run(recipe, tmp_path / "run", stages=(quiet,), watch=watch)
    assert isinstance(console.file, io.StringIO)

    assert "steps begins" in console.file.getvalue()
    assert "steps: steps, size 1" in console.file.getvalue()
