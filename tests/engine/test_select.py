"""Ways to choose among repairs that pass: what each may and may not be decided by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from darner.engine.behaviour import Cluster, grouped
from darner.engine.errors import ModelError
from darner.engine.model import Message, Model
from darner.engine.pool import Means, Pool
from darner.engine.prompt import Target
from darner.engine.scripted import ScriptedModel
from darner.engine.select import SELECTORS, select
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.types import Candidate, FileChange, Origin, Patch
from darner.sandbox.types import CallResult

BEFORE = b'def double(n):\n    """Twice the number."""\n    return n\n'
TWICE = BEFORE.replace(b"return n", b"return n + n  # right")
SQUARE = BEFORE.replace(b"return n", b"return n * n")
ALSO_TWICE = BEFORE.replace(b"return n", b"return 2 * n  # right and longer")
SPREAD = BEFORE.replace(b"return n", b"k = n\n    return k+n")
"""Fewer characters than the one above and more lines."""
ASKING = ("judge", "adaptive", "margins")


class Knowing(ScriptedModel):
    """Prefers the version that says it is right, as far as the order in which both are shown lets it."""

    def __init__(self, leaning: float, *texts: str) -> None:
        super().__init__(*texts)
        self.leaning = leaning
        """How much likelier `1` is than `2`, in nats, whatever is shown."""

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        self.asked.append(tuple(messages))
        first = messages[-1].content.split("Version 2:")[0]
        return (self.leaning, 1.0, -9.0) if "right" in first else (self.leaning - 1.0, 2.0, -9.0)


def candidate(after: bytes) -> Candidate:
    return Candidate(Patch((FileChange("a.py", BEFORE, after),)), Origin.MUTATION, "an edit", "x", 0.5, "a.py", 3)


def pool(*afters: bytes, inputs: Sequence[int] = (2, 3)) -> Pool:
    candidates = tuple(candidate(after) for after in afters)
    source = Source.parse("a.py", BEFORE)
    target = Target(source, source.functions()[0], "assert double(2) == 4", ())
    rows = [run(one, "a.py", [f"double({n})" for n in inputs]) for one in candidates]
    return Pool(candidates, grouped(rows), {("a.py", "double"): target}, {})


def run(one: Candidate, path: str, expressions: Sequence[str]) -> Mapping[str, CallResult]:
    """Here, not in a sandbox: what is run is written above."""
    names: dict[str, object] = {}
    exec(one.patch.files[0].after, names)
    return {text: CallResult(text, repr(eval(text, names)), None) for text in expressions}


def means(model: Model | None) -> Means:
    return Means(model, run, Stop())


def chosen(name: str, among: Pool, model: Model | None = None) -> bytes:
    return among.candidates[select(name, among, means(model)).best].patch.files[0].after


@pytest.mark.parametrize("name", list(SELECTORS))
def test_candidates_that_do_the_same_need_no_model(name: str) -> None:
    """Most pools hold one behaviour: to ask then costs seconds and decides nothing."""
    model = Knowing(0.0)

    select(name, pool(TWICE, ALSO_TWICE), means(model))

    assert model.asked == []


def test_ways_without_a_model_differ_in_what_they_look_at() -> None:
    """First found, least changed, and what most do are three different answers."""
    among = pool(ALSO_TWICE, SQUARE, TWICE)

    assert chosen("first", among) == ALSO_TWICE
    assert chosen("smallest", among) == SQUARE
    assert chosen("agreeing", among) in (TWICE, ALSO_TWICE)


def test_the_smallest_edit_is_the_smallest_among_one_behaviour_too() -> None:
    """Fewest characters, as its name says; all other ways take the plainest edit there."""
    assert chosen("smallest", pool(ALSO_TWICE, TWICE)) == TWICE
    assert chosen("smallest", pool(SPREAD, ALSO_TWICE)) == SPREAD


def test_the_default_asks_only_what_the_loop_would_ask() -> None:
    """Two close behaviours are a question, but not behind a reversal, nor without an input that tells them apart."""
    among = pool(TWICE, SQUARE)
    asks = select("default", among, means(None))
    assert asks.rival is not None

    reverts = tuple(replace(one, origin=Origin.REVERT) for one in among.candidates)
    assert select("default", replace(among, candidates=reverts), means(None)).rival is None

    alike = {"double(2)": CallResult("double(2)", "4", None)}
    unseen = tuple(Cluster((i,), alike) for i in (0, 1))
    assert select("default", replace(among, clusters=unseen), means(None)).rival is None


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("order", [(TWICE, SQUARE), (SQUARE, TWICE)])
def test_a_verdict_that_survives_the_swap_decides(name: str, order: tuple[bytes, bytes]) -> None:
    """Whichever stands first in the pool."""
    assert chosen(name, pool(*order), Knowing(1.5)) == TWICE


@pytest.mark.parametrize("name", ["judge", "adaptive"])
@pytest.mark.parametrize("order", [(TWICE, SQUARE), (SQUARE, TWICE)])
def test_a_verdict_that_follows_the_order_decides_nothing(name: str, order: tuple[bytes, bytes]) -> None:
    """Small models say `1` to everything: that must not count for whoever is shown first."""
    choice = select(name, pool(*order), means(Knowing(50.0)))

    assert choice.fallback


def test_margins_see_through_a_leaning_to_one_answer() -> None:
    """What the order adds is the same both ways and cancels."""
    assert chosen("margins", pool(SQUARE, TWICE), Knowing(50.0)) == TWICE


def test_the_judge_is_shown_what_really_came_out() -> None:
    """S*: the model never foretells outputs, and calls on which both agree are not shown."""
    model = Knowing(1.5, "double(2)\nprint(double(5))\ndouble(oops)\nnot python\n")

    select("adaptive", pool(TWICE, SQUARE), means(model))

    shown = model.asked[-2][-1].content
    assert "`double(5)`: version 1 gives `10`, version 2 gives `25`" in shown
    assert "double(2)`:" not in shown
    assert "oops" not in shown


def test_where_the_model_writes_no_telling_call_a_known_one_is_shown() -> None:
    """The behaviours differ on something, or they would be one."""
    model = Knowing(1.5, "I do not know.")

    select("adaptive", pool(TWICE, SQUARE), means(model))

    assert "`double(3)`: version 1 gives `6`, version 2 gives `9`" in model.asked[-2][-1].content


def test_the_models_own_tests_choose_who_passes_most() -> None:
    """CodeT, and the same with expected values that eight votes agree on."""
    model = ScriptedModel("double(3) == 6\nassert double(2) == 4\nassert double(5) == 10\n")

    assert chosen("codet", pool(SQUARE, TWICE), model) == TWICE

    calls, votes = "double(3) == 6\nassert double(2) == 4\n", " 6\nassert double(2) == 4\n"
    model = ScriptedModel(calls, calls, calls, calls, *[votes] * 8)
    assert chosen("tests", pool(SQUARE, TWICE), model) == TWICE


@pytest.mark.parametrize("name", ["likeliest", "codet", "tests", *ASKING])
def test_what_asks_a_model_says_so_when_there_is_none(name: str) -> None:
    """A table that silently took another way instead would lie."""
    with pytest.raises(ModelError, match="name one"):
        select(name, pool(SQUARE, TWICE), means(None))
