"""SelfCodeAlign's line, from code to conversations, in the real runner and sandbox. The model is not the subject."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from darner.engine.errors import BadInput, ModelError
from darner.engine.model import Model
from darner.engine.stop import Stop
from darner.training import teacher, validate
from darner.training.concepts import concepts_in
from darner.training.instructions import task_in
from darner.training.responses import response_in
from darner.training.run import Watch
from darner.training.stages import Context, Stage
from darner.training.store import Progress
from darner.training.types import Dropped, Instruction, Manifest, Response
from training_runs import SILENT, RulingModel, records, run

CORPUS = '''
def add_tax(price, rate):
    """Price with tax.

    >>> add_tax(100, 20)
    120.0
    """
    return price * (1 + rate / 100)


def endless(number):
    """Never ends.

    >>> endless(1)
    1
    """
    while True:
        number += 1
    return number


def writes(number):
    """Writes a number with its sign.

    >>> writes(1)
    '+1'
    """
    return f"{number:+}" if isinstance(number, int) else str(number)


def initials(name):
    """First letters of the words of a name.

    >>> initials("ada lovelace")
    'AL'
    """
    return "".join(word[0].upper() for word in name.split())
'''
RECIPE = """
[run]
seed = {seed}
held_out = {held_out}
[seeds]
folder = {folder}
licence = "MIT"
[documented]
[concepts]
shots = 2
[instructions]
shots = 2
[responses]
samples = 4
[validate]
seconds = 3
[sft_data]
"""
BODIES = {
    "more_add_tax": "return [value + 3 for value in values]",
    "more_writes": "found = []\n    for value in values:\n        found.append(3 + value)\n    return found",
}
"""Different enough that none is a copy of another; the rest is mapped."""
TESTS = "assert {name}([1]) == [4]\nassert {name}([]) == []\n"


def answers(prompt: str, seed: int) -> str:
    """A model's answers at each step, by the last seed, concept or task that the prompt names."""
    if "Answer Yes or No" in prompt:
        return "No" if "def endless" in prompt.rsplit("```python", 1)[1] else "Yes"
    if prompt.startswith("Code:"):
        name = re.findall(r"def (\w+)", prompt)[-1]
        return f"Concepts: {name} things, loops over lists"
    if "Category:" in prompt:
        name = re.findall(r"Concepts: (\w+) things", prompt)[-1]
        return f"Task: Write a Python function `more_{name}(values)` that adds a constant to each value of a list."
    name = re.findall(r"`(more_\w+)\(", prompt)[-1]
    return response(name, seed % 4)


def response(name: str, kind: int) -> str:
    """Of four samples one is right, one wrong, one hangs, and one is of another form."""
    body = BODIES.get(name, "return list(map(lambda value: value + 3, values))")
    code, tests = f"def {name}(values):\n    {body}\n", TESTS.format(name=name)
    if kind == 1:
        code = code.replace("3", "5")
    if kind == 2:
        code = code.replace("):\n", "):\n    while True:\n        pass\n", 1)
    if kind == 3:
        return f"### Solution\n{code}"
    return f"### Solution\n```python\n{code}```\n\n### Tests\n```python\n{tests}```\n"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "module.py").write_text(CORPUS, encoding="utf-8")
    return folder


def recipe(tmp_path: Path, corpus: Path, *, seed: int = 7, held_out: str = "[]", without: str = "") -> Path:
    path = tmp_path / "mine.toml"
    text = RECIPE.format(seed=seed, held_out=held_out, folder=json.dumps(str(corpus)))
    if without:
        text = re.sub(rf"\[{without}\]\n(?:\w+ = .*\n)*", "", text)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> tuple[Path, dict[str, Manifest]]:
    """One run from seeds to conversations, and its manifests by stage."""
    folder = tmp_path_factory.mktemp("whole")
    made = run(recipe(folder, corpus), folder / "run", model=RulingModel(answers))
    return folder / "run", {manifest.stage: manifest for manifest in made}


def test_every_record_of_the_line_was_run_and_every_other_is_counted(whole: tuple[Path, dict[str, Manifest]]) -> None:
    """Yield by stage and reason is what tells a good recipe from a bad one."""
    folder, made = whole
    kept = {stage: manifest.kept for stage, manifest in made.items()}

    assert kept == {
        "seeds": 4,
        "documented": 3,
        "concepts": 3,
        "instructions": 3,
        "responses": 9,
        "validate": 3,
        "sft_data": 3,
    }
    assert dict(made["documented"].dropped) == {"docstring does not describe the function": 1}
    assert dict(made["responses"].dropped) == {"not one solution and one set of tests": 3}
    assert made["validate"].dropped["fails its own tests"] == 3
    assert sum(made["validate"].dropped.values()) == 6
    for row in records(folder, "sft_data"):
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
        assert row["meta"]["licence"] == "MIT"
        assert row["weight"] == 1.0
        names: dict[str, Any] = {}
        exec(row["messages"][1]["content"].removeprefix("```python\n").removesuffix("```"), names)


