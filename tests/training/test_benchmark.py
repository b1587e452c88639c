"""Bugs of others: one greedy answer, judged by tests that no model saw; and the lines that outlive a kill."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from darner.engine.errors import BadInput
from darner.engine.stop import Stop
from darner.training import bench, benchmark, forms, plus_oracle
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


PLUS = {  # HumanEval+ as EvalPlus has it
    **HUMANEVAL,
    "canonical_solution": "    return number // 2\n",
    "base_input": [[4]],
    "plus_input": [[10], [7], [0]],
    "atol": 0,
}
MBPP_PLUS = {  # MBPP+ as EvalPlus has it: a text for a prompt, JSON for tuples
    "task_id": "Mbpp/616",
    "entry_point": "half",
    "prompt": '"""\nHalves of numbers, rounded down, as a tuple.\n"""\n',
    "canonical_solution": "\ndef half(numbers):\n    return tuple(number // 2 for number in numbers)\n",
    "base_input": [[[4]]],
    "plus_input": [[[10, 7]]],
    "atol": 0,
}
MBPP_ROWS = {  # MBPP+ as a data set of rows has it: `test` judges all inputs
    **MBPP,
    "prompt": MBPP["text"],
    "test_imports": ["import math"],
    "test_list": ["assert half(4) == 2"],
    "test": "for given, expected in zip([[4], [10]], [2, 5]):\n    assert half(*given) == expected, given\n",
}
CONTEST = {  # LiveCodeBench: a method, whose arguments are lines of JSON
    "question_id": "1",
    "question_content": "Return half of a number, rounded down.",
    "starter_code": "class Solution:\n    def half(self, number: int, more: List[int]) -> int:\n        ",
    "public_test_cases": json.dumps([{"input": "4\n[]", "output": "2", "testtype": "functional"}]),
    "metadata": '{"func_name": "half"}',
}


def packed(tests: object) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


CONTEST["private_test_cases"] = packed([{"input": "10\n[1]", "output": "5", "testtype": "functional"}])
PROGRAM = {  # LiveCodeBench: a program
    "question_id": "2",
    "question_content": "Print half of each number, rounded down, a line each.",
    "starter_code": "",
    "public_test_cases": json.dumps([{"input": "4\n", "output": "2\n", "testtype": "stdin"}]),
    "private_test_cases": json.dumps([{"input": "10 7\n", "output": "5\n3", "testtype": "stdin"}]),
    "metadata": "{}",
}
WRITTEN = {
    "plus": (
        PLUS,
        "def half(number):\n    return {}",
        "number // 2",
        "number // 2 + number % 2",
    ),
    "mbpp+": (MBPP_PLUS, "def half(numbers):\n    return {}", "tuple(n // 2 for n in numbers)", "(numbers[0] // 2,)"),
    "tuples": (MBPP_PLUS, "def half(numbers):\n    return {}", "numbers[:0] + tuple(n // 2 for n in numbers)", "[2]"),
    "rows": (MBPP_ROWS, "def half(number):\n    return {}", "number // 2", "number - 2"),
    "method": (
        CONTEST,
        "class Solution:\n    def half(self, number, more):\n        return {}",
        "number // 2",
        "number - 2",
    ),
    "program": (
        PROGRAM,
        "def main():\n    for word in {}:\n        print(int(word) // 2)",
        "input().split()",
        "input().split()[:1]",
    ),
    "stream": (
        PROGRAM,
        "def main():\n    import sys\n    print(*({}), sep='\\n')",
        "int(w) // 2 for w in sys.stdin.read().split()",
        "[2.0]",
    ),
    "float": (PROGRAM, "def main():\n    print({})", "*(f'{int(w) // 2}.00' for w in input().split()), sep='\\n'", "2"),
}


@pytest.mark.parametrize("case", list(WRITTEN))
def test_what_only_the_added_tests_find_wrong_is_wrong(case: str, tmp_path: Path) -> None:
    """HumanEval+ and MBPP+ without their plus are other benchmarks; so is LiveCodeBench without its private tests."""
    row, form, right, wrong = WRITTEN[case]
    (item,) = forms.read(written(tmp_path, row))
    with bench.opened(Stop(), trusted=True) as place:
        assert benchmark.known("set", item, place).correct
        answers = [f"```python\n{form.format(body)}\n```" for body in (right, wrong)]
        models = [RulingModel(lambda _, __, answer=answer: answer) for answer in answers]
        examiners = [Examiner(each, place, Effort(0, 1, 0.0), 0) for each in models]
        assert [benchmark.answered("set", item, "new", each).correct for each in examiners] == [True, False]


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_task_whose_own_solution_fails_here_is_no_task(tmp_path: Path) -> None:
    """A library that is missing would make both models look equally bad."""
    broken = {**MBPP_ROWS, "task_id": 8, "test_imports": ["import missing_library"]}
    with bench.opened(Stop(), trusted=True) as place:
        known = [benchmark.known("set", item, place) for item in forms.read(written(tmp_path, MBPP_ROWS, broken))]
    assert [each.correct for each in known] == [True, False]
    both = [Answered("set", "7", "before", False), Answered("set", "7", "new", True)]

    standing = benchmark.compared([*known, *both], 0)["set"]
    assert (standing.tasks, standing.unsound, standing.new) == (1, 1, 1.0)
    with pytest.raises(BadInput, match=r"No task of set can be judged here: 8 says .*missing_library"):
        benchmark.compared(known[1:], 0)


class Call:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("run",)


def test_a_file_of_tasks_runs_no_code_and_fills_no_memory(tmp_path: Path) -> None:
    """LiveCodeBench packs its tests with pickle, which may name any function."""
    evil = base64.b64encode(zlib.compress(pickle.dumps(Call()))).decode()
    with pytest.raises(BadInput, match=r"mine\.jsonl:1: this is no LiveCodeBench task .*packed tests name"):
        forms.read(written(tmp_path, {**CONTEST, "private_test_cases": evil}))
    bomb = base64.b64encode(zlib.compress(b"0" * (300 << 20), 9)).decode()
    with pytest.raises(BadInput, match=r"mine\.jsonl:1: .*packed tests have more than 256 MB"):
        forms.read(written(tmp_path, {**CONTEST, "private_test_cases": bomb}))


@pytest.mark.parametrize(
    ("name", "output", "expected", "right"),
    [
        ("f", 0.1 + 0.2, 0.3, True),
        ("f", [0.1 + 0.2], [0.3], True),
        ("f", [0.3], (0.3,), False),
        ("f", 3, 4, False),
        ("similar_elements", (2, 1), (1, 2), True),
        ("sum_div", 0, 5, True),
        ("check_str", "match", "another match", True),
        ("check_str", None, "match", False),
        ("find_zero", -0.5, None, True),
        ("find_zero", 0.5, None, False),
    ],
)
def test_outputs_are_right_where_evalplus_takes_them_for_right(
    name: str, output: object, expected: object, right: bool
) -> None:
    """Two harnesses that differ in this give figures that nobody can compare."""
    assert plus_oracle.agrees(name, output, expected, [[1, 2]], 1e-4 if name == "find_zero" else 0) is right


@pytest.mark.parametrize("row", [ROW, HUMANEVALFIX, HUMANEVAL, MBPP])
def test_hidden_tests_decide_and_are_never_shown(row: dict[str, Any], tmp_path: Path) -> None:
    """What passes the visible tests alone is no repair, and what was written to hidden ones measures nothing."""
    asked: list[str] = []
    (item,) = forms.read(written(tmp_path, row))

    def examined(place: bench.Bench, body: str) -> bool:
        def rule(prompt: str, _: int) -> str:
            asked.append(prompt)
            return f"```python\ndef half(number):\n    return {body}\n```"

        return benchmark.answered("set", item, "new", Examiner(RulingModel(rule), place, Effort(0, 1, 0.0), 0)).correct

    with bench.opened(Stop(), trusted=True) as place:
        assert examined(place, "number // 2")
        assert not examined(place, "number - 2")  # right for 4
        assert not examined(place, "number * 2")
    assert all("`half`" in prompt for prompt in asked)
    assert ["half(4)" in prompt for prompt in asked] == [row in (ROW, HUMANEVALFIX)] * 3
    assert not any("(10)" in prompt for prompt in asked)
    assert all(("number * 2" in prompt) == item.repairs for prompt in asked)  # a bug is shown, or nothing is
    assert item.repairs == (row in (ROW, HUMANEVALFIX))


def test_the_account_of_a_task_says_what_is_plausible_what_is_right_and_what_it_cost(tmp_path: Path) -> None:
    """An answer that only the visible tests believe, beside samples of which one in two is right."""
    (item,) = forms.read(written(tmp_path, ROW))

    def rule(_: str, seed: int) -> str:
        return f"```python\ndef half(number):\n    return number {'// 2' if seed % 2 else '- 2'}\n```"

    with bench.opened(Stop(), trusted=True) as place:
        found = benchmark.answered("set", item, "new", Examiner(RulingModel(rule), place, Effort(4, 1, 0.0), 0))
    assert (found.plausible, found.correct, found.passed, found.tokens) == (True, False, 2, 5)

    standing = benchmark.compared([found, replace(found, model="before", passed=0)], 0, 4)["set"]
    assert standing.more["new_plausible"] == 1.0
    assert standing.more["new_pass_at_1"] == pytest.approx(0.5)
    assert standing.more["new_pass_at_4"] == 1.0
    assert standing.more["before_pass_at_4"] == 0.0
    assert standing.more["new_tokens"] == 5.0


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
