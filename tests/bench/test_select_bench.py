"""`make bench-select` can be killed at any time, and works out what a task costs from what was really drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from darner.engine.errors import ModelError
from darner.engine.model import Message, Sampling
from darner.engine.pool import Choice
from darner.engine.scripted import ScriptedModel
from darner.engine.select import SELECTORS
from darner.engine.stop import Stop
from darner.engine.types import Candidate, FileChange, Origin, Patch
from darner.engine.wire import decode, encode
from darner.sandbox.types import CallResult
from select_compare import compared
from select_store import KnownModel, Meter, Store
from select_strategies import Cost, Ending, endings
from select_types import Hunt, Seen, TaskRow, Unit

MADE = {"model": "scripted", "how": {"full": (4, 8)}}
STAMP = {"machine": "one", "commit": "c"}
ASKED = (Message("user", "which?"),)


def test_a_recording_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    """A kill in the middle of a line costs that line alone."""
    file = tmp_path / "select.jsonl"
    store = Store(file, MADE, STAMP)
    store.add({"kind": "task", "row": 1})
    with file.open("a") as torn:
        torn.write('{"kind": "task", "ro')

    Store(file, MADE, STAMP).add({"kind": "task", "row": 2})

    assert [row.get("row") for row in Store(file, MADE, STAMP).of("task")] == [1, 2]
    assert all(json.loads(line) for line in file.read_text().splitlines())


def test_rows_made_otherwise_are_not_mixed(tmp_path: Path) -> None:
    """Half of the tasks with one seed and half with another would be no measurement."""
    Store(tmp_path / "select.jsonl", MADE, STAMP)

    with pytest.raises(SystemExit, match="was made with"):
        Store(tmp_path / "select.jsonl", {**MADE, "model": "another"}, STAMP)


def test_a_known_answer_needs_no_model_and_costs_what_it_cost(tmp_path: Path) -> None:
    """A selector that is replayed for free would look better than one that is run."""
    file, meter = tmp_path / "select.jsonl", Meter()
    model = KnownModel(Store(file, MADE, STAMP), "scripted", lambda: ScriptedModel("yes"), meter)
    model.sample(ASKED, Sampling(n=3), Stop())
    model.score(ASKED, ("1", "22"), Stop())
    spent = meter.seconds

    again = KnownModel(Store(file, MADE, STAMP), "scripted", None, replayed := Meter())

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


def test_a_task_in_which_nothing_can_be_asked_counts_for_every_strategy() -> None:
    """Left out of some rows of the table, these would be compared on other tasks than the rest."""
    bare = replace(row(), chain=(), tree=())
    names = {e.name for e in endings(row(), (4, 8), 1, last)}
    nothing = list(endings(bare, (4, 8), 1, last))

    assert {e.name for e in nothing} == names
    assert not any(e.plausible or e.calls for e in nothing if e.strategy not in ("search only", "full"))
    assert [e.name for e in endings(bare, None, 1, last)] == ["search only"]
    assert [e.name for e in endings(replace(row(), hunts=()), (), 0, last)] == ["one-shot"]


def test_every_row_says_where_it_was_made(tmp_path: Path) -> None:
    """A recording may be continued with a later commit: the table has to tell."""
    file = tmp_path / "select.jsonl"
    Store(file, MADE, STAMP).add({"kind": "task", "row": 1})
    Store(file, MADE, {**STAMP, "commit": "d"}).add({"kind": "task", "row": 2})

    assert [row["commit"] for row in Store(file, MADE, STAMP).of("task")] == ["c", "d"]


class Choosing:
    """Selectors whose model falls silent on one task."""

    def __init__(self, silent: str) -> None:
        self._silent = silent

    def choice(self, name: str, row: TaskRow, numbers: Sequence[int]) -> tuple[Choice, int, float]:
        if (name, row.task) == ("judge", self._silent):
            raise ModelError("gone")
        return Choice(0), 0, 0.0


def test_selectors_are_compared_on_the_same_tasks_or_not_at_all() -> None:
    """A selector that failed on the hard tasks would look better than the others."""
    rows = [replace(row(), task=name) for name in ("t/1", "t/2", "t/3")]

    told, left = compared(rows, Choosing("t/2"), SELECTORS, lambda row: [1, 2])

    assert {len(found) for found in told.values()} == {2}
    assert left == ["t/2: gone"]


def test_a_row_is_the_same_after_a_round_through_json() -> None:
    """The tables are made from what was read back."""
    assert decode(json.loads(json.dumps(encode(row()))), TaskRow) == row()
