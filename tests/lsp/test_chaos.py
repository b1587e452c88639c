"""Whatever is killed, stopped, flooded or cancelled: no request hangs, no process stays, no edit is lost.

`make test-chaos` runs all of it and prints how long the server took to end; the rest of the suite runs a slice.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from raw_client import RawClient, Row, alive, family, until

SERVER = (sys.executable, "-P", "-m", "darner.lsp")
SCRIPTED = (sys.executable, "-P", str(Path(__file__).with_name("scripted_server.py")))
CAPABILITIES: Row = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True},
    "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}}},
}
CART = "def total(a, b):\n    return a + b if a < b else 0\n"
TESTS = "from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n"
OTHERS = "from cart import total\n\n\ndef test_others():\n    assert (total(3, 2), total(2, 3)) == (0, 5)\n"
"""So that one behaviour is left: neither `!=` nor `==` will do."""
NODEID = "test_cart.py::test_total"

Start = Callable[..., RawClient]


@pytest.fixture
def project(lay_out: Callable[[dict[str, str]], Path]) -> Path:
    return lay_out({"cart.py": CART, "test_cart.py": TESTS})


@pytest.fixture
def start(tmp_path: Path, project: Path) -> Iterator[Start]:
    """Starts a server on the project; whatever is left of any of them at the end is an orphan."""
    clients: list[RawClient] = []

    def begin(server: tuple[str, ...] = SCRIPTED, **options: object) -> RawClient:
        client = RawClient(server, tmp_path / "state")
        clients.append(client)
        client.initialize(project, CAPABILITIES, **{"trust": True, "model": "none", **options})
        return client

    yield begin
    for client in clients:
        client.end()


def hover(client: RawClient, path: Path, line: int = 1) -> Row:
    where = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": 4}}
    return client.request("textDocument/hover", where)


def begun(client: RawClient, text: str, job: str | None = None) -> str:
    """The job whose progress says this."""

    def says(params: Row) -> bool:
        return text in str(params["value"].get("message")) and job in (None, params["token"])

    return str(client.notification("$/progress", says)["params"]["token"])


def ended(client: RawClient, job: str) -> str:
    """What the job's progress said at its end."""
    row = client.notification("$/progress", lambda p: p["token"] == job and p["value"]["kind"] == "end")
    return str(row["params"]["value"]["message"])


