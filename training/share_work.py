"""`python -m darner.training.share_work FOLDER NUMBER`: fill one share of a data stage.

task ─▶ the stage's units, sandbox and model ─▶ FOLDER/NUMBER.jsonl
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..engine.errors import DarnerError
from ..engine.interrupt import interruptible
from ..engine.orphan import end_when_orphaned
from ..engine.stop import Stop
from . import line
from .run import context_of, lent_model
from .share import Task, tell
from .shares import work_through
from .stages import RecordStage


def _work(task: Task, folder: Path, number: int, stop: Stop) -> None:
    recipe, settings = task.recipe, task.recipe.sections[task.stage]
    stage = next(each for each in line.ALL if each.name == task.stage)
    assert isinstance(stage, RecordStage)
    with lent_model(recipe) as model:
        context = context_of(recipe, task.run, stop, model, trusted=task.trusted)
        units = stage.units(context, settings)
        with stage.opened(context, settings, units) as work:
            work_through(folder, number, units, work, stop, recipe.run.parallel)


def main() -> None:
    end_when_orphaned()
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    task = Task.read(folder)
    try:
        with interruptible() as (stop, _):
            _work(task, folder, number, stop)
    except DarnerError as error:
        tell(folder, error)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
