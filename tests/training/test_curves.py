"""Curves: a picture for each stage that took steps, and a sentence where there is nothing to draw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from training_runs import command

STEPS = [{"step": n, "loss": 2.0 / n, "learning_rate": 1e-4 / n, "grad_norm": 1.0} for n in range(1, 6)]


def curve(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "curve.jsonl").write_text("".join(json.dumps(step) + "\n" for step in STEPS), encoding="utf-8")


def test_every_stage_that_took_steps_is_drawn_also_while_it_works(tmp_path: Path) -> None:
    """Whoever trains overnight looks at the curve before bed; the stage's own output stays as it is."""
    pytest.importorskip("matplotlib")
    curve(tmp_path / "sft")
    curve(tmp_path / "rl.partial")
    before = sorted(path.name for path in (tmp_path / "sft").iterdir())

    drawn = command("curves", tmp_path, "--json")
    again = {path.name: path.read_bytes() for path in tmp_path.glob("*.png")}
    command("curves", tmp_path)

    assert [Path(path).name for path in json.loads(drawn.stdout)["pictures"]] == ["rl.png", "sft.png"]
    assert all(data.startswith(b"\x89PNG") for data in again.values())
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.png")} == again
    assert sorted(path.name for path in (tmp_path / "sft").iterdir()) == before


@pytest.mark.parametrize("text", ["", "{", "[]\n", '{"loss": 1.0}\n'])
def test_what_cannot_be_drawn_is_named(tmp_path: Path, text: str) -> None:
    """A folder without a curve, and a curve that a full disk cut."""
    nothing = command("curves", tmp_path)
    curve(tmp_path / "sft")
    (tmp_path / "sft" / "curve.jsonl").write_text(text, encoding="utf-8")
    broken = command("curves", tmp_path)

    assert (nothing.returncode, broken.returncode) == (2, 2)
    assert "holds no curve; name the folder" in nothing.stderr
    assert "curve.jsonl cannot be drawn" in broken.stderr
    assert "Traceback" not in nothing.stderr + broken.stderr
