"""Traces: off until wanted, whole enough to run again without the model, and gone when wiped."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cli_runner import CART, Bench
from darner.engine import trace
from darner.engine.config import QUICK
from darner.engine.errors import BadInput
from darner.engine.model import Ending, Form, Message, Sampling
from darner.engine.replay import RecitingModel, read
from darner.engine.reply import Reply
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.trace import Trace, TracedModel
from darner.engine.types import Answer, Explanation, FailureReport, FixStatus, Question

TEST = "test_cart.py::test_at_the_limit"
ASK = (Message("user", "why?"),)


def traces(bench: Bench) -> list[Path]:
    return sorted((bench.home / "state" / "darner" / "traces").glob("*"))


@pytest.mark.slow
def test_nothing_is_recorded_until_the_user_says_so_and_a_recorded_run_ends_the_same_again(tmp_path: Path) -> None:
    """The whole life of a trace, by the commands that a person types."""
    bench = Bench(tmp_path).write(CART)
    assert traces(bench) == []
    assert bench.darner("trace", "on").code == 0
    fixed = bench.fix("--json")
    (path,) = traces(bench)
    shown = bench.darner("trace", "show")
    again = bench.darner("trace", "replay", path.name[:8], "--json")

    assert fixed.failures()[TEST]["status"] == "repaired"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "The run finished." in shown.out
    assert again.code == 0, again.err
    assert again.json() == {
        "version": 1,
        "trace": str(path),
        "changed": [],
        "unknown_requests": 0,
        "different": [],
    }

    cart = bench.root / "cart.py"
    cart.write_text(cart.read_text().replace("> 50", ">= 50"))
    changed = bench.darner("trace", "replay", "--json")
    assert changed.json()["changed"] == ["cart.py"]
    assert (changed.code, changed.json()["different"]) == (1, [TEST]), "nothing fails any more"
    assert json.loads(bench.darner("trace", "list", "--json").out)["traces"] == [path.name]
    assert bench.darner("trace", "off").code == 0
    bench.fix("--json", "--budget", "1")
    assert traces(bench) == [path]
    assert "1 traces deleted" in bench.darner("trace", "wipe").out
    assert traces(bench) == []


def test_the_model_in_a_replay_says_what_it_said_and_nothing_else(tmp_path: Path) -> None:
    """Replays must not depend on a model being here, nor invent answers that were never given."""
    wanted = Sampling(n=2, seed=4)
    with Trace(tmp_path / "t.jsonl", {"model": "scripted", "form": "brief"}) as written:
        model = TracedModel(ScriptedModel("one", "two", "three", form=Form.BRIEF), written)
        said = model.sample(ASK, wanted, Stop())
        scores = model.score(ASK, ("a", "bb"), Stop())

    recording = read(tmp_path / "t.jsonl")
    reciting = RecitingModel(recording)

    assert reciting.form is model.form is Form.BRIEF
    assert reciting.sample(ASK, wanted, Stop()) == said
    assert reciting.score(ASK, ("a", "bb"), Stop()) == scores
    assert reciting.unknown == 0
    assert reciting.sample(ASK, Sampling(n=1, seed=5), Stop())[0].ending is Ending.CANCELLED
    assert reciting.unknown == 1
    assert recording.ended == "finished"


def test_text_that_is_no_unicode_is_recorded_and_read_back(tmp_path: Path) -> None:
    """An exception's message may hold half a character; the run must not end by it."""
    with Trace(tmp_path / "t.jsonl", {"model": "caf\u00e9"}) as written:
        written.write("event", {"message": "\udc80"})

    assert read(tmp_path / "t.jsonl").rows[0]["message"] == "\udc80"


def test_a_cancelled_run_is_not_told_as_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel is obeyed by leaving the work in order: no exception says so."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    trace.switch(True)
    stop = Stop()
    with trace.recorded(tmp_path, (TEST,), None, QUICK, None, stop) as (_, written):
        stop.cancel()

    assert written is not None
    assert read(written.path).ended == "cancelled"


def test_an_answer_is_given_again_to_its_own_question_alone(tmp_path: Path) -> None:
    """A run may ask less or otherwise than the one that was recorded; A of one question is not A of another."""
    said = {"test_a": Reply(letter="A"), "test_b": Reply(right="[5]")}
    with Trace(tmp_path / "t.jsonl", {"model": None}) as written:
        for nodeid in said:
            written.answers(lambda report: said[report.nodeid])(_asking(nodeid, "f(2)"))

    ask = read(tmp_path / "t.jsonl").ask()

    assert ask(_asking("test_b", "f(3)")) is None
    assert ask(_asking("test_b", "f(2)")) == said["test_b"]
    assert ask(_asking("test_b", "f(2)")) is None
    assert ask(_asking("test_a", "f(2)")) == said["test_a"]


def _asking(nodeid: str, call: str) -> FailureReport:
    question = Question(call, (Answer("[5]", 0), Answer("[6]", 1)))
    return FailureReport(nodeid, FixStatus.AMBIGUOUS, (), Explanation("", "", 1, ()), 0.0, 2, question)


def test_a_run_that_was_killed_leaves_a_trace_that_can_be_read(tmp_path: Path) -> None:
    """The last line may be torn; what stands before it is whole."""
    path = tmp_path / "t.jsonl"
    with Trace(path, {"model": None}) as written:
        written.write("asked", {"key": "k", "said": []})
    whole = path.read_text()
    path.write_text(whole[: whole.rindex('"how"')])

    recording = read(path)

    assert [row["kind"] for row in recording.rows] == ["asked"]
    assert recording.ended == "interrupted"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a trace"),
        ('{"kind": "start", "format": 99}\n', "is not a trace of format 1"),
        ('{"kind": "start", "format": 1}\nrubbish\n{"kind": "end"}\n', "t.jsonl:2: this line is no record"),
        (
            '{"kind": "start", "format": 1, "form": "sung", "darner": "9.9"}\n',
            "form 'sung', .* Darner 9.9, which made it",
        ),
    ],
)
def test_what_is_no_trace_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    """Half a story is worse than none."""
    path = tmp_path / "t.jsonl"
    path.write_text(text)

    with pytest.raises(BadInput, match=said):
        _ = read(path).form


def test_asking_for_a_trace_that_is_not_there_names_the_list(tmp_path: Path) -> None:
    """A mistyped name is a usage mistake."""
    ended = Bench(tmp_path).darner("trace", "show", "20010101")

    assert ended.code == 2
    assert "darner trace list" in ended.err
