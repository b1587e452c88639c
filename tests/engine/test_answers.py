"""What a user says to a question holds: now, for the rest of the search, and the next time; it is never evaluated."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from darner.engine import rulings, state
from darner.engine.config import Budget
from darner.engine.errors import BadInput
from darner.engine.events import Done
from darner.engine.literals import agrees
from darner.engine.loop import repair
from darner.engine.model import Message, Model
from darner.engine.project import Project, find_interpreter
from darner.engine.reply import Ask, Reply, chosen, none_agrees, once, ruling, told, understood
from darner.engine.rulings import about, allows, recall, remember, with_ruling
from darner.engine.scripted import ScriptedModel
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.engine.types import Answer, FailureReport, FixStatus, Question, Ruling, Standing
from darner.sandbox.child_shown import canonical
from darner.sandbox.types import CallResult
from hypothesis import given
from hypothesis import strategies as st

BUDGET = Budget("test", 90.0, samples=0, rounds=0)
CALL = "pick({-1: 7, 0: 1, 1: 8, 2: 9})"
ASKED = Question("f(2)", (Answer("[5]", 1), Answer("raises KeyError", 0)), "a.py")
LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.sets(st.integers() | st.text(max_size=3), min_size=1, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@pytest.fixture
def project(lay_out: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """-1, 1 and 2 in place of 0 all pass; on the other row they differ."""
    root = lay_out(
        {
            "rows.py": "def pick(row):\n    return row[0]\n",
            "test_rows.py": "from rows import pick\n\n\ndef test_pick():\n"
            "    assert pick({-1: 5, 0: 1, 1: 5, 2: 5}) == 5\n\n\ndef test_other():\n    " + CALL + "\n",
        }
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(root.parent / "state"))
    return root


def searched(
    root: Path, ask: Ask[FailureReport] | None = None, *said: Ruling, model: Model | None = None
) -> FailureReport:
    budget = replace(BUDGET, samples=1) if model is not None else BUDGET
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        events = list(repair(session, suite, suite.failing[0], model, budget, Stop(), rulings=said, ask=ask))
    assert isinstance(events[-1], Done)
    return events[-1].report


class Unweighing(ScriptedModel):
    """Explains, and leaves the choice between repairs to the user."""

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        return ()


def value_of(report: FailureReport, call: str) -> object:
    """What the repaired project gives."""
    names: dict[str, object] = {}
    exec(report.repairs[0].candidate.patch.files[0].after, names)
    return eval(call, names)


@given(LITERALS)
def test_a_value_is_understood_as_python_writes_it_and_agrees_with_what_the_sandbox_says(value: object) -> None:
    """The two write sets, dicts and floats differently; the user must not have to know."""
    reply = understood(repr(value)) if len(repr(value)) != 1 or not repr(value).isalpha() else None

    assert reply is not None
    assert ast.literal_eval(reply.right) == value
    assert agrees(reply.right, canonical(value))
    assert not agrees(reply.right, canonical([value]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[5, 6",
        "area(2, 3)",
        "__import__('os').mkdir('made')",
        "[x for x in (1, 2)]",
        "raises 5",
        "raises OSError('disk')",
        "raises builtins.ValueError",
        "raises print",
        "nan",
        "1; 2",
        "f'{1}'",
        "10 ** 100",
        "(" * 2_000,
        "-" * 3_000 + "1",
        "'" + "x" * 5_000 + "'",
        "\0",
        "9" * 3_999 + ".e",
    ],
)
def test_what_is_no_answer_gets_one_sentence_and_is_not_run(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer may come from a script, or from a page that was copied."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BadInput) as said:
        understood(text)

    assert str(said.value).endswith(".")
    assert "\n" not in str(said.value)
    assert len(str(said.value)) < 300
    assert list(tmp_path.iterdir()) == []


def test_an_answer_is_a_letter_neither_a_value_or_an_exception() -> None:
    """The four answers, as they are typed."""
    assert chosen(ASKED, understood("a")) == 0
    assert chosen(ASKED, understood(" [5] ")) == 0, "in the user's own words it is still the first"
    assert chosen(ASKED, understood("KeyError")) == 1
    assert chosen(ASKED, understood("Neither")) is None
    assert chosen(ASKED, understood("raises ValueError")) is None
    with pytest.raises(BadInput, match="'C' is not an answer to the question; use one of A, B, neither"):
        chosen(ASKED, understood("C"))
    assert told(ruling(ASKED, understood("B"))) == "f(2) raises KeyError"
    assert told(ruling(ASKED, understood("{6: 5}"))) == "f(2) gives {6: 5}"
    assert told(ruling(ASKED, understood("neither"))) == "f(2) neither gives [5] nor raises KeyError"


def test_an_exception_allows_what_a_test_of_it_would_allow() -> None:
    """`pytest.raises(LookupError)` passes for a KeyError; a project's own type is known by its name alone."""
    assert agrees("raises LookupError", "raises KeyError")
    assert not agrees("raises KeyError", "raises LookupError")
    assert agrees("raises CartError", "raises CartError")
    assert not agrees("raises ValueError", "raises CartError")
    assert not agrees("5", "raises ValueError")
    assert agrees("[1]", "[1]; arguments are then [2]"), "the test would compare the value alone"
    assert agrees("None", "None; the object is then Cart({'items': [2]})")
    assert agrees("raises LookupError", "raises KeyError; arguments are then [2]")
    assert not agrees("raises KeyError; arguments are then [1]", "raises KeyError; arguments are then [2]")
    assert agrees("<Money 1>", "<Money 1>; it holds Money({'amount': 1.2})")


