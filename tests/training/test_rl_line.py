"""From data to an evaluated export, every stage of the weights once, with a tiny real model and the real sandbox."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest
from darner.engine import adopted
from darner.engine.stop import Stop
from darner.training import bench, evaluate, export, rating, rl, rollouts, served, sft
from darner.training.base import Dtype
from darner.training.job import SCRATCH
from darner.training.kept_back import kept_back
from darner.training.practice import ask, case_of, grade
from darner.training.stages import Context, RecordStage
from darner.training.tasks import of_seed
from darner.training.trajectories import Trajectory, Try
from darner.training.types import Dropped, Mistake, Seed, Turn
from tiny_net import conversations, write_tiny_net

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

RIGHT = '''def half(number):
    """Half of it.

    >>> half(4)
    2
    >>> half(10)
    5
    >>> half(0)
    0
    """
    return number // 2
'''
DOCSTRING = inspect.cleandoc(RIGHT.split('"""')[1])
EVIDENCE = "Failed example:\n    half(4)\nExpected:\n    2\nGot:\n    8"


def mistake(held: bool) -> Mistake:
    """In a task that the hash of its id holds out of training, or not."""
    name = next(name for name in (f"task{n}" for n in range(100)) if kept_back(name) == held)
    seed = Seed(name, "half", RIGHT, DOCSTRING, 3, "m.py", 1, "MIT")
    wrong = RIGHT.replace("// 2", "* 2")
    return Mistake(f"m-{name}", of_seed(seed), wrong, "operator", "`//` to `*`", EVIDENCE)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A run folder with data and the tiny base; its caches are its own."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setenv("DARNER_MODELS", str(folder / "models"))
        base = write_tiny_net(folder / "tiny.gguf")
        write(folder / "mistakes.jsonl", [mistake(held) for held in (False, True)])
        write(folder / "debug_data.jsonl", conversations(20))
        yield Context(folder, Stop(), 7, frozenset(), str(base), _no_teacher, trusted=True)


def _no_teacher() -> Any:  # noqa: ANN401 - never returns
    raise AssertionError("no stage of the weights asks the teacher")


def write(path: Path, records: list[Any]) -> None:
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in records), encoding="utf-8")


def make(context: Context, stage: Any, settings: Any, *inputs: str) -> Mapping[str, float]:  # noqa: ANN401 - any stage
    folder = context.folder / stage.name
    folder.mkdir(exist_ok=True)
    figures = stage.make(context, settings, {name: context.path(name) for name in inputs}, folder)
    for checkpoints in list(folder.rglob(SCRATCH)):  # as the runner does once a stage is whole
        shutil.rmtree(checkpoints)
    return figures


def records(context: Context, stage: RecordStage, settings: Any) -> list[Any]:  # noqa: ANN401 - any stage
    units = stage.units(context, settings)
    with stage.opened(context, settings, units) as work:
        found = [each for index, unit in enumerate(units) for each in work(unit, index)]
    kept = [each for each in found if not isinstance(each, Dropped)]
    write(context.folder / f"{stage.name}.jsonl", kept)
    return kept


