"""Runs for the tests of stages: a recipe file, a run folder, and the real runner."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from darner.engine.model import Model
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.training import line
from darner.training.recipe import read_recipe
from darner.training.run import Watch, chosen, opened, run_recipe
from darner.training.stages import Stage
from darner.training.types import Manifest

SILENT = Watch(lambda stage, manifest: None, lambda stage, progress: None, lambda stage, manifest: None)


def run(
    recipe: Path,
    folder: Path,
    *,
    stages: Sequence[Stage] = line.ALL,
    model: Model | None = None,
    stop: Stop | None = None,
    redo: bool = False,
    watch: Watch = SILENT,
) -> tuple[Manifest, ...]:
    read = read_recipe(str(recipe), stages)
    with opened(read, folder, stop or Stop(), trusted=True, model=model or ScriptedModel()) as context:
        return run_recipe(read, chosen(read, stages), context, watch, redo=redo)


def records(folder: Path, stage: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{stage}.jsonl").read_text(encoding="utf-8").splitlines()]