def test_a_value_that_both_repairs_give_chooses_neither() -> None:
    """They differ in what they do to the object: `None` is right of both, and says nothing."""
    both = tuple(Answer(f"None; the object is then Cart({{'items': {items}}})", i) for i, items in enumerate("12"))

    assert chosen(Question("Cart(0).add(1)", both), understood("None")) is None
    assert chosen(Question("Cart(0).add(1)", both), understood("B")) == 1


def test_the_latest_word_on_a_call_counts_and_what_was_set_aside_stays_aside() -> None:
    """Who answers neither twice has four wrong values; who then says what is right needs none of them."""
    once_, twice = Ruling("a.py", "f(2)", wrong=("1", "2")), Ruling("a.py", "f(2)", wrong=("3", "2"))
    other = Ruling("b.py", "f(2)", "9")

    both = with_ruling(with_ruling((other,), once_), twice)
    right = with_ruling(both, Ruling("a.py", "f(2)", "4"))
    taken_back = with_ruling(right, Ruling("a.py", "f(2)", wrong=("4", "5")))

    assert both == (other, Ruling("a.py", "f(2)", wrong=("1", "2", "3")))
    assert right == (other, Ruling("a.py", "f(2)", "4"))
    assert taken_back[-1] == Ruling("a.py", "f(2)", wrong=("4", "5"))


@pytest.mark.parametrize(
    ("came", "right", "wrong"),
    [("5", True, True), ("5.0", True, True), ("4", False, False), ("1", False, True), (None, False, True)],
)
def test_a_call_is_judged_by_value_and_one_that_said_nothing_is_not_right(
    came: str | None, right: bool, wrong: bool
) -> None:
    """`right`: 5 is demanded. `wrong`: 4 was set aside."""
    given_ = CallResult("f(2)", came, None) if came is not None else None

    assert allows(Ruling("a.py", "f(2)", "5"), given_) is right
    assert allows(Ruling("a.py", "f(2)", wrong=("4", "raises KeyError")), given_) is wrong


def test_only_what_still_stands_there_is_asked_about() -> None:
    """A function that was renamed must not keep every repair of its file from being found."""
    source = Source.parse("a.py", b"class Cart:\n    def total(self): ...\n\n\ndef f(x): ...\n")
    said = [Ruling("a.py", call, "1") for call in ("f(2)", "Cart([1]).total()", "gone(2)", "f", "1 +", "(lambda: 1)()")]

    found = about([*said, Ruling("b.py", "f(2)", "1")], {"a.py": source})

    assert [one.call for one in found] == ["f(2)", "Cart([1]).total()", "f"]