def test_a_share_of_the_tasks_shows_some_of_its_tests(
    tmp_path: Path, corpus: Path, whole: tuple[Path, dict[str, Manifest]]
) -> None:
    """A user who asks for a function often has a test; never all of them, else the rest is not learnt."""
    path = recipe(tmp_path, corpus)
    shown = {}
    for share in ("0.0", "1.0"):
        shutil.copytree(whole[0], tmp_path / share)
        path.write_text(path.read_text().split("[sft_data]")[0] + f"[sft_data]\nshow_tests = {share}\n")
        run(path, tmp_path / share, model=RulingModel(answers), redo=True)
        asked = [row["messages"][0]["content"] for row in records(tmp_path / share, "sft_data")]
        shown[share] = ["pass these tests" in text for text in asked]

    assert shown == {"0.0": [False] * 3, "1.0": [True] * 3}


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    tmp_path: Path, corpus: Path, whole: tuple[Path, dict[str, Manifest]]
) -> None:
    """What a stage has finished survives a kill behind it, and is not made twice."""
    killed = 0
    path, model = recipe(tmp_path, corpus), RulingModel(answers)

    class Killed(BaseException):
        pass

    def unit(stage: Stage, progress: Progress) -> None:
        each = 4 if stage.name == "validate" else 1  # its sandbox is opened anew by every run
        if progress.done >= seen.get(stage.name, 0) + each:
            seen[stage.name] = progress.done
            raise Killed

    seen: dict[str, int] = {}
    while True:
        try:
            run(path, tmp_path / "run", model=model, watch=Watch(SILENT.stage, unit, SILENT.done))
            break
        except Killed:
            killed += 1

    same = [(tmp_path / "run" / p.name).read_bytes() == p.read_bytes() for p in whole[0].glob("*.jsonl")]
    assert same == [True] * 7
    assert killed == sum(manifest.units for name, manifest in whole[1].items() if name != "validate") + 2
    assert model.asked == sum(
        whole[1][stage].units for stage in ("documented", "concepts", "instructions", "responses")
    )


def test_without_concepts_tasks_come_straight_from_seeds(tmp_path: Path, corpus: Path) -> None:
    """The paper's ablation is a recipe without that section."""
    asked: list[str] = []

    def rule(prompt: str, seed: int) -> str:
        asked.append(prompt)
        return answers(prompt.replace("Inspired by this code", "Concepts: tax things, code"), seed)

    path = recipe(tmp_path, corpus, without="concepts")
    path.write_text(path.read_text().split("[responses]")[0], encoding="utf-8")
    run(path, tmp_path / "run", model=RulingModel(rule))

    assert any("Inspired by this code, without repeating it:\n```python\ndef add_tax" in prompt for prompt in asked)
    assert records(tmp_path / "run", "instructions")[0]["concepts"] == []


def test_a_benchmark_that_the_recipe_holds_out_is_in_no_record(tmp_path: Path, corpus: Path) -> None:
    """Seeds and solutions alike; the manifest counts them."""
    bench = tmp_path / "bench.jsonl"
    task = "Given is a function that adds a constant to each value of a list. Repair it so that it does that again."
    stolen = '"""Doc."""\n' + CORPUS[CORPUS.index("def initials") :].replace("initials", "letters")
    bench.write_text(json.dumps({"id": "x/1", "text": task}) + "\n" + json.dumps({"id": "x/2", "code": stolen}) + "\n")

    path = recipe(tmp_path, corpus, held_out=json.dumps([str(bench)]))

    with pytest.raises(BadInput, match=r"validate kept nothing of 8 units of work: 8 x is a benchmark's task"):
        run(path, tmp_path / "run", model=RulingModel(lambda prompt, seed: answers(prompt, 0)))

    assert "initials" not in {row["name"] for row in records(tmp_path / "run", "seeds")}
    assert json.loads((tmp_path / "run" / "seeds.manifest.json").read_text())["dropped"]["is a benchmark's task"] == 1


INSTRUCTION = Instruction("i", "s", "Write f.", "function", "easy", (), "MIT")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```python\ndef f(): pass\n```", "not one solution and one set of tests"),
        (response("f", 0) + response("f", 0), "not one solution and one set of tests"),
        ("### Solution\nNone.\n### Tests\n```python\nassert True\n```", "solution or tests without code"),
        (response("f", 0).replace("):\n", "):\n    # TODO\n", 1), "unfinished solution"),
        (response("f", 0).replace("assert ", "print"), "tests assert nothing"),
    ],
)
def test_a_response_of_another_form_is_dropped_with_its_reason(text: str, reason: str) -> None:
    """Half of what a small model writes."""
    assert response_in(INSTRUCTION, 0, text) == Dropped(reason)


