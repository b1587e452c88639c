"""LEDEX's line: tasks, wrong solutions, repairs that were run, and what is learnt of them. In the real sandbox."""

from __future__ import annotations

import doctest
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from darner.training.types import Manifest
from training_runs import RulingModel, command, records, run

MODULE = '''
def largest(numbers):
    """The largest of some numbers.

    >>> largest([1, 5, 3])
    5
    >>> largest([-2, -1])
    -1
    """
    best = numbers[0]
    for number in numbers:
        if number > best:
            best = number
    return best


def lies(number):
    """Its example is wrong.

    >>> lies(1)
    3
    """
    return number + 1


def endless(number):
    """Never ends.

    >>> endless(1)
    1
    """
    while number:
        number += 1
    return number


def silent(number):
    """It has no example."""
    return number - 1
'''
RECIPE = """
[seeds]
folder = {folder}
licence = "MIT"
[tasks]
[mistakes]
planted = 3
samples = 4
sampled = 2
[repairs]
samples = 4
rounds = 2
[debug_data]
"""
RIGHT = "def largest(numbers):\n    return max(numbers)\n"
WRONG = "def largest(numbers):\n    return numbers[-1]\n"
WORSE = "def largest(numbers):\n    return 5\n"
SAYS = "The code returns something else than the greatest number, so the first example fails."


def answers(prompt: str, seed: int) -> str:
    if "This code is wrong" not in prompt:
        return (f"```python\n{WRONG}```", f"```python\n{RIGHT}```", "No idea.", f"```python\n{WRONG}# again\n```")[
            seed % 4
        ]
    if "where 5 = " in prompt:
        return f"{SAYS}\n\n```python\n{RIGHT.replace('max(numbers)', 'sorted(numbers, reverse=True)[0]')}```"
    return (
        f"{SAYS}\n\n```python\n{RIGHT}```",
        f"It is hard to say what is wrong.\n\n```python\n{WORSE}```",
        "I give up.",
        f"```python\n{RIGHT.replace('max(numbers)', 'sorted(numbers)[-1]')}```",
    )[seed % 4]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Manifest]]:
    folder = tmp_path_factory.mktemp("debug")
    (folder / "src").mkdir()
    (folder / "src" / "module.py").write_text(MODULE, encoding="utf-8")
    path = folder / "mine.toml"
    path.write_text(RECIPE.format(folder=json.dumps(str(folder / "src"))), encoding="utf-8")
    manifests = run(path, folder / "run", model=RulingModel(answers))
    return folder / "run", {manifest.stage: manifest for manifest in manifests}


