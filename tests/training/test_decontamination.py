"""What measures is not learnt: whichever section names it, whichever stage would learn it; and the run says so."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from darner.engine.stop import Stop
from darner.training import decontamination, held_out, line, traces
from darner.training.job import write_manifest
from darner.training.recipe import FOLDER, read_recipe
from darner.training.run import context_of, job_of
from darner.training.stages import Context
from darner.training.types import Conversation, Dropped, Manifest, Turn

# Two known solutions as they are published: HumanEvalFix, OctoPack, MIT; QuixBugs, MIT.
PUBLISHED = {
    "humanevalfix/1": """\
def separate_paren_groups(paren_string):
    result = []
    current_string = []
    current_depth = 0

    for c in paren_string:
        if c == '(':
            current_depth += 1
            current_string.append(c)
        elif c == ')':
            current_depth -= 1
            current_string.append(c)

            if current_depth == 0:
                result.append(''.join(current_string))
                current_string.clear()

    return result
""",
    "quixbugs/shunting_yard": """\
def shunting_yard(tokens):
    precedence = {
        '+': 1,
        '-': 1,
        '*': 2,
        '/': 2
    }

    rpntokens = []
    opstack = []
    for token in tokens:
        if isinstance(token, int):
            rpntokens.append(token)
        else:
            while opstack and precedence[token] <= precedence[opstack[-1]]:
                rpntokens.append(opstack.pop())
            opstack.append(token)

    while opstack:
        rpntokens.append(opstack.pop())

    return rpntokens
""",
}
COPIES = {  # other names, other texts, statements in another order
    "humanevalfix/1": """\
def groups_of(text):
    \'\'\'Its outermost groups.\'\'\'
    depth = 0
    piece = []
    found = []
    for letter in text:
        if letter == "[":
            depth += 1
            piece.append(letter)
        elif letter == "]":
            depth -= 1
            piece.append(letter)
            if depth == 0:
                found.append("".join(piece))
                piece.clear()
    return found
""",
    "quixbugs/shunting_yard": """\
def postfix(words):
    waiting = []
    output = []
    strength = {"+": 10, "-": 10, "*": 20, "/": 20}
    for word in words:
        if isinstance(word, int):
            output.append(word)
        else:
            while waiting and strength[word] <= strength[waiting[-1]]:
                output.append(waiting.pop())
            waiting.append(word)
    while waiting:
        output.append(waiting.pop())
    return output
""",
}
HONEST = """\
def runs(text):
    found = []
    current = []
    for letter in text:
        if current and letter != current[-1]:
            found.append("".join(current))
            current = []
        current.append(letter)
    return found + ["".join(current)] if current else found
"""
RAW = {  # as HumanEval and HumanEvalFix have it: the head in `prompt`, the body alone in others
    "task_id": "Python/1",
    "prompt": "def groups_of(text):\n",
    "canonical_solution": PUBLISHED["humanevalfix/1"].partition("\n")[2],
    "test": "def check(candidate):\n    pass\n",
}


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "bench.jsonl"
    rows = [{"id": task, "fixed": code} for task, code in PUBLISHED.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("task", list(PUBLISHED))
def test_a_planted_copy_of_a_published_task_is_found(tasks: Path, task: str) -> None:
    """Renamed and with statements in another order, as a copy in the wild is."""
    index = held_out.read([str(tasks)])
    assert index.found_in("", COPIES[task]) == task
    assert index.found_in("", HONEST) == ""


def test_a_solution_that_is_published_without_its_head_is_known_too(tmp_path: Path) -> None:
    """A body alone is no code that parses."""
    path = tmp_path / "raw.jsonl"
    path.write_text(json.dumps(RAW) + "\n", encoding="utf-8")
    assert held_out.read([str(path)]).found_in("", COPIES["humanevalfix/1"]) == "Python/1"


def test_what_evaluate_measures_is_held_out_of_every_stage_unasked(tmp_path: Path, tasks: Path) -> None:
    """A benchmark that is named in one section only was learnt, without a word."""
    path = tmp_path / "mine.toml"
    named = f"benchmarks = [{json.dumps(str(tasks))}]"
    path.write_text((FOLDER / "tiny.toml").read_text(encoding="utf-8").replace("benchmarks = []", named))
    recipe = read_recipe(str(path), line.ALL)
    context = context_of(recipe, tmp_path, Stop())

    assert context.held_out == (str(tasks),)
    seeds = next(stage for stage in line.ALL if stage.name == "seeds")
    assert f"held out {tasks}" in job_of(seeds, recipe, context).inputs


def context_with(folder: Path, tasks: Path) -> Context:
    def nobody() -> Any:  # noqa: ANN401 - never returns
        raise AssertionError("no model is asked")

    return Context(folder, Stop(), 7, frozenset(("traces",)), "", nobody, (str(tasks),))


def lesson(number: int, code: str) -> Conversation:
    return Conversation(str(number), (Turn("user", "Mend it."), Turn("assistant", f"```python\n{code}```")), 1.0, {})


def test_a_recorded_repair_of_a_benchmarks_task_is_not_learnt(tmp_path: Path, tasks: Path) -> None:
    """Who works on a benchmark with Darner records its solutions."""
    lessons = [lesson(0, COPIES["quixbugs/shunting_yard"]), lesson(1, HONEST)]
    settle = traces.STAGE.settle
    assert settle is not None
    kept = list(settle(context_with(tmp_path, tasks), traces.Settings())(asdict(each) for each in lessons))
    assert kept == [Dropped("is a benchmark's task"), asdict(lessons[1])]


def test_the_account_counts_what_was_dropped_and_what_is_there_all_the_same(tmp_path: Path, tasks: Path) -> None:
    """Who reads a figure must see what the model had seen."""
    output = tmp_path / "traces.jsonl"
    lessons = [lesson(0, COPIES["humanevalfix/1"]), lesson(1, HONEST)]
    output.write_text("".join(json.dumps(asdict(each)) + "\n" for each in lessons), encoding="utf-8")
    dropped = {"is a benchmark's task": 3, "cannot be read": 1}
    write_manifest(output, Manifest("traces", {}, {}, 0, "", {}, 6, 2, dropped, {}, 1.0, "traces.jsonl", ""))

    found = decontamination.looked_at(context_with(tmp_path, tasks))

    assert found == decontamination.Decontamination({"bench.jsonl": 2}, {"traces": 3}, {"traces": 1})
    said = "\n".join(decontamination.in_words(found))
    assert "bench.jsonl (2 tasks)" in said
    assert "Dropped as near-copies: 3 in traces." in said
    assert "among what was learnt: 1 in traces." in said