def orphans(state: Path) -> list[psutil.Process]:
    """Processes that carry this session's mark in their environment, wherever they ended up."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get("XDG_STATE_HOME") == str(state):
                found.append(process)
    return alive(found)


def run(client: RawClient, project: Path, **argument: object) -> str:
    return str(client.command("runTests", root=str(project), **argument)["result"]["job"])


def leave(client: RawClient, figures: list[str], what: str) -> None:
    """`shutdown` and `exit`: the process and all that it started are gone; how soon is a figure."""
    processes = family(client.process.pid)
    seconds = client.leave()
    until(lambda: not alive(processes), f"everything to end: {what}")
    figures.append(f"left in {seconds:.2f} s: {what}")
    assert client.process.returncode == 0


def test_an_engine_that_is_stopped_holds_up_neither_an_answer_nor_the_end(
    start: Start, project: Path, figures: list[str]
) -> None:
    """As when the machine swaps or a disk hangs: the process is there and does nothing."""
    client = start()
    client.open(project / "cart.py")
    run(client, project, nodeid="waits")
    begun(client, "Waiting")
    (engine,) = psutil.Process(client.process.pid).children()

    engine.suspend()

    assert "error" not in hover(client, project / "cart.py")
    assert "error" not in client.command("showStatus")
    leave(client, figures, "the engine is stopped")


@pytest.mark.slow
def test_a_job_in_a_stopped_engine_can_be_cancelled_and_the_next_one_works(start: Start, project: Path) -> None:
    """The engine is killed for it; whoever comes next gets another."""
    client = start()
    job = run(client, project, nodeid="waits")
    begun(client, "Waiting")
    (engine,) = psutil.Process(client.process.pid).children()
    engine.suspend()

    client.command("cancel", job=job)

    assert ended(client, job) == "Cancelled; nothing was changed."
    assert ended(client, run(client, project)) == "1 run, 1 failed"
    assert not alive([engine])


def test_cancelling_one_of_three_jobs_costs_the_others_nothing(start: Start, project: Path) -> None:
    """Also when the engine has to be killed for it: the others begin again in the next one, unseen."""
    client = start()
    stuck = run(client, project, nodeid="stuck")
    begun(client, "pid", stuck)
    waiting = run(client, project, nodeid="waits")
    begun(client, "Waiting", waiting)
    repair = client.command("repair", root=str(project), nodeid=f"{NODEID}[late]", apply=False)["result"]["job"]

    client.command("cancel", job=stuck)
    (project / "late").write_text("")

    assert ended(client, stuck) == "Cancelled; nothing was changed."
    assert "passes test_total" in ended(client, str(repair))
    client.command("cancel", job=waiting)
    assert ended(client, waiting) == "Cancelled; nothing was changed."
    assert not [row for row in client.received if row.get("method") == "window/showMessage"]


def test_a_cancelled_search_leaves_what_it_had_verified(start: Start, project: Path) -> None:
    """Nobody should have to wait for something better, or for the prose, to apply it."""
    client = start()
    (project / "more").write_text("")

    def offered() -> list[str]:
        found = client.command("showRepairs", root=str(project), nodeid=NODEID)["result"]["repairs"]
        return [repair["refused"] for repair in found]

    job = str(client.command("repair", root=str(project), nodeid=NODEID, apply=False)["result"]["job"])
    begun(client, "offered", job)
    assert offered() == []

    client.command("cancel", job=job)
    assert "verified by then is in the code actions" in ended(client, job)
    assert offered() == [""]


def test_a_search_of_a_text_that_moved_on_leaves_nothing(start: Start, project: Path) -> None:
    """It was not the user who ended it, and what it had verified is about another text."""
    client = start()
    (project / "more").write_text("")
    client.open(project / "cart.py")
    job = str(client.command("repair", root=str(project), nodeid=NODEID, apply=False)["result"]["job"])
    begun(client, "offered", job)

    (project / "cart.py").write_text("def total(a, b):\n    return sum(range(a, b))\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": (project / "cart.py").as_uri()}})

    assert "was saved with other text" in ended(client, job)
    assert client.command("showRepairs", root=str(project), nodeid=NODEID)["result"]["repairs"] == []


def test_no_edit_is_lost_among_hundreds_of_changes(start: Start, project: Path) -> None:
    """The repair fits only the very text that it was verified on, so that one lost change would refuse it."""
    client = start()
    client.open(project / "cart.py")
    document = {"uri": (project / "cart.py").as_uri()}
    spot = {"line": 1, "character": 4}
    client.command("wait", **client.command("repair", root=str(project), nodeid=NODEID, apply=False)["result"])

    for version in range(2, 602, 2):
        typed = {"range": {"start": spot, "end": spot}, "text": "🦋"}
        erased = {"range": {"start": spot, "end": {**spot, "character": 6}}, "text": ""}
        for step, change in enumerate((typed, erased)):
            client.notify(
                "textDocument/didChange",
                {"textDocument": {**document, "version": version + step}, "contentChanges": [change]},
            )
    (repair,) = client.command("showRepairs", root=str(project), nodeid=NODEID)["result"]["repairs"]

    assert repair["refused"] == ""
    (edited,) = repair["edit"]["documentChanges"]
    assert edited["textDocument"]["version"] == 601


@pytest.mark.slow
def test_thousands_of_failing_tests_arrive_and_go(start: Start, project: Path) -> None:
    """A broken import in a large suite. Requests are answered in between."""
    client = start()
    (project / "many").write_text("5000")
    client.open(project / "test_cart.py")

    job = run(client, project)
    begun(client, "Running the tests", job)
    assert "error" not in hover(client, project / "test_cart.py", 4)
    ended(client, job)

    def shows(number: int) -> Callable[[Row], bool]:
        return lambda params: len(params["diagnostics"]) == number

    client.notification("textDocument/publishDiagnostics", shows(5000))
    assert "and 4,997 more" in str(hover(client, project / "test_cart.py", 4)["result"])
    (project / "many").write_text("0")
    client.received.clear()
    run(client, project)
    client.notification("textDocument/publishDiagnostics", shows(0))


@pytest.mark.slow
def test_two_servers_on_one_workspace_do_not_disturb_each_other(start: Start, project: Path) -> None:
    """Two editors, or a window that is opened twice."""
    first, second = start(), start()

    jobs = [run(client, project) for client in (first, second)]

    assert [ended(client, job) for client, job in zip((first, second), jobs, strict=True)] == ["1 run, 1 failed"] * 2
    first.end()
    assert ended(second, run(second, project)) == "1 run, 1 failed"


@pytest.mark.slow
def test_a_file_that_never_ends_stops_nothing(start: Start, project: Path) -> None:
    """A pipe in the project's folder; to open it for reading waits for a writer, for ever."""
    os.mkfifo(project / "pipe.py")
    client = start()

    assert "error" not in hover(client, project / "pipe.py")
    client.notify("textDocument/didSave", {"textDocument": {"uri": (project / "pipe.py").as_uri()}})

    assert ended(client, begun(client, "1 run")) == "1 run, 1 failed"