def fails(code: str) -> bool:
    """Whether the examples of `largest` fail for this code, run here."""
    names: dict[str, Any] = {}
    exec(code, names)
    good: dict[str, Any] = {}
    exec(MODULE, good)
    case = doctest.DocTestParser().get_doctest(good["largest"].__doc__ or "", names, "largest", "", 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(case, out=lambda _: None)
    return runner.failures > 0


def code_of(answer: str) -> str:
    return answer.split("```python\n")[1].split("```")[0]


def test_a_task_is_what_its_known_solution_passes_twice(made: tuple[Path, dict[str, Manifest]]) -> None:
    """A seed that hangs, lies or shows no example costs one record each and is counted."""
    folder, manifests = made

    assert [row["name"] for row in records(folder, "tasks")] == ["largest"]
    assert dict(manifests["tasks"].dropped) == {
        "known solution fails its own tests": 2,
        "seed has no examples": 1,
    }


def test_every_mistake_fails_the_tests_that_its_task_passes(made: tuple[Path, dict[str, Manifest]]) -> None:
    """A planted bug that is none would teach a model to change code that is right."""
    folder, manifests = made
    rows = records(folder, "mistakes")

    assert [row["operator"] == "sampled" for row in rows] == [False, False, False, True]
    assert len({row["operator"] for row in rows}) == 4
    assert all(fails(row["wrong"]) and not fails(row["task"]["code"]) for row in rows)
    assert all("assert" in row["evidence"] and str(folder.parent) not in row["evidence"] for row in rows)
    assert manifests["mistakes"].dropped["sample passes the tests"] == 1
    assert manifests["mistakes"].dropped["sample is no code"] == 1


def test_every_repair_says_truly_whether_it_passes(made: tuple[Path, dict[str, Manifest]]) -> None:
    """Failures are kept for RL; a repair of the second round starts from one of them."""
    folder, manifests = made
    rows = records(folder, "repairs")

    assert {row["passed"] for row in rows} == {True, False}
    assert all(row["passed"] == (not fails(row["code"])) == (row["share"] == 1.0) for row in rows)
    assert all(bool(row["feedback"]) != row["passed"] for row in rows)
    assert manifests["repairs"].dropped["answer holds no code"] > 0
    assert manifests["repairs"].dropped["repair was given before"] > 0
    mistakes = {row["id"]: row["wrong"] for row in records(folder, "mistakes")}
    assert {row["round"] for row in rows} == {1, 2}
    for row in rows:
        expected = mistakes[row["mistake"]] if row["round"] == 1 else WORSE
        assert row["wrong"] == expected


def test_only_verified_answers_are_learnt_and_wrong_code_is_only_read(made: tuple[Path, dict[str, Manifest]]) -> None:
    """The last message is the one that carries the loss."""
    folder, _ = made
    rows = records(folder, "debug_data")

    assert {row["meta"]["shape"] for row in rows} == {"solve", "refine", "explain"}
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
    assert not any(fails(code_of(row["messages"][-1]["content"])) for row in rows)
    explained = [row["messages"] for row in rows if row["meta"]["shape"] == "explain"]
    assert all([turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant"] for turns in explained)
    assert all(fails(code_of(turns[1]["content"])) for turns in explained)
    assert all("Error: " in turns[2]["content"] and "at `assert " in turns[2]["content"] for turns in explained)
    assert all(len(turns[3]["content"].split("```")[0].split()) >= 6 for turns in explained)
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_planted_mistake_is_explained_by_what_is_known_of_it_where_no_model_could(tmp_path: Path) -> None:
    """Data without a model: what was changed and what the tests saw are certain."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "module.py").write_text(MODULE, encoding="utf-8")
    path = tmp_path / "mine.toml"
    text = f"[seeds]\nfolder = {json.dumps(str(tmp_path / 'src'))}\nlicence = 'MIT'\n"
    path.write_text(text + "[tasks]\n[mistakes]\nplanted = 2\nsamples = 0\n[debug_data]\n", encoding="utf-8")

    run(path, tmp_path / "run", model=RulingModel(lambda prompt, seed: pytest.fail("no model is needed")))
    rows = [row for row in records(tmp_path / "run", "debug_data") if row["meta"]["shape"] == "explain"]

    assert [row["meta"]["explained_by"] for row in rows] == ["known", "known"]
    for row, mistake in zip(rows, records(tmp_path / "run", "mistakes"), strict=True):
        said = row["messages"][-1]["content"]
        changed = set(mistake["wrong"].splitlines()) - set(mistake["task"]["code"].splitlines())
        assert "The tests fail: AssertionError: assert" in said
        assert all(f"`{line.strip()}`" in said for line in changed)
        assert not fails(code_of(said))


def test_what_a_function_was_before_its_fix_is_a_mistake(tmp_path: Path) -> None:
    """Bugs that people really made, where git still knows them; an earlier text that passes is none."""
    code = tmp_path / "code"
    code.mkdir()
    tidy = MODULE.split("def lies")[0]
    fixed_in_order = [
        tidy.replace("number > best", "number >= best + 2"),  # a bug that only the second example shows
        tidy.replace("best = numbers[0]", "best = 0"),
        tidy.replace("best = number\n", "best = number  # the best so far\n"),
        tidy,
    ]
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], cwd=code, check=True)
    for text in fixed_in_order:
        (code / "module.py").write_text(text, encoding="utf-8")
        subprocess.run([*git, "add", "-A"], cwd=code, check=True)
        subprocess.run([*git, "commit", "-qm", "change"], cwd=code, check=True)
    path, place = tmp_path / "mine.toml", json.dumps(str(code))
    knobs = f"planted = 0\nsamples = 0\nrepository = {place}\n"
    path.write_text(f"[seeds]\nfolder = {place}\nlicence = 'MIT'\n[tasks]\n[mistakes]\n{knobs}[debug_data]\n")
    run(path, tmp_path / "run", model=RulingModel(answers))

    found = records(tmp_path / "run", "mistakes")
    assert [each["operator"] for each in found] == ["reverted", "reverted"]
    assert "best = 0" in found[0]["wrong"]
    assert "best + 2" in found[1]["wrong"]
    explained = [r for r in records(tmp_path / "run", "debug_data") if r["meta"]["shape"] == "explain"]
    assert "which should be `best = numbers[0]`" in explained[0]["messages"][-1]["content"]


def test_the_command_runs_a_recipe_and_tells_where_it_stands(tmp_path: Path) -> None:
    """Run, then status, then a second run that does nothing; in a terminal's words and in JSON."""
    (tmp_path / "module.py").write_text(MODULE, encoding="utf-8")
    path, folder = tmp_path / "mine.toml", tmp_path / "run"
    path.write_text(f"[seeds]\nfolder = {json.dumps(str(tmp_path))}\nlicence = 'MIT'\nmost = 2\n", encoding="utf-8")

    planned = command("run", path, "--folder", folder, "--dry-run", "--json")
    ran = command("run", path, "--folder", folder)
    again = command("run", path, "--folder", folder)
    told = command("status", path, "--folder", folder, "--json")

    assert [each.returncode for each in (planned, ran, again, told)] == [0, 0, 0, 0], ran.stderr + told.stderr
    assert [each["state"] for each in json.loads(planned.stdout)["stages"]] == ["ready"]
    assert "seeds: 2 records from 1 units of work" in ran.stderr
    assert "seeds is complete already: 2 records" in again.stderr
    (standing,) = json.loads(told.stdout)["stages"]
    assert (standing["state"], standing["kept"], standing["dropped"]) == ("done", 2, {"not drawn": 2})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "{tmp}/mine.toml", "--folder", "{tmp}/run"), 'licence = "MIT"'),
        (("run", "tyni", "--folder", "{tmp}/run"), "did you mean tiny?"),
        (("run", "tiny", "--folder", "{tmp}/run", "--from", "seed"), "seed is no stage of the recipe tiny"),
        (("status", "tiny", "--folder", "{tmp}/run"), "does not exist"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """What, where and what to do; a traceback says none of them."""
    (tmp_path / "mine.toml").write_text(f"[seeds]\nfolder = {json.dumps(str(tmp_path))}\n", encoding="utf-8")
    done = command(*(word.replace("{tmp}", str(tmp_path)) for word in arguments))

    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run" / "seeds.jsonl").exists()