def test_a_response_is_read_from_what_models_really_write() -> None:
    """The fence of the last block is often cut off; a second task often follows."""
    cut = response("f", 0).removesuffix("```\n")
    more = response("f", 0) + "\n\nTask: Write another one.\n"

    for text in (cut, more):
        found = response_in(INSTRUCTION, 3, text)
        assert isinstance(found, Response)
        assert found.id == "i-3"
        assert found.code.startswith("def f(values):")
        assert found.tests.count("assert") == 2


def test_concepts_and_tasks_are_read_from_what_models_really_write() -> None:
    """Bullets, full stops, repetitions, and what they go on to write."""
    assert concepts_in("Concepts: recursion, Trees, recursion.") == ("recursion", "trees")
    assert concepts_in("\n- sorting\n- 2. `heaps`\n\nCode:") == ("sorting", "heaps")
    assert task_in("Task: Write f.\n\nCategory: class\nTask: Write g.") == "Write f."
    assert task_in("Task: Write f.\n### Solution\n```python\n") == "Write f."


def test_a_prompt_that_the_model_refuses_costs_one_record(tmp_path: Path, corpus: Path) -> None:
    """A function of a thousand lines must not end a night's run; a model that is gone must."""

    def refuses(prompt: str, seed: int) -> str:
        if "def initials" in prompt.rsplit("```python", 1)[-1]:
            raise ModelError("the prompt has 9,000 tokens")
        return "Yes" if "Answer Yes or No" in prompt else "Concepts: loops, lists"

    def gone(prompt: str, seed: int) -> str:
        raise ModelError("The model worker died.")

    path = recipe(tmp_path, corpus)
    path.write_text(path.read_text().split("[instructions]")[0], encoding="utf-8")
    made = run(path, tmp_path / "run", model=RulingModel(refuses))

    assert dict(made[1].dropped) == {"the model refused the prompt": 1}
    with pytest.raises(ModelError, match="worker died"):
        run(path, tmp_path / "other", model=RulingModel(gone))


def test_a_worker_that_dies_once_costs_no_record(tmp_path: Path, corpus: Path) -> None:
    """All that it was asked at that moment fails, and none of it for its prompt."""
    died: list[str] = []

    def dies(prompt: str, seed: int) -> str:
        if "def initials" in prompt and not died:
            died.append(prompt)
            raise ModelError("The model worker died.")
        return "Yes" if "Answer Yes or No" in prompt else "Concepts: loops, lists"

    path = recipe(tmp_path, corpus)
    path.write_text(path.read_text().split("[instructions]")[0], encoding="utf-8")
    made = run(path, tmp_path / "run", model=RulingModel(dies))

    assert died
    assert not made[1].dropped


def test_a_task_that_says_an_example_of_the_prompt_again_is_told_from_a_new_one() -> None:
    """The 0.5B does so at one prompt in three: the same task would be learnt again and again."""
    shown = teacher.exemplars(Context(Path(), Stop(), 7, frozenset(), "", unasked), 0, 8)

    assert all(teacher.is_exemplar(each.instruction.replace("Write", "Please write", 1)) for each in shown)
    assert not teacher.is_exemplar("Write a function `mode(values)` that returns the commonest of the values.")


def test_where_answers_judge_each_other_a_wrong_expectation_falls_and_a_right_solution_stays(tmp_path: Path) -> None:
    """Three right answers, each with a slip of its own in its tests, and one that nobody agrees with."""
    right = "def double(x):\n    return x * 2\n"
    given = [
        (right, "assert double(1) == 2\nassert double(3) == 7\n"),
        (right.replace("x * 2", "x + x"), "assert double(2) == 4\nassert double(5) == 11\nassert double(1) == 2\n"),
        (right, "assert double(4) == 9\nassert double(6) == 13\n"),
        (right.replace("* 2", "* 3"), "assert double(1) == 3\nassert double(3) == 9\n"),
    ]
    answers = tuple(Response(str(n), INSTRUCTION, "", code, tests) for n, (code, tests) in enumerate(given))
    context = Context(tmp_path, Stop(), 7, frozenset(), "", unasked, trusted=True)
    with validate.STAGE.opened(context, validate.Settings(agree=2), [answers]) as work:
        found = list(work(answers, 0))

    kept = {each.id: each.tests for each in found if isinstance(each, Response)}
    assert kept == {"0": "assert double(1) == 2\n", "1": "assert double(2) == 4\nassert double(1) == 2\n"}
    assert found[2:] == [Dropped("too few of its tests are agreed on"), Dropped("fails what other answers agree on")]


def unasked() -> Model:
    raise AssertionError("nobody is asked")