def test_what_was_said_is_remembered_for_its_project_until_it_is_forgotten(project: Path) -> None:
    """A file that was damaged, or written by a later release, is no reason to fail."""
    remember(project, Ruling("rows.py", CALL, "6"))
    remember(project.parent, Ruling("rows.py", CALL, "7"))

    assert recall(project) == (Ruling("rows.py", CALL, "6"),)
    assert (rulings.forget(project), rulings.forget(project), recall(project)) == (True, False, ())
    name = f"answers/{state.workspace_key(project)}.json"
    good: object = {"path": "a", "call": "b", "right": "1", "wrong": [], "more": 2}
    for rows in (None, 5, "x", [5, None, {"path": "a"}, good]):
        state.write(name, {"rulings": rows})
        assert recall(project) == ((Ruling("a", "b", "1"),) if isinstance(rows, list) else ())


def test_neither_sets_both_behaviours_aside_and_the_search_goes_on(project: Path) -> None:
    """The third that passes is offered; the report says what it obeys, and the same is found when it is asked anew."""
    first = searched(project)
    assert first.question is not None
    assert (first.question.input, first.question.path) == (CALL, "rows.py")

    report = searched(project, once(Reply()))

    assert (report.status, report.question) == (FixStatus.REPAIRED, None), report.note
    (said,) = report.rulings
    assert said == ruling(first.question, Reply())
    assert repr(value_of(report, said.call)) not in said.wrong
    assert report.repairs[0].verdict.verified
    assert "gives neither" in report.note
    again = searched(project, None, said)
    assert (again.status, again.rulings) == (FixStatus.REPAIRED, (said,))
    assert repr(value_of(again, said.call)) not in said.wrong


def test_a_value_of_the_users_own_chooses_whoever_gives_it(project: Path) -> None:
    """Two behaviours are shown; the right one may be a third, and it is run like any other before it is offered."""
    asked = searched(project).question
    assert asked is not None
    (third,) = {"7", "8", "9"} - {answer.output for answer in asked.answers}

    report = searched(project, once(Reply(right=third)))

    assert report.status is FixStatus.REPAIRED, report.note
    assert repr(value_of(report, asked.input)) == third
    assert report.repairs[0].verdict.verified
    assert report.note == f"As you said: {asked.input} gives {third}."


def test_where_nothing_agrees_it_is_said_what_was_said_and_what_to_do(project: Path) -> None:
    """Nothing is offered that contradicts the user, though it passes every test."""
    said = Ruling("rows.py", CALL, "raises ZeroDivisionError")

    with open_session(Project(project, find_interpreter(project, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        budget = Budget("test", 12.0, samples=0, rounds=0)
        *_, last = repair(session, suite, suite.failing[0], None, budget, Stop(), rulings=[said])

    assert isinstance(last, Done)
    report = last.report
    assert (report.status, report.repairs) == (FixStatus.UNREPAIRED, ())
    for part in (f"You said: {CALL} raises ZeroDivisionError.", "pass", "the tests but not that", "darner forget"):
        assert part in report.note


def test_the_note_counts_who_was_set_aside() -> None:
    """One sentence for one, another for more."""
    assert "One candidate passes the tests but not that, and x" in none_agrees([Ruling("a", "f()", "1")], 1, "x")
    assert "3 candidates pass the tests but not that, and x" in none_agrees([Ruling("a", "f()", "1")], 3, "x")


@pytest.mark.parametrize(("letter", "prose"), [("A", "It returned 1."), ("B", "")])
def test_the_explanation_is_of_the_repair_that_was_chosen(project: Path, letter: str, prose: str) -> None:
    """What the model said of the other repair is not told beside this one as confirmed."""
    (project / "rows.py").write_text("def pick(row):\n    at = 0\n    return row[at]\n")
    report = searched(project, once(Reply(letter=letter)), model=Unweighing("It returned 1."))

    chosen_one = report.repairs[0].candidate
    assert f"Answer {letter} was chosen" in report.note
    assert (report.explanation.file, report.explanation.line) == (chosen_one.path, chosen_one.line)
    assert (report.explanation.prose, report.explanation.standing) == (prose, Standing.CONFIRMED)
