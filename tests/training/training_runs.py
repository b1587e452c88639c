"""Runs for the tests of stages: a recipe file, a run folder, the real runner, and a model that answers by rule."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from darner.engine.model import Completion, Ending, Form, Message, Model, ModelStatus, Sampling
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.training import line
from darner.training.recipe import read_recipe
from darner.training.run import SILENT, Watch, chosen, opened, run_recipe
from darner.training.stages import Stage
from darner.training.types import Manifest

Rule = Callable[[str, int], str]
"""The answer to a conversation's last message, given the seed of the sample."""


class RulingModel:
    """Answers by a rule of the prompt and the seed alone, as a model at a fixed seed does; counts what it is asked."""

    name = "ruling"
    form = Form.ENGINE

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.asked = 0

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        self.asked += 1
        texts = [self._rule(messages[-1].content, sampling.seed + i) for i in range(sampling.n)]
        found = tuple(Completion(text.removeprefix(sampling.prefill), Ending.STOP, 1) for text in texts)
        for i, each in enumerate(found):
            if on_text:
                on_text(i, each.text)
            if on_completion:
                on_completion(i, each)
        return found

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        return ()

    def status(self) -> ModelStatus:
        return ModelStatus(self.name, "none", 0, 0, None)

    def close(self) -> None:
        pass


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
    with opened(
        read, folder, Stop() if stop is None else stop, trusted=True, model=model or ScriptedModel()
    ) as context:
        return run_recipe(read, chosen(read, stages), context, watch, redo=redo)


def records(folder: Path, stage: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{stage}.jsonl").read_text(encoding="utf-8").splitlines()]


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`darner-train` in a process of its own."""
    code = "from darner.training.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
