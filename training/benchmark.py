"""Tasks of others, by path: what weights are worth where nobody planted a bug, one greedy answer each.

    repair  HumanEvalFix, QuixBugs    id, entry_point, source (wrong), visible_tests, hidden_tests
    write   HumanEval(+)              task_id, entry_point, prompt, test (with `check`)
            MBPP(+)                   task_id, text or prompt, code (for its header), test_list

    wrong source ─run─▶ evidence ─▶ the engine's own prompt ─▶ answer ─▶ visible, then hidden tests

JSON lines. The hidden tests decide, and no model sees them.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ..engine.errors import BadInput
from .bench import Bench
from .examiner import Examiner
from .paired import Difference, difference
from .practice import Case, case_of
from .types import Mistake, Task


@dataclass(frozen=True, slots=True)
class Item:
    """One task."""

    id: str
    name: str
    """The function's."""
    source: str
    """A module in which it is wrong, or has no body yet."""
    visible: str
    """Tests that may be shown; empty where a description alone is given."""
    hidden: str


@dataclass(frozen=True, slots=True)
class Answered:
    """One model on one task."""

    benchmark: str
    task: str
    model: str
    correct: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Two models on one benchmark."""

    tasks: int
    before: float
    """Share of the tasks."""
    new: float
    gain: Difference


def read(path: Path) -> tuple[Item, ...]:
    """Raises BadInput for a file that cannot be read, or a line that is no task of a known form."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); name tasks as JSON lines in [evaluate].") from error
    return tuple(_item(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def _item(path: Path, number: int, line: str) -> Item:
    try:
        row: object = json.loads(line)
    except ValueError as error:
        raise BadInput(f"{path}:{number}: this line is not JSON ({error}); take it out.") from None
    fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
    try:
        form = _repair if "source" in fields else _mbpp if "test_list" in fields else _humaneval
        return form(fields)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path}:{number}: this line is no task in a form known here, as HumanEvalFix, HumanEval or MBPP "
            f"({error!r}); take it out."
        ) from None


def _repair(row: Mapping[str, Any]) -> Item:
    return Item(row["id"], row["entry_point"], row["source"], row["visible_tests"], row["hidden_tests"])


def _humaneval(row: Mapping[str, Any]) -> Item:
    name = str(row["entry_point"])
    tests = (
        f"from solution import *\nfrom solution import {name}\n\n{row['test']}\n\n\ndef test_it():\n    check({name})\n"
    )
    return Item(str(row["task_id"]), name, f"{row['prompt'].rstrip()}\n    pass\n", "", tests)


def _mbpp(row: Mapping[str, Any]) -> Item:
    tests = [str(test) for test in row["test_list"]]
    called = {node.id for node in ast.walk(ast.parse("\n".join(tests))) if isinstance(node, ast.Name)}
    defined = [node for node in ast.parse(row["code"]).body if isinstance(node, ast.FunctionDef)]
    node = next(node for node in reversed(defined) if node.name in called)
    node.body = [ast.Expr(ast.Constant(str(row.get("text") or row["prompt"]))), ast.Pass()]
    body = "\n".join(f"    {line}" for test in tests for line in test.splitlines())
    hidden = f"from solution import *\nfrom solution import {node.name}\n\n\ndef test_it():\n{body}\n"
    return Item(str(row["task_id"]), node.name, f"{ast.unparse(node)}\n", "", hidden)


def correct(item: Item, examiner: Examiner) -> bool:
    """Whether the model's greedy answer passes the visible and the hidden tests."""
    case = _case(item, examiner.bench)
    if case is None:
        return False
    answer = (examiner.repairs(case, None, 1, 0.0) if item.visible else examiner.written(case, 1, 0.0))[0]
    return answer.passed == 1.0 and (not item.visible or examiner.bench.run(answer.code, item.hidden).passed)


def _case(item: Item, place: Bench) -> Case | None:
    """None where the module does not define the function. What may not be shown only judges."""
    evidence = place.run(item.source, item.visible).feedback if item.visible else ""
    task = Task(item.id, item.name, "", item.source, item.visible or item.hidden, "benchmark", "", item.id)
    case = case_of(Mistake(item.id, task, item.source, "benchmark", "", evidence))
    return replace(case, target=replace(case.target, test=item.visible)) if case else None


def compared(answers: Sequence[Answered], seed: int) -> dict[str, Standing]:
    """By benchmark, on the tasks that both models answered."""
    names = dict.fromkeys(each.benchmark for each in answers)
    return {name: _standing([each for each in answers if each.benchmark == name], seed) for name in names}


def _standing(answers: Sequence[Answered], seed: int) -> Standing:
    by_model = {model: {a.task: float(a.correct) for a in answers if a.model == model} for model in ("before", "new")}
    both = sorted(by_model["before"].keys() & by_model["new"].keys())
    before, new = ([by_model[model][task] for task in both] for model in ("before", "new"))
    return Standing(len(both), sum(before) / len(both), sum(new) / len(both), difference(before, new, both, seed))