def test_the_whole_line_of_the_weights(run: Context) -> None:
    """Each stage takes what the one before left, and the engine loads what comes out."""
    pace = {"learning_rate": 0.003, "tokens_per_row": 4000, "rows_per_step": 1, "dtype": Dtype.FLOAT32}
    make(run, sft.STAGE, sft.Settings(rank=4, epochs=1, **cast(Any, pace)), "debug_data")
    played = records(run, rollouts.STAGE, rollouts.Settings(chains=2, turns=2, causal=1))
    rated = records(run, rating.STAGE, rating.Settings())
    assert {each.task for each in played} == {mistake(False).task.id}  # what is held out is never played
    assert len(played) == 2
    assert all(1 <= len(each.tries) <= 2 for each in played)
    turns = [each for each in rated if each.played]
    assert len(turns) == sum(len(each.tries) for each in played)
    assert {RIGHT.strip() in each.messages[-1].content for each in rated if not each.played} == {True}

    settings = rl.Settings(rl.Method.LEDEX, rounds=2, **cast(Any, pace))
    figures = make(run, rl.STAGE, settings, "sft", "rewards")
    assert figures["turns"] == len(turns)
    assert weights(run, "rl") != weights(run, "sft")
    figures = make(run, export.STAGE, export.Settings(), "sft", "rl", "debug_data")
    assert figures["served_mean_kl"] < 0.02
    assert "Nothing yet." in (run.folder / "export" / "card.md").read_text()

    report = make(run, evaluate.STAGE, evaluate.Settings(samples=1, turns=1, adopt=True), "mistakes", "export")
    assert report["tasks"] == 1.0
    assert not report["better"]  # random weights repair nothing, before or after
    assert not adopted.adapters_of(Path(run.base))
    card = (run.folder / "evaluate" / "card.md").read_text()
    assert "- repairs, pass@1 of samples, 1 held-out mistakes: +0.0 points (95 %: " in card
    assert "Nothing yet." not in card


def weights(run: Context, stage: str) -> bytes:
    return (run.folder / stage / served.WEIGHTS / "adapter_model.safetensors").read_bytes()


def test_right_answers_are_rewarded_and_tricks_are_not(run: Context) -> None:
    """A reward that can be had without a repair teaches to have it without one."""
    bug = mistake(False)
    case = case_of(bug)
    assert case is not None
    with bench.opened(Stop(), trusted=True) as place:

        def worth(code: str) -> float:
            return grade(place, case, f"It doubles.\n```python\n{code}\n```").passed

        assert worth(RIGHT) == 1.0
        assert grade(place, case, f"It doubles.\n```python\n{RIGHT}\n```").explanation == "It doubles."
        assert worth(RIGHT.replace("number // 2", "2")) == pytest.approx(1 / 3)
        assert worth(bug.wrong) == 0.0  # nothing was changed
        assert worth(RIGHT.replace("    2\n", "    8\n").replace("// 2", "* 2")) == pytest.approx(1 / 3)
        assert worth("def half(number):\n    while True:\n        pass") == 0.0
        assert worth("def other(number):\n    return number // 2") == 0.0
        assert worth("def half(number):\n    import os\n    os._exit(0)") == 0.0
        for explain in (False, True):
            assert "half(4)" in ask(case, None, explain=explain)[-1].content


@pytest.mark.parametrize("method", [rl.Method.RISE, rl.Method.RLOO, rl.Method.GRPO])
def test_reinforcement_makes_what_was_right_likelier_than_what_was_wrong(run: Context, method: rl.Method) -> None:
    """Two answers to one prompt, one right: after learning, the gap between their probabilities is wider."""
    asked = (Turn("user", "repair it"),)
    tries = [
        Try(asked, f"```python\nreturn {answer}\n```", "", f"return {answer}", passed, "", None)
        for answer, passed in (("yes", 1.0), ("no!", 0.0))
    ]
    chains = [Trajectory(f"t{n}", "m", "s", (each,), 0) for n, each in enumerate(tries)]
    write(run.folder / "rewards.jsonl", list(rating.rated(chains, rating.Settings(rating.Criterion.ALL, False))))
    pace = {"learning_rate": 0.003, "tokens_per_row": 400, "rows_per_step": 1, "dtype": Dtype.FLOAT32}
    if not (run.folder / "sft" / served.WEIGHTS).exists():
        make(run, sft.STAGE, sft.Settings(rank=4, epochs=1, **cast(Any, pace)), "debug_data")
    figures = make(run, rl.STAGE, rl.Settings(method, rounds=3, epochs=4, **cast(Any, pace)), "sft", "rewards")

    assert figures["gain_of_right"] > 0.0
    assert figures["gain_of_right"] > figures["gain_of_wrong"]
