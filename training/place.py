"""Where one optimisation works: its curve, its checkpoints, and how far it is, told to whoever waits for it."""

from __future__ import annotations

import json
import math
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..engine.stop import Stop
from .stages import Context
from .store import OnUnit, Progress

CURVE = "curve.jsonl"
"""A line a step: its loss, learning rate and gradient."""
_CHECKPOINT = "checkpoint-"
_WHOLE = "trainer_state.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where it works, and until when."""

    folder: Path
    """For its curve, and its checkpoints."""
    seed: int
    stop: Stop
    events: Path | None = None
    """For event files, if they are wished."""
    tell: OnUnit = lambda progress: None
    """Told each step, with its loss."""


def place_in(context: Context, folder: Path, stage: str) -> Place:
    """For the stage that leaves `folder`."""
    return Place(folder, context.seed, context.stop, context.events(stage), context.tell)


def reached(steps: int, step: int, loss: float) -> Progress:
    """What is told of a step."""
    return Progress(steps, step, note=f"loss {loss:.4g}")


def steps_of(rows: int, rows_per_step: int, processes: int) -> int:
    """That the Trainer takes through the rows once, each process through a part of them."""
    return math.ceil(math.ceil(rows / processes) / rows_per_step)


def tell_curve(place: Place, steps: int) -> None:
    """Tell what the curve says of others' work, if they have written a step."""
    with suppress(OSError, ValueError, IndexError):  # none yet, or half a line
        last = json.loads((place.folder / CURVE).read_text(encoding="utf-8").splitlines()[-1])
        place.tell(reached(steps, last["step"], last["loss"]))


def outcome_of(folder: Path) -> dict[str, float]:
    """Steps, and the loss at the first and the last of them."""
    curve = [json.loads(line) for line in (folder / CURVE).read_text(encoding="utf-8").splitlines()]
    return {"steps": curve[-1]["step"], "first_loss": curve[0]["loss"], "last_loss": curve[-1]["loss"]}


def last_whole(checkpoints: Path) -> Path | None:
    """The newest checkpoint whose last file was written; a half one, left by a kill, is removed."""
    found: list[Path] = []
    for path in checkpoints.glob(f"{_CHECKPOINT}*"):
        try:
            json.loads((path / _WHOLE).read_text(encoding="utf-8"))
            found.append(path)
        except (OSError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
    return max(found, key=step_of, default=None)


def step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.removeprefix(_CHECKPOINT)) if checkpoint else 0
