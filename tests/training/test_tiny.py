"""The tiny recipe with the real 0.5B model: every stage keeps something, and what is learnt is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from darner.engine import catalogue
from darner.engine.llama import LlamaModel
from darner.engine.stop import Stop
from darner.training import bench, dialogue, line, recipe
from darner.training.run import chosen, opened, run_recipe
from darner.training.stages import Context
from darner.training.types import Conversation, Manifest, Task
from training_runs import SILENT

SLICE = """\
[seeds]
only = ["statistics.py"]
examples = true
most = 1
[tasks]
[mistakes]
planted = 3
samples = 2
sampled = 1
tokens = 160
[repairs]
samples = 2
rounds = 1
tokens = 320
[debug_data]
"""


def made(name: str, folder: Path) -> tuple[tuple[Manifest, ...], list[bool]]:
    """The manifests up to `debug_data`, and whether each answer there passes its task's tests once more."""
    catalogue.pull("qwen2.5-coder-0.5b")
    read = recipe.read_recipe(name, line.ALL)
    model = LlamaModel(catalogue.find("qwen2.5-coder-0.5b"))
    with opened(read, folder, Stop(), trusted=True, model=model) as context:
        manifests = run_recipe(read, chosen(read, line.ALL, last="debug_data"), context, SILENT)
        return manifests, confirmed(context)


def confirmed(context: Context) -> list[bool]:
    tasks = {task.id: task for task in context.read("tasks", Task)}
    explained = [c for c in context.read("debug_data", Conversation) if c.meta["shape"] == "explain"]
    answers = [(tasks[each.meta["task"]], dialogue.parted(each.messages[-1].content)[1]) for each in explained]
    with bench.opened(Stop(), trusted=True) as place:
        return [place.run(code, task.tests).passed for task, code in answers]


@pytest.mark.slow
@pytest.mark.model
def test_a_slice_of_the_tiny_recipe_ends_with_conversations_that_a_second_look_confirms(tmp_path: Path) -> None:
    """One function, some planted bugs: what a real model makes of them, and what is kept of that."""
    path = tmp_path / "slice.toml"
    path.write_text(SLICE, encoding="utf-8")
    manifests, passed = made(str(path), tmp_path / "run")

    assert [each.stage for each in manifests] == ["seeds", "tasks", "mistakes", "repairs", "debug_data"]
    assert passed
    assert all(passed)


@pytest.mark.slow
@pytest.mark.model
def test_the_tiny_recipe_makes_data_of_both_kinds_that_a_second_look_confirms(tmp_path: Path) -> None:
    """The prompts are made for small models: a recipe that keeps nothing of theirs would be for show."""
    manifests, passed = made("tiny", tmp_path)

    assert all(manifest.kept for manifest in manifests)
    assert passed
    assert all(passed)
