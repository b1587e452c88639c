"""Repair tasks of others, by path: what weights are worth on bugs that nobody planted here, one greedy answer each.

    JSON lines: id, entry_point, source (wrong), visible_tests, hidden_tests, licence
    source, visible tests ─run─▶ evidence ─▶ the engine's own prompt ─▶ answer ─▶ visible, then hidden tests

The hidden tests decide, and no model sees them. HumanEvalFix and QuixBugs come in this form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..engine.errors import BadInput
from .bench import Bench
from .examiner import Examiner
from .paired import Difference, difference
from .practice import Case, ask, case_of
from .types import Mistake, Task

_FIELDS = ("id", "entry_point", "source", "visible_tests", "hidden_tests")


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


def read(path: Path) -> tuple[Mapping[str, str], ...]:
    """Raises BadInput for a file that cannot be read, or a line that is no repair task."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); name repair tasks as JSON lines in [evaluate].") from error
    return tuple(_task(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def _task(path: Path, number: int, line: str) -> Mapping[str, str]:
    try:
        row: object = json.loads(line)
    except ValueError as error:
        raise BadInput(f"{path}:{number}: this line is not JSON ({error}); take it out.") from None
    fields = cast("dict[str, object]", row) if isinstance(row, dict) else {}
    missing = [name for name in _FIELDS if not isinstance(fields.get(name), str)]
    if missing:
        raise BadInput(f"{path}:{number}: this line is no repair task, for it has no text {missing[0]}; take it out.")
    return {name: str(fields.get(name, "")) for name in (*_FIELDS, "licence")}


def correct(row: Mapping[str, str], examiner: Examiner) -> bool:
    """Whether the model's greedy answer passes the visible and the hidden tests."""
    case = _case(row, examiner.bench)
    if case is None:
        return False
    answer = examiner.answers(case, ask(case, None, explain=False), 1, 0.0)[0]
    return answer.passed == 1.0 and examiner.bench.run(answer.code, row["hidden_tests"]).passed


def _case(row: Mapping[str, str], place: Bench) -> Case | None:
    """None where the wrong module does not define the function."""
    name, tests, licence = row["id"], row["visible_tests"], row["licence"]
    task = Task(name, row["entry_point"], "", row["source"], tests, "benchmark", licence, name)
    evidence = place.run(row["source"], tests).feedback
    return case_of(Mistake(name, task, row["source"], "benchmark", "", evidence))


def compared(answers: Sequence[Answered], seed: int) -> dict[str, Standing]:
    """By benchmark, on the tasks that both models answered."""
    return {name: _standing([a for a in answers if a.benchmark == name], seed) for name in _names(answers)}


def _names(answers: Sequence[Answered]) -> list[str]:
    return list(dict.fromkeys(each.benchmark for each in answers))


def _standing(answers: Sequence[Answered], seed: int) -> Standing:
    by_model = {model: {a.task: float(a.correct) for a in answers if a.model == model} for model in ("before", "new")}
    both = sorted(by_model["before"].keys() & by_model["new"].keys())
    before, new = ([by_model[model][task] for task in both] for model in ("before", "new"))
    return Standing(len(both), sum(before) / len(both), sum(new) / len(both), difference(before, new, both, seed))
