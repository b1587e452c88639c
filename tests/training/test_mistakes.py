"""The bug factory, on real code, in the real sandbox, through the real command."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_runs import records

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


def silent(number):
    """It has no example."""
    return number - 1
'''


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = "from darner.training.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def fails(code: str, name: str) -> bool:
    """Whether the doctest examples of a function fail, run here."""
    names: dict[str, Any] = {}
    exec(code, names)
    runner = doctest.DocTestRunner(verbose=False)
    for case in doctest.DocTestFinder(recurse=False).find(names[name], name, globs=names):
        runner.run(case, out=lambda _: None)
    return runner.failures > 0


def test_every_mistake_fails_the_examples_that_its_original_passes(tmp_path: Path) -> None:
    """A planted bug that is none would teach a model to change code that is right."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "module.py").write_text(MODULE, encoding="utf-8")
    recipe, folder = tmp_path / "mine.toml", tmp_path / "run"
    recipe.write_text(
        f"[seeds]\nfolder = {str(tmp_path / 'src')!r}\nlicence = 'MIT'\n[mistakes]\nper_seed = 4\n", encoding="utf-8"
    )

    made = command("run", recipe, "--folder", folder, "--trust", "--json")
    told = command("status", recipe, "--folder", folder, "--json")

    assert (made.returncode, told.returncode) == (0, 0), made.stderr + told.stderr
    rows = records(folder, "mistakes")
    standing = json.loads(told.stdout)["stages"][1]
    assert len({row["operator"] for row in rows}) == len(rows) == standing["kept"] == 4
    assert {row["name"] for row in rows} == {"largest"}
    assert all(fails(row["wrong"], "largest") and not fails(row["right"], "largest") for row in rows)
    assert all("Failed example" in row["evidence"] and str(tmp_path.parent) not in row["evidence"] for row in rows)
    assert standing["dropped"]["seed fails its own examples"] == 1
    assert standing["dropped"]["seed has no examples"] == 1
    assert [each["state"] for each in json.loads(told.stdout)["stages"]] == ["done", "done"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "{tmp}/mine.toml", "--folder", "{tmp}/run"), 'licence = "MIT"'),
        (("run", "tyni", "--folder", "{tmp}/run"), "did you mean tiny?"),
        (("status", "tiny", "--folder", "{tmp}/run"), "does not exist"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """What, where and what to do; a traceback says none of them."""
    (tmp_path / "mine.toml").write_text(f"[seeds]\nfolder = {str(tmp_path)!r}\n", encoding="utf-8")
    done = command(*(word.replace("{tmp}", str(tmp_path)) for word in arguments))

    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run" / "seeds.jsonl").exists()
