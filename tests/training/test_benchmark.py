"""Bugs of others: one greedy answer, judged by tests that no model saw; and the lines that outlive a kill."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from darner.engine.errors import BadInput
from darner.engine.stop import Stop
from darner.training import bench, benchmark, forms
from darner.training.benchmark import Answered
from darner.training.examiner import Effort, Examiner
from darner.training.ledger import Ledger
from training_runs import RulingModel

ROW = {
    "id": "set/1",
    "entry_point": "half",
    "source": "def half(number):\n    return number * 2\n",
    "visible_tests": "from solution import half\n\n\ndef test_it():\n    assert half(4) == 2\n",
    "hidden_tests": "from solution import half\n\n\ndef test_more():\n    assert half(10) == 5\n",
    "licence": "MIT",
}


HUMANEVAL = {
    "task_id": "HumanEval/1",
    "entry_point": "half",
    "prompt": 'def half(number):\n    """Half of it, rounded down."""\n',
    "test": "def check(candidate):\n    assert candidate(4) == 2\n    assert candidate(10) == 5\n",
}
HUMANEVALFIX = {  # as HumanEvalPack has it
    "task_id": "Python/1",
    "prompt": 'def half(number):\n    """Half of it, rounded down.\n    >>> half(4)\n    2\n    """\n',
    "canonical_solution": "    return number // 2\n",
    "buggy_solution": "    return number * 2\n",
    "test": "\n\n\ndef check(half):\n    assert half(10) == 5\n    assert half(6) == 3\n\ncheck(half)",
    "example_test": "def check(half):\n    assert half(4) == 2\ncheck(half)\n",
    "entry_point": "half",
    "bug_type": "operator misuse",
}
MBPP = {
    "task_id": 7,
    "text": "Half of a number, rounded down.",
    "code": "def helper(x):\n    return x\n\ndef half(number):\n    return helper(number) // 2",
    "test_list": ["assert half(4) == 2", "assert half(10) == 5"],
}


@pytest.mark.parametrize("row", [ROW, HUMANEVALFIX, HUMANEVAL, MBPP])
def test_hidden_tests_decide_and_are_never_shown(row: dict[str, Any], tmp_path: Path) -> None:
    """What passes the visible tests alone is no repair, and what was written to hidden ones measures nothing."""
    asked: list[str] = []
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (item,) = forms.read(path)

    def examined(place: bench.Bench, body: str) -> bool:
        def rule(prompt: str, _: int) -> str:
            asked.append(prompt)
            return f"```python\ndef half(number):\n    return {body}\n```"

        return benchmark.correct(item, Examiner(RulingModel(rule), place, Effort(1, 1, 0.0), 0))

    with bench.opened(Stop(), trusted=True) as place:
        assert examined(place, "number // 2")
        assert not examined(place, "number - 2")  # right for 4
        assert not examined(place, "number * 2")
    assert all("`half`" in prompt for prompt in asked)
    assert ["half(4)" in prompt for prompt in asked] == [row in (ROW, HUMANEVALFIX)] * 3
    assert not any("(10)" in prompt for prompt in asked)
    assert all(("number * 2" in prompt) == item.repairs for prompt in asked)  # a bug is shown, or nothing is
    assert item.repairs == (row in (ROW, HUMANEVALFIX))


def answers(model: str, correct: Sequence[bool]) -> list[Answered]:
    return [Answered("set", f"set/{n}", model, each) for n, each in enumerate(correct)]


def test_two_models_are_compared_task_by_task() -> None:
    """A task that one of them has not answered yet compares nothing."""
    before, new = answers("before", [False, True] * 10), answers("new", [True] * 19)
    standing = benchmark.compared([*before, *new], 0)["set"]

    assert (standing.tasks, standing.new) == (19, 1.0)
    assert standing.before == pytest.approx(9 / 19)
    assert standing.gain.mean == pytest.approx(10 / 19)
    assert standing.gain.better


def without(row: dict[str, Any], field: str) -> str:
    return json.dumps({name: value for name, value in row.items() if name != field})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"id": "set/1"}\n', r"mine\.jsonl:1: this line is no task in a form known here .*: it has id;"),
        ("[]\n", r"mine\.jsonl:1: .* it has no fields"),
        (without(HUMANEVALFIX, "test"), r"mine\.jsonl:1: this HumanEvalFix task has no field 'test'"),
        (without(HUMANEVAL, "prompt"), r"mine\.jsonl:1: this HumanEval task has no field 'prompt'"),
        (
            json.dumps({**HUMANEVALFIX, "test": "const check = () => {}"}),
            r"mine\.jsonl:1: this is no HumanEvalFix task in Python",
        ),
        (json.dumps({**HUMANEVAL, "test": "import unittest"}), r"its test does not define check"),
        (json.dumps({**HUMANEVAL, "entry_point": "other"}), r"its code does not define other"),
        (json.dumps(ROW) + "\n{torn\n", r"mine\.jsonl:2: this line is not JSON"),
        (None, r"mine\.jsonl cannot be read"),
    ],
)
def test_a_file_that_is_no_benchmark_is_refused_by_line(tmp_path: Path, text: str | None, sentence: str) -> None:
    """A benchmark that is half read gives figures that nobody can compare."""
    path = tmp_path / "mine.jsonl"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=sentence):
        forms.read(path)


def test_a_ledger_keeps_its_whole_lines_as_they_are_and_loses_a_torn_one(tmp_path: Path) -> None:
    """A kill in the middle of a line costs that line; a kill in the middle of mending it, nothing."""
    path = tmp_path / "answers.jsonl"
    first = Ledger(path)
    for number in range(3):
        first.add({"n": number})
    whole = path.read_bytes()
    before = path.stat().st_ino
    path.write_bytes(whole + b'{"n": 3')

    again = Ledger(path)
    assert path.read_bytes() == whole
    assert path.stat().st_ino == before  # cut, not written anew
    again.add({"n": 3})
    assert [row["n"] for row in Ledger(path).rows] == [0, 1, 2, 3]
