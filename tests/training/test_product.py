"""Models as the product uses them: the engine's own loop in a real sandbox, with models that answer by rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.errors import ModelError
from darner.engine.stop import Stop
from darner.training import bench
from darner.training.bench import Bench
from darner.training.forms import Item
from darner.training.ledger import Ledger
from darner.training.product import How, Used, Way, Wish, faulty_lines, fit, used
from darner.training.product_compared import as_json, compared, figures, sit, worse
from training_runs import Rule, RulingModel

WRONG = '''def third(number):
    """A third of it, as a whole number."""
    part = number * 3
    return part
'''
RIGHT = WRONG.replace("number * 3", "number // 3")
VISIBLE = "from solution import third\n\n\ndef test_it():\n    assert third(9) == 3\n"
HIDDEN = "from solution import third\n\n\ndef test_more():\n    assert third(30) == 10\n"
ITEM = Item("set/1", "third", WRONG, True, VISIBLE, HIDDEN, RIGHT)
STUB = '''def third(number):
    """A third of it, as a whole number.

    >>> third(9)
    3
    """
'''
TO_WRITE = Item("set/2", "third", STUB, False, "", HIDDEN, RIGHT)
SAID = "The line multiplies `number` by 3. It calls `banish`, which does not exist."


def says(body: str, prose: str = SAID) -> Rule:
    """A model that writes this body of `third` whenever it is asked for code."""

    def rule(prompt: str, seed: int) -> str:
        return prose if "Explain why" in prompt else f"```python\n{WRONG.replace('number * 3', body)}```"

    return rule


def wish(item: Item = ITEM) -> Wish:
    return Wish("set", item, item.id)


def how(way: Way = Way.MODEL) -> How:
    return How(way, 3_600.0, 0, trusted=True)


@pytest.fixture(scope="module")
def place() -> Iterator[Bench]:
    with bench.opened(Stop(), trusted=True) as opened:
        yield opened


def worked(place: Bench, rule: Rule, item: Item = ITEM, way: Way = Way.MODEL) -> Used:
    return used(wish(item), "new", RulingModel(rule), how(way), place)


def test_a_right_answer_goes_through_the_loop_and_is_correct(place: Bench) -> None:
    """Tried, selected, confirmed from cold, and then judged by what it never saw."""
    found = worked(place, says("number // 3"))

    assert (found.ending, found.plausible, found.correct, found.by_model) == ("repaired", True, True, True)
    assert (found.tried, found.tokens > 0, found.calls > 1, found.seconds > 0) == (1, True, True, True)


def test_a_wrong_answer_is_revised_and_offers_nothing(place: Bench) -> None:
    """What fails the visible test is shown to nobody."""
    found = worked(place, says("number - 3"))

    assert (found.ending, found.plausible, found.correct, found.by_model) == ("unrepaired", False, False, False)
    assert found.tried == 1  # the same answer again is not run again
    assert found.calls > 3  # and asked for again all the same


def test_a_repair_of_the_visible_tests_alone_is_plausible_and_not_correct(place: Bench) -> None:
    """The false repair, which only the hidden tests show."""
    found = worked(place, says("number - 6"))

    assert (found.ending, found.plausible, found.correct) == ("repaired", True, False)


def test_the_search_finds_what_the_model_does_not_only_where_it_takes_part(place: Bench) -> None:
    """Else a model would be praised for the search's repairs."""
    alone, whole = (worked(place, says("number - 3"), way=way) for way in Way)

    assert (alone.plausible, whole.plausible) == (False, True)
    assert not whole.by_model


def test_what_an_explanation_names_that_nobody_saw_is_said_and_not_shown(place: Bench) -> None:
    """Two sentences, of which the user sees one; the line is the one that the known solution changes."""
    found = worked(place, says("number // 3"))

    assert (found.said, found.shown, found.named) == (2, 1, True)


