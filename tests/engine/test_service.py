"""The engine's process, spoken to as the language server does: one answer per request, and an end that is an end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
from darner.engine import wire
from darner.engine.types import Candidate, FileChange, Origin, Patch, Repair, Verdict
from darner.sandbox.types import Outcome, RunResult, Status, TestResult

SLOW = "import time\n\n\ndef test_slow():\n    time.sleep(60)\n"


class Owner:
    """The other end of the pipe."""

    def __init__(self, folder: Path) -> None:
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        self.process = subprocess.Popen(
            (sys.executable, "-P", "-m", "darner.engine.service"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(self.tmp)},
            start_new_session=True,
        )

    def send(self, number: int, method: str, **params: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def answer(self, number: int) -> dict[str, Any]:
        """The next message of this job that is no event."""
        while (message := self.read())["id"] != number or "event" in message:
            pass
        return message

    def until_phase(self, number: int, name: str) -> None:
        while (message := self.read()).get("event") != "phase" or message["data"]["name"] != name:
            assert message["id"] == number, message


@pytest.fixture
def owner(tmp_path: Path) -> Generator[Owner]:
    owner = Owner(tmp_path)
    yield owner
    owner.process.kill()
    owner.process.wait()
    for pipe in (owner.process.stdin, owner.process.stdout):
        assert pipe is not None
        pipe.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    return root


def test_a_run_announces_each_test_and_ends_with_one_answer(owner: Owner, project: Path) -> None:
    """The editor shows failures while they are reported, not at the end."""
    (project / "test_two.py").write_text("def test_a():\n    assert 1 == 2\n\n\ndef test_b():\n    print('noise')\n")

    owner.send(1, "test", root=str(project), nodeids=[])
    messages = [owner.read() for _ in range(5)]

    assert [m.get("event") for m in messages] == ["phase", "phase", "test", "test", None]
    tests = [wire.decode(m["data"], TestResult) for m in messages[2:4]]
    assert [t.outcome for t in tests] == [Outcome.FAILED, Outcome.PASSED]
    ran = wire.decode(messages[4]["result"], wire.Ran)
    assert (ran.failing, ran.late) == (("test_two.py::test_a",), ())
    assert (ran.status, ran.tests) == (Status.FAIL, 2)


def test_a_change_on_disk_is_seen_by_the_next_job(owner: Owner, project: Path) -> None:
    """The warm session works on a copy; a stale copy would repair yesterday's file."""
    source = project / "test_one.py"
    source.write_text("def test_a():\n    assert False\n")
    owner.send(1, "test", root=str(project), nodeids=[])
    assert owner.answer(1)["result"]["status"] == "FAIL"

    source.write_text("def test_a():\n    assert True\n")
    owner.send(2, "test", root=str(project), nodeids=[])

    assert owner.answer(2)["result"]["status"] == "PASS"


def test_a_request_that_cannot_be_served_is_one_sentence_with_its_exit_code(owner: Owner, project: Path) -> None:
    """The same sentences and codes as on the command line."""
    (project / "test_one.py").write_text("def test_a():\n    assert True\n")
    owner.send(1, "repair", root=str(project), nodeid="test_one.py::test_a", budget="quick", model="none")
    owner.send(2, "repair", root=str(project), nodeid="test_one.py::test_aa", budget="quick", model="none")
    owner.send(3, "test", root=str(project), nodeids=[], python="/no/such/python")
    owner.send(4, "dance")

    answers: dict[int, dict[str, Any]] = {}
    while len(answers) < 4:
        message = owner.read()
        if "event" not in message:
            answers[message["id"]] = message["error"]

    assert answers[1] == {"message": "test_one.py::test_a passes now; there is nothing to repair.", "code": 2}
    assert "There is no test test_one.py::test_aa" in answers[2]["message"]
    assert answers[3]["code"] == 3
    assert "/no/such/python" in answers[3]["message"]
    assert answers[4]["code"] == 2


def test_a_cancelled_run_ends_with_code_130_and_frees_the_project(owner: Owner, project: Path) -> None:
    """Cancelled is neither a result nor a failure."""
    (project / "test_slow.py").write_text(SLOW)
    owner.send(1, "test", root=str(project), nodeids=[])
    owner.until_phase(1, "tests")

    owner.send(2, "cancel", id=1)

    assert owner.answer(1)["error"] == {"message": "Cancelled; nothing was changed.", "code": 130}
    (project / "test_slow.py").write_text("def test_fast():\n    pass\n")
    owner.send(3, "test", root=str(project), nodeids=[])
    assert owner.answer(3)["result"]["status"] == "PASS"


@pytest.mark.parametrize("how", ["end of input", "shutdown", "SIGTERM"])
def test_it_ends_with_everything_under_it_and_leaves_no_folder(owner: Owner, project: Path, how: str) -> None:
    """However its owner goes, while a test sleeps."""
    (project / "test_slow.py").write_text(SLOW)
    owner.send(1, "test", root=str(project), nodeids=[])
    owner.until_phase(1, "tests")
    below = psutil.Process(owner.process.pid).children(recursive=True)
    assert below

    if how == "shutdown":
        owner.send(2, "shutdown")
    elif how == "SIGTERM":
        owner.process.send_signal(signal.SIGTERM)
    else:
        assert owner.process.stdin is not None
        owner.process.stdin.close()

    assert owner.process.wait(20) == 0
    _, alive = psutil.wait_procs(below, timeout=10)
    assert alive == []
    assert list(owner.tmp.glob("darner-*")) == []


def test_a_repair_survives_the_wire_byte_for_byte() -> None:
    """Sources that are no UTF-8 pass through JSON; the decisive run, which may be huge, does not."""
    patch = Patch((FileChange("a.py", bytes(range(256)), b"\xff\x00\r\n"),))
    run = RunResult(Status.PASS, (TestResult("t", Outcome.PASSED, "call", 0.1),) * 3, 0, None, 0.1, "output")
    repair = Repair(Candidate(patch, Origin.MODEL, "`<` → `<=`"), Verdict(True, 3, 3, (), run, complete=True))

    back = wire.decode(json.loads(json.dumps(wire.encode(wire.slim_repair(repair)))), Repair)

    assert back.candidate == repair.candidate
    assert back.verdict.verified
    assert back.verdict.run.tests == ()
