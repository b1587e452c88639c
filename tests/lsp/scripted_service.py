"""Stands in for the engine's process where the subject of a test is the server: same pipe, same values, no engine.

One project: `cart.py` with `<` for `<=`, and `test_cart.py`. What a job does is told by words in its node id:
`waits` until it is cancelled, `late` waits for a file of that name, `stuck` ignores cancel and keeps a process in
another session, `dies` by a signal. A file `many` in the project says how many tests fail; while there is a
file `asks`, two repairs are found that differ; with a file `more` a repair is offered and the search goes on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from darner.engine.coverage import FileCoverage, Statement
from darner.engine.events import Found, Located, Offered, Phase, Seen, Tried
from darner.engine.types import (
    Answer,
    Candidate,
    Explanation,
    FailureReport,
    FileChange,
    FixStatus,
    Origin,
    Patch,
    Proof,
    Question,
    Repair,
    Suspect,
    Verdict,
)
from darner.engine.wire import Ran, encode
from darner.engine.written import Agreement, Check, Judge, Teller, TestWritten, WriteStatus, Written
from darner.sandbox.types import Assurance, Failure, Frame, Outcome, RunResult, Status, TestResult

NODEID = "test_cart.py::test_total"
BUG, FIX = b"a < b", b"a <= b"
OUT = os.fdopen(os.dup(1), "wb")
CANCELLED: dict[int, threading.Event] = {}
LOCK = threading.Lock()


def send(message: dict[str, Any]) -> None:
    with LOCK:
        OUT.write(json.dumps(message).encode() + b"\n")
        OUT.flush()


def event(job: int, value: object) -> None:
    send({"id": job, "event": type(value).__name__.lower(), "data": encode(value)})


def results_of(root: Path) -> list[TestResult]:
    """One, unless the file `many` says how many."""
    if not (root / "many").exists():
        return [result_of(root)]
    result = result_of(root)
    return [replace(result, nodeid=f"{NODEID}[{number}]") for number in range(int((root / "many").read_text()))]


def result_of(root: Path) -> TestResult:
    if BUG not in (root / "cart.py").read_bytes():
        return TestResult(NODEID, Outcome.PASSED, "call", 0.01)
    lines = (root / "test_cart.py").read_text("utf-8").splitlines()
    line = next(i for i, text in enumerate(lines, 1) if "assert" in text)
    frame = Frame("test_cart.py", line, "test_total", lines[line - 1].strip(), (("basket", "[1, 2]"),))
    failure = Failure("AssertionError", "assert 2 == 3", "E assert 2 == 3", (frame,), "==", "2", "3")
    return TestResult(NODEID, Outcome.FAILED, "call", 0.01, failure)


def test(job: int, params: dict[str, Any]) -> object:
    results = results_of(Path(params["root"]))
    event(job, Phase("", "tests", "Running the tests"))
    for result in results:
        send({"id": job, "event": "test", "data": encode(result)})
    failing = tuple(result.nodeid for result in results if result.outcome is Outcome.FAILED)
    covered = (FileCoverage("cart.py", (Statement(2, 2, len(results)),)),) if params.get("coverage") else ()
    return Ran(Status.FAIL if failing else Status.PASS, "", 0.01, len(results), failing, "", covered)


def repair(job: int, params: dict[str, Any]) -> object:
    while "late" in params["nodeid"] and not (Path(params["root"]) / "late").exists():
        time.sleep(0.02)
    before = (Path(params["root"]) / "cart.py").read_bytes()
    explanation = Explanation("total(1, 2) gave 2, not 3.", "cart.py", 2, ("the loop ended one early",))
    suspects = (Suspect("cart.py", 2, 2, "total", 1.0, ("covered only by the failing test",)),)
    event(job, Phase(NODEID, "search", "Searching"))
    event(job, Seen(NODEID, explanation))
    event(job, Located(NODEID, suspects, explanation))
    event(job, Tried(NODEID, 3, 1))
    patch = Patch((FileChange("cart.py", before, before.replace(BUG, FIX)),))
    run = RunResult(Status.PASS, (), 0, None, 0.1, "")
    found = Repair(
        Candidate(patch, Origin.MUTATION, "`<` → `<=` at cart.py:2"),
        Verdict(True, 0, 0, (), run, complete=True, proof=Proof(Assurance.A)),
    )
    event(job, Found(NODEID, found))
    event(job, Offered(NODEID, (found,), None))
    if (Path(params["root"]) / "more").exists():
        event(job, Phase(NODEID, "search", "offered"))
        CANCELLED[job].wait()
    report = FailureReport(params["nodeid"], FixStatus.REPAIRED, (found,), explanation, 0.1, 3, suspects=suspects)
    return asking(report, before) if (Path(params["root"]) / "asks").exists() else report


def asking(report: FailureReport, before: bytes) -> FailureReport:
    """The same with a second repair that does otherwise."""
    (found,) = report.repairs
    patch = Patch((FileChange("cart.py", before, before.replace(BUG, b"a == b")),))
    other = replace(found, candidate=replace(found.candidate, patch=patch))
    question = Question("total(1, 2)", (Answer("3", 0), Answer("0", 1)), "cart.py")
    return replace(report, status=FixStatus.AMBIGUOUS, repairs=(found, other), question=question)


def explain(job: int, params: dict[str, Any]) -> object:
    report = repair(job, params)
    assert isinstance(report, FailureReport)
    return report


def about(job: int, params: dict[str, Any]) -> object:
    return {"model": "scripted", "device": "none", "sandbox": {}}


def collect(job: int, params: dict[str, Any]) -> object:
    return {"nodeids": [NODEID, f"{NODEID}[two]"]}


def fill(job: int, params: dict[str, Any]) -> object:
    """The text says how: `slow` never comes in time, else one word is filled in."""
    if params["before"].endswith("slow"):
        CANCELLED[job].wait()
    return {"text": "_filled" if params["before"] else ""}


def write(job: int, params: dict[str, Any]) -> object:
    """`stub` is written; `unsure` only by agreement with the model's own tests."""
    root, name = Path(params["root"]), params["name"]
    path = name.partition("::")[0]
    before = (root / path).read_bytes()
    event(job, Phase(name, "model", "sampling bodies"))
    patch = Patch((FileChange(path, before, before.replace(b"...", b"return 1")),))
    sure = "unsure" not in name
    proof = Proof(Assurance.A) if sure else Proof(Assurance.C, reasons=("a model wrote the tests",))
    run = RunResult(Status.PASS, (), 0, None, 0.1, "")
    found = Repair(
        Candidate(patch, Origin.MODEL, "written by scripted", path=path, line=1),
        Verdict(True, 0, 0, (), run, complete=True, proof=proof),
    )
    judge, agreed = (Judge.TESTS, None) if sure else (Judge.AGREEMENT, Agreement(4, 4, 8, 9))
    text = b"from cart import unsure\n\n\ndef test_unsure():\n    assert unsure(1) == 1\n"
    tests = None if sure else Patch((FileChange("tests/test_unsure.py", b"", text),))
    return Written(name, WriteStatus.WRITTEN, judge, ("test_a",), (found,), 0.1, 3, agreed, tests)


