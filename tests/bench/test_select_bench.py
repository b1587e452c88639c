"""`make bench-select` can be killed at any time, and works out what a task costs from what was really drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from darner.engine.errors import ModelError
from darner.engine.model import Message, Sampling
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.types import Candidate, FileChange, Origin, Patch
from darner.engine.wire import decode, encode
from darner.sandbox.types import CallResult
from select_store import KnownModel, Meter, Store
from select_strategies import Cost, Ending, endings
from select_types import Hunt, Seen, TaskRow, Unit

MADE = {"model": "scripted", "how": {"full": (4, 8)}}
ASKED = (Message("user", "which?"),)


def test_a_recording_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    """A kill in the middle of a line costs that line alone."""
    file = tmp_path / "select.jsonl"
    store = Store(file, MADE)
    store.add({"kind": "task", "row": 1})
    with file.open("a") as torn:
        torn.write('{"kind": "task", "ro')

    Store(file, MADE).add({"kind": "task", "row": 2})

    assert [row.get("row") for row in Store(file, MADE).of("task")] == [1, 2]
    assert all(json.loads(line) for line in file.read_text().splitlines())


def test_rows_made_otherwise_are_not_mixed(tmp_path: Path) -> None:
    """Half of the tasks with one seed and half with another would be no measurement."""
    Store(tmp_path / "select.jsonl", MADE)

    with pytest.raises(SystemExit, match="was made with"):
        Store(tmp_path / "select.jsonl", {**MADE, "model": "another"})


def test_a_known_answer_needs_no_model_and_costs_what_it_cost(tmp_path: Path) -> None:
    """A selector that is replayed for free would look better than one that is run."""
    file, meter = tmp_path / "select.jsonl", Meter()
    model = KnownModel(Store(file, MADE), "scripted", lambda: ScriptedModel("yes"), meter)
    model.sample(ASKED, Sampling(n=3), Stop())
    model.score(ASKED, ("1", "22"), Stop())
    spent = meter.seconds

    again = KnownModel(Store(file, MADE), "scripted", None, replayed := Meter())

    assert [c.text for c in again.sample(ASKED, Sampling(n=3), Stop())] == ["yes", "yes", "yes"]
    assert again.score(ASKED, ("1", "22"), Stop()) == (-1.0, -2.0)
    assert (replayed.calls, replayed.seconds) == (4, spent)
    with pytest.raises(ModelError, match="--model"):
        again.sample(ASKED, Sampling(n=4), Stop())


def seen(number: int, visible: bool, hidden: bool) -> Seen:
    patch = Patch((FileChange("solution.py", b"", f"n = {number}\n".encode()),))
    one = Candidate(patch, Origin.MODEL, "an answer")
    return Seen(one, visible, hidden, {"f(1)": CallResult("f(1)", str(number), None)}, 0.0)


def row() -> TaskRow:
    """The first batch passes wrongly after one revision, the second is right at once."""
    return TaskRow(
        task="t/1",
        setup_s=1.0,
        test="",
        facts=(),
        places=(),
        original={},
        seen=(seen(0, False, False), seen(1, True, False), seen(2, True, True)),
        chain=(Unit(2.0, (0,)), Unit(2.0, (1,))),
        tree=((Unit(10.0, (0, None, 0, 0)), Unit(10.0, (1, 0, 0, None))), (Unit(10.0, (2, 2, 2, 2)),)),
        hunts=(Hunt(0, 5.0, 0, False, (1, 2), 2, None, "repaired"),),
    )


def last(name: str, recorded: TaskRow, numbers: Sequence[int]) -> Cost:
    return numbers[-1], 2, 0.5


def found(name: str) -> Ending:
    return next(e for e in endings(row(), (4, 8), 1, last) if e.name == name)


def test_a_strategy_is_charged_for_what_it_drew_and_no_more() -> None:
    """First passing ends with the batch that passes; S* draws all and then chooses."""
    assert (found("one-shot").plausible, found("one-shot").seconds) == (False, 3.0)
    assert (found("self-debug R=1").plausible, found("self-debug R=1").correct) == (True, False)
    early = found("first passing N=8 R=1")
    assert (early.calls, early.seconds, early.correct, early.oracle) == (8, 21.0, False, True)
    whole = found("S*-local N=8 R=1")
    assert (whole.calls, whole.seconds, whole.correct) == (14, 31.5, True)
    assert not found("S*-local N=4").plausible
    assert (found("search only").correct, found("search only").seconds) == (True, 5.0)


def test_a_row_is_the_same_after_a_round_through_json() -> None:
    """The tables are made from what was read back."""
    assert decode(json.loads(json.dumps(encode(row()))), TaskRow) == row()
