"""Learning from use: a recorded, verified repair becomes a conversation in the engine's own words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from darner.engine import replay, trace
from darner.engine.events import Done
from darner.engine.reply import Reply
from darner.engine.trace import Trace
from darner.engine.types import Answer, FixStatus, Patch, Question
from darner.training import traces
from darner.training.types import Conversation, Dropped
from training_runs import records, run

CART = '''\
def free_shipping(total):
    """Whether an order of so many euros travels free: from 50 euros on."""
    return total > 50
'''
TEST = """\
from cart import free_shipping


def test_below():
    assert free_shipping(49) is False


def test_at_the_limit():
    assert free_shipping(50) is True


def test_above():
    assert free_shipping(51) is True
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of traces of one real repair, by search alone."""
    home = tmp_path_factory.mktemp("home")
    root = home / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n", encoding="utf-8")
    (root / "cart.py").write_text(CART, encoding="utf-8")
    (root / "test_cart.py").write_text(TEST, encoding="utf-8")
    places = {"XDG_STATE_HOME": str(home / "state"), "XDG_CACHE_HOME": str(home / "cache")}
    given = ("--no-model", "--trust", "--apply", "--python", sys.executable, "--budget", "120")
    for words in (("trace", "on"), ("fix", *given)):
        command = [sys.executable, "-P", "-m", "darner.engine.cli", *words]
        subprocess.run(command, cwd=root, env={**os.environ, **places}, capture_output=True, timeout=300, check=False)
    return home / "state" / "darner" / "traces"


def test_a_verified_repair_of_a_recorded_run_is_learnt_as_the_engine_asks_for_it(
    recorded: Path, tmp_path: Path
) -> None:
    """What is trained is what is asked: the failing test, its facts, the function; the answer is what was verified."""
    (path,) = recorded.glob("*.jsonl")
    (report,) = replay.read(path).reports
    if not report.repairs[0].verdict.proof.believed:
        assert list(traces.conversations(path)) == [Dropped("repair was not accepted")]  # nor applied unasked
        pytest.skip("no sandbox of this machine makes the repair believed")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f"[traces]\nfolder = {str(recorded)!r}\n", encoding="utf-8")

    run(recipe, tmp_path / "run")
    (row,) = records(tmp_path / "run", "traces")

    asked, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
    assert "assert free_shipping(50) is True" in asked
    assert "return total > 50" in asked
    assert "return total >= 50" in answer
    assert row["meta"]["trace"] == path.name


def moved_to(folder: Path, recorded: Path) -> Path:
    """The recorded run of a copy of its project, whose files may be changed."""
    (path,) = recorded.glob("*.jsonl")
    if not replay.read(path).reports[0].repairs[0].verdict.proof.believed:
        pytest.skip("no sandbox of this machine makes the repair believed")
    shutil.copytree(recorded.parents[2] / "project", folder / "project")
    start, rest = path.read_text(encoding="utf-8").split("\n", 1)
    moved = folder / "moved.jsonl"
    moved.write_text(json.dumps({**json.loads(start), "root": str(folder / "project")}) + "\n" + rest, encoding="utf-8")
    return moved


def test_a_repair_that_does_not_stand_in_the_users_file_teaches_nothing(recorded: Path, tmp_path: Path) -> None:
    """Taken back, never taken, or written over: the user has said that it is not what they want."""
    moved = moved_to(tmp_path, recorded)
    cart = tmp_path / "project" / "cart.py"
    assert "total >= 50" in cart.read_text(encoding="utf-8")

    def learnt() -> list[object]:
        return [each.reason if isinstance(each, Dropped) else "learnt" for each in traces.conversations(moved)]

    assert learnt() == ["learnt"]
    cart.write_text("LIMIT = 50\n\n\n" + cart.read_text(encoding="utf-8"), encoding="utf-8")
    assert learnt() == ["learnt"]  # the function itself is as it was repaired
    cart.write_text(CART, encoding="utf-8")
    assert learnt() == ["repair was not accepted"]
    cart.write_text(CART.replace("total > 50", "not total < 50"), encoding="utf-8")
    assert learnt() == ["function was written anew since"]
    cart.unlink()
    assert learnt() == ["its file is gone"]

    (report,) = replay.read(moved).reports
    after = trace.after(report.repairs[0].candidate.patch)
    for decided, applied, said in (
        (after, True, "learnt"),
        (after, False, "repair was taken back"),
        ({"cart.py": "0"}, True, "another patch was applied"),
    ):
        trace.decide(moved, report.nodeid, decided, applied=applied)  # the editor's word counts before the file's
        assert learnt() == [said]


@pytest.mark.parametrize("where", ["terminal", "editor"])
def test_what_the_users_answer_rules_out_is_shown_as_the_wrong_attempt(
    recorded: Path, tmp_path: Path, where: str
) -> None:
    """It passed the tests, so nothing else tells that it is wrong: said at a terminal, or by applying the other one."""
    recording = replay.read(moved_to(tmp_path, recorded))
    (report,) = recording.reports
    (change,) = report.repairs[0].candidate.patch.files
    wrong = replace(change, after=CART.replace("> 50", "> 49").encode())
    other = replace(report.repairs[0], candidate=replace(report.repairs[0].candidate, patch=Patch((wrong,))))
    question = Question("free_shipping(49.5)", (Answer("False", 0), Answer("True", 1)), "cart.py")
    asked = replace(report, status=FixStatus.AMBIGUOUS, repairs=(report.repairs[0], other), question=question)
    path = tmp_path / f"{where}.jsonl"
    with Trace(path, recording.start) as written:
        if where == "terminal":
            written.answers(lambda _: Reply(letter="A"))(asked)
        list(written.follow([Done(report if where == "terminal" else asked)]))
    if where == "editor":
        assert list(traces.conversations(path)) == [Dropped("nothing was repaired")]
        trace.decide(path, report.nodeid, trace.after(report.repairs[0].candidate.patch), applied=True)

    plain, rejecting = [each for each in traces.conversations(path) if isinstance(each, Conversation)]

    assert "The user says" not in plain.messages[-2].content
    assert "The user says: free_shipping(49.5) gives False." in rejecting.messages[-2].content
    assert "The test passes, but free_shipping(49.5) gives True." in rejecting.messages[-2].content
    assert "return total > 49\n" in rejecting.messages[-2].content
    assert "return total >= 50" in plain.messages[-1].content == rejecting.messages[-1].content


def test_a_trace_that_teaches_nothing_is_counted(recorded: Path, tmp_path: Path) -> None:
    """Damaged ones, and runs that ended without a repair."""
    (path,) = recorded.glob("*.jsonl")
    whole = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "torn.jsonl").write_text("".join(whole[:1]) + "{\n\n", encoding="utf-8")
    (tmp_path / "short.jsonl").write_text("".join(whole[:1]), encoding="utf-8")

    found = {name: list(traces.conversations(tmp_path / f"{name}.jsonl")) for name in ("torn", "short")}

    assert found == {"torn": [Dropped("cannot be read")], "short": [Dropped("nothing was repaired")]}
    assert all(isinstance(each, Conversation | Dropped) for each in traces.conversations(path))