def write_test(job: int, params: dict[str, Any]) -> object:
    text = b"from cart import total\n\n\ndef test_total():\n    assert total(1, 1) == 2\n"
    patch = Patch((FileChange("tests/test_new.py", b"", text),))
    check = Check("total(1, 1)", "2", False, Teller.DOCSTRING)
    return TestWritten(params["name"], patch, "tests/test_new.py::test_total", (check,), 3, 4, 0.1)


def example(job: int, params: dict[str, Any]) -> object:
    before = (Path(params["root"]) / "test_cart.py").read_bytes()
    line = f"\n\ndef test_example():\n    assert {params['input']} == {params['output']}\n".encode()
    patch = Patch((FileChange("test_cart.py", before, before + line),))
    return TestWritten("cart.py::total", patch, "test_cart.py::test_example", (), 1, 1, 0.1)


METHODS = {
    "write": write,
    "write_test": write_test,
    "example": example,
    "fill": fill,
    "test": test,
    "collect": collect,
    "repair": repair,
    "explain": explain,
    "about": about,
}


def work(job: int, method: str, params: dict[str, Any]) -> None:
    words = str(params.get("nodeid") or params.get("nodeids") or params.get("name"))
    if "dies" in words:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "stuck" in words:
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        event(job, Phase("", "tests", f"pid {child.pid}"))
        threading.Event().wait()
    if "waits" in words:
        event(job, Phase("", "tests", "Waiting"))
        CANCELLED[job].wait()
        send({"id": job, "error": {"message": "Cancelled; nothing was changed.", "code": 130}})
        return
    try:
        answer = {"result": encode(METHODS[method](job, params))}
    except Exception as error:  # a fault of this script must not look like a service that hangs
        answer = {"error": {"message": str(error), "code": 1}}
    send({"id": job, **answer})


def main() -> None:
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["method"] == "shutdown":
            break
        if request["method"] == "cancel":
            CANCELLED[request["params"]["id"]].set()
            continue
        CANCELLED[request["id"]] = threading.Event()
        job = (request["id"], request["method"], request["params"])
        threading.Thread(target=work, args=job, daemon=True).start()
    os._exit(0)


main()
