"""From data to an evaluated export, every stage of the weights once, with a tiny real model and the real sandbox."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from darner.engine import adopted
from darner.engine.errors import BadInput
from darner.engine.stop import Stop
from darner.training import bench, evaluate, export, rating, rl, rollouts, served, sft
from darner.training.base import Dtype, HubTokens, find_base, trained
from darner.training.job import SCRATCH
from darner.training.kept_back import kept_back
from darner.training.practice import ask, case_of, grade
from darner.training.stages import Context, RecordStage
from darner.training.store import Progress
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
PACE: Any = {"learning_rate": 0.003, "tokens_per_row": 4000, "rows_per_step": 1, "dtype": Dtype.FLOAT32}
SHORT: Any = {**PACE, "tokens_per_row": 300}
"""Conversations that fit into several rows: of a single step the learning rate is still 0."""
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
    make(run, sft.STAGE, sft.Settings(rank=4, epochs=1, **PACE), "debug_data")
    played = records(run, rollouts.STAGE, rollouts.Settings(chains=2, turns=2, causal=1))
    rated = records(run, rating.STAGE, rating.Settings())
    assert {each.task for each in played} == {mistake(False).task.id}  # what is held out is never played
    assert len(played) == 2
    assert all(1 <= len(each.tries) <= 2 for each in played)
    turns = [each for each in rated if each.played]
    assert len(turns) == sum(len(each.tries) for each in played)
    assert {RIGHT.strip() in each.messages[-1].content for each in rated if not each.played} == {True}

    told = list[Progress]()
    heard = replace(run, tell=told.append)
    settings = rl.Settings(rl.Method.LEDEX, rounds=2, **PACE)
    figures = make(heard, rl.STAGE, settings, "sft", "rewards")
    assert figures["turns"] == len(turns)
    assert [each.done for each in told] == list(range(1, int(figures["steps"]) + 1))
    assert {each.units for each in told} == {figures["steps"]}
    assert told[-1].note == f"loss {figures['last_loss']:.4g}"
    assert weights(run, "rl") != weights(run, "sft")
    figures = make(heard, export.STAGE, export.Settings(), "sft", "rl", "debug_data")
    assert figures["served_mean_kl"] < 0.02
    assert told[-1].done == told[-1].units
    assert "Nothing yet." in (run.folder / "export" / "card.md").read_text()

    report = make(run, evaluate.STAGE, evaluate.Settings(samples=1, turns=1, adopt=True), "mistakes", "export")
    assert report["tasks"] == 1.0
    assert not report["better"]  # random weights repair nothing, before or after
    assert not adopted.adapters_of(Path(run.base))
    card = (run.folder / "evaluate" / "card.md").read_text()
    assert "- repairs, pass@1 of samples, 1 held-out mistakes: +0.0 points (95 %: " in card
    assert "Nothing yet." not in card


def test_a_second_round_goes_on_with_the_lora_of_the_first(run: Context, tmp_path: Path) -> None:
    """Learn, play, rate, learn again: another run, from where `rl` ended, and the engine says what torch says."""
    again, first = replace(run, folder=tmp_path), first_round(run)
    for name in ("mistakes", "debug_data"):
        shutil.copy(run.path(name), tmp_path)
    base = find_base(run.base)
    held_out = sft.prepared(HubTokens(base.folder), conversations(20), 300).held_out
    began = sft.mean_loss(trained(base, first / served.WEIGHTS, Dtype.FLOAT32), held_out)

    figures = make(again, sft.STAGE, sft.Settings(start=str(first), **SHORT), "debug_data")
    played = records(again, rollouts.STAGE, rollouts.Settings(chains=2, turns=1, causal=0))
    rated = records(again, rating.STAGE, rating.Settings())
    make(again, rl.STAGE, rl.Settings(rl.Method.LEDEX, epochs=4, **PACE), "sft", "rewards")
    agreed = make(again, export.STAGE, export.Settings(), "sft", "rl", "debug_data")

    assert figures["held_out_loss_before"] == pytest.approx(began, rel=1e-5)
    assert len(played) == sum(each.played for each in rated) == 2
    assert len({weights(run, "rl"), weights(again, "sft"), weights(again, "rl")}) == 3
    assert agreed["served_mean_kl"] < 0.02


def test_a_second_round_over_another_base_is_refused(run: Context, tmp_path: Path) -> None:
    """A LoRA is a difference: over other weights it is noise."""
    other = write_tiny_net(tmp_path / "other.gguf", seed=2)
    shutil.copy(run.path("debug_data"), tmp_path)
    settings = sft.Settings(base=str(other), start=str(first_round(run)), **PACE)

    with pytest.raises(BadInput, match=r"rl was trained over another base than other\.gguf"):
        make(replace(run, folder=tmp_path), sft.STAGE, settings, "debug_data")


def first_round(run: Context) -> Path:
    """What `rl` left of a first round; made here if no test before has."""
    if not (run.folder / "rl" / served.WEIGHTS).exists():
        two_answers(run)
        make(run, rl.STAGE, rl.Settings(rl.Method.RLOO, epochs=4, **PACE), "sft", "rewards")
    return run.folder / "rl"


def two_answers(run: Context) -> None:
    """Rewards of two answers to one prompt, one of which is right, and an `sft` to learn on from."""
    asked = (Turn("user", "repair it"),)
    tries = [
        Try(asked, f"```python\nreturn {answer}\n```", "", f"return {answer}", passed, "", None)
        for answer, passed in (("yes", 1.0), ("no!", 0.0))
    ]
    chains = [Trajectory(f"t{n}", "m", "s", (each,), 0) for n, each in enumerate(tries)]
    write(run.folder / "rewards.jsonl", list(rating.rated(chains, rating.Settings(rating.Criterion.ALL, False))))
    if not (run.folder / "sft" / served.WEIGHTS).exists():
        make(run, sft.STAGE, sft.Settings(rank=4, **SHORT), "debug_data")


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


@pytest.mark.parametrize("method", list(rl.Method))
def test_reinforcement_makes_what_was_right_likelier_than_what_was_wrong(run: Context, method: rl.Method) -> None:
    """Two answers to one prompt, one right: after learning, the gap between their probabilities is wider."""
    two_answers(run)
    figures = make(run, rl.STAGE, rl.Settings(method, rounds=3, epochs=4, **PACE), "sft", "rewards")

    assert figures["gain_of_right"] > 0.0
    assert figures["gain_of_right"] > figures["gain_of_wrong"]
