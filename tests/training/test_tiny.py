"""The tiny recipe with the real 0.5B model: every stage keeps something, and what is learnt is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from darner.engine import catalogue
from darner.engine.llama import LlamaModel
from darner.engine.stop import Stop
from darner.training import bench, dialogue, line, recipe
from darner.training.run import chosen, opened, run_recipe
from darner.training.types import Conversation, Task
from training_runs import SILENT


@pytest.mark.slow
@pytest.mark.model
def test_the_tiny_recipe_makes_data_of_both_kinds_that_a_second_look_confirms(tmp_path: Path) -> None:
    """The prompts are made for small models: a recipe that keeps nothing of theirs would be for show."""
    catalogue.pull("qwen2.5-coder-0.5b")
    read = recipe.read_recipe("tiny", line.ALL)
    model = LlamaModel(catalogue.find("qwen2.5-coder-0.5b"))

    with opened(read, tmp_path, Stop(), trusted=True, model=model) as context:
        made = run_recipe(read, chosen(read, line.ALL, last="debug_data"), context, SILENT)
        tasks = {task.id: task for task in context.read("tasks", Task)}
        explained = [c for c in context.read("debug_data", Conversation) if c.meta["shape"] == "explain"]
        with bench.opened(Stop(), trusted=True) as place:
            answers = [(tasks[each.meta["task"]], dialogue.parted(each.messages[-1].content)) for each in explained]
            confirmed = [place.run(code, task.tests).passed for task, (_, code) in answers]

    assert all(manifest.kept for manifest in made)
    assert confirmed
    assert all(confirmed)
