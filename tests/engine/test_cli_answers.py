"""The question on the command line: `--answer`, or a person at a terminal; both are remembered for the next run."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import COMMAND, Bench

ROWS = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "rows.py": """
        def pick(row):
            return row[0]
        """,
    "test_rows.py": """
        from rows import pick


        def test_pick():
            assert pick({-1: 5, 0: 1, 1: 5, 2: 5}) == 5


        def test_other():
            pick({-1: 7, 0: 1, 1: 8, 2: 9})
        """,
}
"""-1, 1 and 2 in place of 0 all pass, and differ on the other row."""
TEST = "test_rows.py::test_pick"
CALL = "pick({-1: 7, 0: 1, 1: 8, 2: 9})"
SECONDS = 120


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).write(ROWS)


def given(out: str) -> object:
    """What the call gives with the first patch that was printed as text."""
    (key,) = re.findall(r"\+    return row\[(-?\d+)\]", out)[:1]
    return {-1: 7, 0: 1, 1: 8, 2: 9}[int(key)]


@pytest.mark.parametrize("words", ["pick(1)", "[5, 6", "raises CartError()", "", "C D"])
def test_an_answer_that_is_none_ends_with_2_before_anything_runs(bench: Bench, words: str) -> None:
    """Scripts tell a mistake of theirs from a repair that was not found by the exit code."""
    ended = bench.fix(TEST, "--answer", words, "--json")

    assert ended.code == 2
    assert "is no answer; say A or B, neither, or what is right" in " ".join(ended.err.split())
    assert "running the tests" not in ended.err
    assert ended.json()["error"]["code"] == 2


@pytest.mark.slow
def test_neither_is_obeyed_and_remembered_until_it_is_forgotten(bench: Bench) -> None:
    """The JSON names what was obeyed; the tree is not touched."""
    before = bench.snapshot()

    question = bench.fix(TEST, "--json").failures()[TEST]["question"]
    assert question["input"] == CALL
    outputs = [answer["output"] for answer in question["answers"]]

    for words in (("--answer", "neither"), ()):
        ended = bench.fix(TEST, "--json", *words)
        failure = ended.failures()[TEST]
        assert (ended.code, failure["status"], failure["question"]) == (0, "repaired", None)
        assert failure["rulings"] == [{"call": CALL, "right": None, "wrong": outputs}]
        assert str(given(failure["patch"])) not in outputs
    assert bench.darner("forget").out.startswith("Forgotten")
    assert bench.fix(TEST, "--json").failures()[TEST]["question"] == question
    assert bench.snapshot() == before


@pytest.mark.slow
def test_a_value_that_nothing_gives_leaves_the_test_unrepaired_and_says_so(bench: Bench) -> None:
    """Exit code 1: it was understood, and there is no repair."""
    ended = bench.fix(TEST, "--answer", "raises ValueError", "--budget", "20")

    said = " ".join(ended.out.split())
    assert ended.code == 1, ended.err
    assert f"You said: {CALL} raises ValueError." in said
    assert "darner forget" in said


@pytest.mark.slow
def test_a_recorded_run_is_replayed_with_the_answers_that_were_given(bench: Bench) -> None:
    """What was remembered before it, and what was said in it, are both part of the run."""
    bench.darner("trace", "on")
    first = bench.fix(TEST, "--answer", "neither")
    assert first.code == 0, first.err
    second = bench.fix(TEST)
    bench.darner("forget")

    newest, oldest = bench.darner("trace", "list", "--json").json()["traces"]

    for name, ended in ((oldest, first), (newest, second)):
        replayed = bench.darner("trace", "replay", name)
        assert replayed.code == 0, replayed.out + replayed.err
        assert given(replayed.out) == given(ended.out)


@pytest.mark.slow
def test_a_person_at_a_terminal_is_asked_until_it_is_understood(bench: Bench) -> None:
    """Bad text costs a sentence and another try; the answer is obeyed and remembered."""
    words = ("fix", TEST, "--no-model", "--trust", "--python", sys.executable, "--budget", "60")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        (*COMMAND, *words), cwd=bench.root, env=bench.environment() | {"TERM": "dumb", "COLUMNS": "200"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        first = _until(ours, "not now): ")
        (shown,) = re.findall(r"A: gives (\d)", first)
        os.write(ours, b"pick(3)\n")
        second = _until(ours, "not now): ")
        (wanted,) = {"7", "8", "9"} - set(re.findall(r"[AB]: gives (\d)", first))
        os.write(ours, f"{wanted}\n".encode())
        third = _until(ours, "")
        assert process.wait(SECONDS) == 0
    os.close(ours)

    assert f"Which is right for {CALL}" in " ".join(first.split())
    assert "'pick(3)' is no answer" in second
    assert wanted != shown
    assert str(given(third)) == wanted
    assert f"As you said: {CALL} gives {wanted}." in " ".join(third.split())
    again = bench.fix(TEST, "--json").failures()[TEST]
    assert again["rulings"] == [{"call": CALL, "right": wanted, "wrong": []}]


def _until(terminal: int, end: str) -> str:
    """What is written until this is read, or to the end where it is empty."""
    read = b""
    while not end or end.encode() not in read:
        assert select.select([terminal], [], [], SECONDS)[0], f"waited for {end!r} after {read.decode()}"
        try:
            more = os.read(terminal, 1 << 16)
        except OSError:  # how Linux says that nobody writes there any more
            more = b""
        if not more:
            break
        read += more
    return read.decode()