def test_a_body_is_written_by_the_loop_of_writing(place: Bench) -> None:
    """Judged by the docstring's example, then by the hidden tests."""

    def wrote(body: str) -> Used:
        return worked(place, lambda prompt, seed: f"```python\n{STUB}    return {body}\n```", TO_WRITE)

    right, lucky, wrong = wrote("number // 3"), wrote("number - 6"), wrote("number")
    assert [each.ending for each in (right, lucky, wrong)] == ["written", "written", "unwritten"]
    assert [each.plausible for each in (right, lucky, wrong)] == [True, True, False]
    assert [each.correct for each in (right, lucky, wrong)] == [True, False, False]


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (ITEM, ""),
        (Item("a", "third", WRONG, True, "", HIDDEN, RIGHT), "no test that may be shown fails"),
        (Item("a", "third", RIGHT, True, VISIBLE, HIDDEN, RIGHT), "no test that may be shown fails"),
        (Item("a", "third", WRONG, True, VISIBLE, HIDDEN, WRONG), "its own solution fails here"),
    ],
)
def test_a_task_that_measures_nothing_is_left_out(place: Bench, item: Item, why: str) -> None:
    """Before any model is asked."""
    found = fit(wish(item), place)

    assert (found.correct, found.ending) == (not why, why)


def test_a_model_that_breaks_down_is_not_scored_as_one_that_fails(place: Bench) -> None:
    """The loop goes on without it; a measurement must not."""

    def broken(prompt: str, seed: int) -> str:
        raise ModelError("The model's process ended.")

    with pytest.raises(ModelError, match="process ended"):
        worked(place, broken)


def test_a_cancelled_task_leaves_no_row(tmp_path: Path) -> None:
    """What it gave means nothing."""
    stop = Stop()

    def rule(prompt: str, seed: int) -> str:
        stop.cancel()
        return says("number // 3")(prompt, seed)

    ledger = Ledger(tmp_path / "product.jsonl")
    with bench.opened(stop, trusted=True) as place, pytest.raises(KeyboardInterrupt):
        sit([wish()], {"before": RulingModel(rule)}, [how()], place, ledger)

    assert [row["model"] for row in ledger.rows] == ["known"]


@pytest.mark.slow
def test_two_models_are_compared_and_a_second_look_asks_nothing(place: Bench, tmp_path: Path) -> None:
    """A kill in between costs one task."""
    models = {"before": RulingModel(says("number - 6")), "new": RulingModel(says("number // 3"))}
    items = [Item(f"set/{n}", "third", WRONG, True, VISIBLE, HIDDEN, RIGHT) for n in range(2)]
    asked = [*map(wish, items), wish(Item("set/odd", "third", RIGHT, True, VISIBLE, HIDDEN, RIGHT))]
    path = tmp_path / "product.jsonl"

    whole = compared(sit(asked, models, [how()], place, Ledger(path)), 0)
    counted = [model.asked for model in models.values()]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][:30])  # killed in the second task's last answer
    found = sit(asked, models, [how()], place, Ledger(path))
    again = compared(found, 0)

    standing = whole["set"]["model"]
    assert (standing.tasks, standing.before["correct"], standing.new["correct"]) == (2, 0.0, 1.0)
    assert (standing.before["plausible"], standing.plausible.mean, standing.correct.mean) == (1.0, 0.0, 1.0)
    assert dict(figures(whole))["set_model_gain_mean"] == 1.0
    assert again["set"]["model"].correct == standing.correct
    assert [model.asked for model in models.values()] == [counted[0], counted[1] * 3 // 2]
    assert as_json(found, again)["unfit"] == {"set set/odd": "no test that may be shown fails"}


def test_fewer_correct_by_the_whole_interval_is_worse() -> None:
    """Then an adapter is not adopted, whatever its single answers are worth."""

    def report(wins: int) -> bool:
        rows = [
            Used("set", f"{n}", f"{n}", "model", model, correct=(model == "new") == (n < wins))
            for n in range(10)
            for model in ("before", "new")
        ]
        return worse(compared(rows, 0))

    assert [report(wins) for wins in (0, 5, 10)] == [True, False, False]


def test_lines_that_a_fix_changes_or_that_stand_beside_what_it_adds_are_at_fault() -> None:
    """Blank ones are not."""
    assert faulty_lines(WRONG, RIGHT) == {3}
    assert faulty_lines("a = 1\n\nb = 2\n", "a = 1\n\nc = 3\nb = 2\n") == {1, 3}