# With the real engine


@pytest.mark.slow
@pytest.mark.parametrize(
    "phase", ["Preparing", "Running the tests", "under the probe", "trying edits", "tried", "comparing", "from cold"]
)
def test_a_repair_can_be_cancelled_in_every_phase(start: Start, project: Path, phase: str, figures: list[str]) -> None:
    """Nothing was changed, nothing of it goes on, and the same repair then succeeds."""
    (project / "test_order.py").write_text(OTHERS)
    client = start(SERVER)
    job = client.command("repair", root=str(project), nodeid=NODEID, apply=False)["result"]["job"]
    reached = client.wait_for(
        lambda row: (
            row.get("method") == "$/progress"
            and row["params"]["token"] == job
            and (
                phase.lower() in str(row["params"]["value"].get("message")).lower()
                or row["params"]["value"]["kind"] == "end"
            )
        ),
        phase,
    )
    if reached["params"]["value"]["kind"] == "end":
        pytest.skip(f"the repair has no phase that says {phase!r}")

    started = time.monotonic()
    client.command("cancel", job=job)
    assert ended(client, str(job)) in ("Cancelled; nothing was changed.", reached["params"]["value"].get("message"))
    figures.append(f"stopped in {time.monotonic() - started:.2f} s: a repair in {phase!r}")

    assert (project / "cart.py").read_text() == CART
    again = client.command("repair", root=str(project), nodeid=NODEID, apply=False)["result"]["job"]
    assert "passes test_total" in ended(client, again)
    leave(client, figures, f"after a cancel in {phase!r}")


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["engine", "sandbox"])
def test_a_killed_worker_is_one_sentence_and_the_next_run_works(
    start: Start, project: Path, victim: str, figures: list[str]
) -> None:
    """By the out-of-memory killer, most often; whatever was under it goes too."""
    (project / "test_slow.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(3)\n")
    client = start(SERVER)
    job = run(client, project)
    begun(client, "1 run")
    engine, *below = family(client.process.pid)[1:]
    assert below

    (engine if victim == "engine" else below[0]).kill()

    assert ended(client, job)
    if victim == "engine":
        until(lambda: not alive(below), "everything under the engine to end")
    (project / "test_slow.py").unlink()
    assert ended(client, run(client, project)) == "1 run, 1 failed"
    shown = [row["params"]["message"] for row in client.received if row.get("method") == "window/showMessage"]
    assert len(shown) <= 1
    assert all("\n" not in message for message in shown)
    leave(client, figures, f"after the {victim} was killed")


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["Preparing", "Running the tests"])
@pytest.mark.parametrize("how", ["client killed", "input closed", "server killed", "engine stopped"])
def test_nothing_outlives_the_session_while_three_repairs_run(
    tmp_path: Path, project: Path, how: str, phase: str, figures: list[str]
) -> None:
    """Three projects, so that three sandboxes and searches are at work, or are being made."""
    life = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)"])
    client = RawClient(SERVER, tmp_path / "state")
    roots = [project]
    for name in ("two", "three"):
        (other := tmp_path / name).mkdir()
        for file in ("pyproject.toml", "test_cart.py"):
            (other / file).write_text((project / file).read_text())
        roots.append(other)
    for root in roots:
        (root / "cart.py").write_text(CART.replace("a < b", "a < b and b % 7 == 5"))
        (root / "test_slow.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(2)\n")
    client.send(
        id=0,
        method="initialize",
        params={
            "processId": life.pid,
            "capabilities": CAPABILITIES,
            "workspaceFolders": [{"uri": root.as_uri(), "name": root.name} for root in roots],
            "initializationOptions": {"trust": True, "model": "none", "budget": "deep"},
        },
    )
    client.answer(0)
    client.notify("initialized", {})
    for root in roots:
        job = client.command("repair", root=str(root), nodeid=NODEID, apply=False)["result"]["job"]
        begun(client, phase, str(job))
    processes = family(client.process.pid)
    engine = psutil.Process(client.process.pid).children()[0]
    assert len(processes) > (4 if phase != "Preparing" else 1)

    started = time.monotonic()
    assert client.process.stdin is not None
    if how == "client killed":
        life.kill()
    elif how == "input closed":
        client.process.stdin.close()
    elif how == "server killed":
        client.process.send_signal(signal.SIGKILL)
    else:
        engine.suspend()
        client.process.send_signal(signal.SIGKILL)
    life.kill()
    life.wait()

    until(lambda: not alive(processes), "everything to end")
    figures.append(f"all {len(processes)} processes gone in {time.monotonic() - started:.2f} s: {how}, {phase!r}")
    until(lambda: not orphans(tmp_path / "state"), "what was being started to end")
    client.end()
