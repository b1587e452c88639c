"""The server as a process: it starts, is cancelled and ends as editors expect, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from darner.engine import trust
from editor import PROFILES, SCRIPTED, SERVER, Editor, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

SLOW_TEST = "import pathlib, time\n\n\ndef test_slow():\n    time.sleep(float(pathlib.Path('seconds').read_text()))\n"


@pytest.fixture
def slow_project(lay_out: Callable[[dict[str, str]], Path]) -> Path:
    return lay_out({"test_slow.py": SLOW_TEST, "seconds": "60"})


def alive(pids: list[int]) -> list[int]:
    """A zombie whose parent is elsewhere has ended."""
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


async def busy(editor: Editor, text: str, **argument: object) -> str:
    """Start a run and wait until its progress says that it works."""
    job = (await editor.command("runTests", root=str(editor.root), **argument))["job"]
    await until(lambda: any(text in str(r.message) for r in editor.progress(job)), f"progress {text!r}")
    return job


async def test_a_running_test_is_stopped_by_the_progress_bars_cancel(slow_project: Path) -> None:
    """With the real engine: the next run of the same project would otherwise wait for the sleeping test."""
    editor = await Editor.start(slow_project, options={"trust": True})
    job = await busy(editor, "Running the tests")

    editor.client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(job))
    await until(lambda: _ended(editor, job), "the end of the progress")
    assert editor.progress(job)[-1].message == "Cancelled; nothing was changed."
    (slow_project / "seconds").write_text("0")
    job = (await editor.command("runTests", root=str(slow_project)))["job"]
    await until(lambda: _ended(editor, job), "the second run")

    assert editor.progress(job)[-1].message == "1 run, 0 failed"
    assert await editor.leave() == 0


async def test_a_server_that_is_killed_takes_the_real_engine_along(slow_project: Path) -> None:
    """SIGKILL leaves no time for anything; the engine sees its input end."""
    editor = await Editor.start(slow_project, options={"trust": True})
    await busy(editor, "Running the tests")
    pids = family(editor.pid)
    assert len(pids) > 1

    os.kill(editor.pid, signal.SIGKILL)

    await until(lambda: not alive(pids), "the family to end")
    await editor.client.stop()


@pytest.mark.parametrize("name", PROFILES)
async def test_leaving_while_a_job_hangs_ends_everything_soon(project: Path, name: str) -> None:
    """VS Code waits two seconds, then kills; the stuck job holds a process in another session."""
    editor = await Editor.start(project, name, server=SCRIPTED, options={"trust": True})
    await editor.command("runTests", root=str(project), nodeid="stuck")
    pids = await until(lambda: len(found := family(editor.pid)) > 2 and found, "the stuck process")

    assert await editor.leave() == 0

    await until(lambda: not alive(pids), "the family to end")


async def test_the_end_of_input_ends_everything(project: Path) -> None:
    """A client that crashed closes the pipe and says nothing."""
    server = await asyncio.create_subprocess_exec(*SCRIPTED, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None

    server.stdin.close()

    assert await asyncio.wait_for(server.wait(), 90) == 1


async def test_the_death_of_the_client_ends_everything_though_the_pipe_stays_open(project: Path) -> None:
    """Another process may have inherited the client's end of the pipe, as this test has."""
    client = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True}, client_pid=client.pid)
    await editor.command("runTests", root=str(project), nodeid="stuck")
    pids = await until(lambda: len(found := family(editor.pid)) > 2 and found, "the stuck process")

    client.kill()
    client.wait()

    await until(lambda: not alive(pids), "the family to end")
    await editor.client.stop()


async def test_equal_commands_are_one_job(project: Path) -> None:
    """A double click on the lens; a repair to apply and one to look at are not equal."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    argument = {"root": str(project), "nodeid": "test_cart.py::waits"}

    first, second = await asyncio.gather(editor.command("explain", **argument), editor.command("explain", **argument))

    assert first == second
    applied, shown, again = [await editor.command("repair", **argument, apply=apply) for apply in (True, False, False)]
    assert applied != shown == again
    assert (await editor.command("cancel")) == {"cancelled": True}
    await until(lambda: _idle(editor), "the job to end")
    assert await editor.leave() == 0


async def test_a_job_that_is_cancelled_in_the_moment_it_began_ends(project: Path) -> None:
    """Wherever its first steps are: a cancel that is lost there leaves a job that nobody can end."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})

    for number in range(10):
        asked = await editor.command("explain", root=str(project), nodeid=f"test_cart.py::waits{number}")
        assert (await editor.command("cancel", job=asked["job"])) == {"cancelled": True}
        await until(lambda: _idle(editor), "the job to end")

    assert await editor.leave() == 0


async def test_a_crash_of_the_engine_is_one_message_and_the_next_job_works(project: Path) -> None:
    """The server outlives whatever a native library does."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})

    await editor.command("runTests", root=str(project), nodeid="dies")
    await until(lambda: editor.client.messages, "the message")
    await editor.command("runTests", root=str(project))
    await until(lambda: editor.diagnostics("test_cart.py"), "the diagnostic")

    (message,) = editor.client.messages
    assert "engine was ended by SIGSEGV; it starts again" in message.message
    assert await editor.leave() == 0


async def test_nothing_runs_after_trust_is_withdrawn(project: Path) -> None:
    """Neither by command nor on save; running work is cancelled."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    editor.open("cart.py")
    await busy(editor, "Waiting", nodeid="waits")

    editor.trust(False)
    editor.save("cart.py")

    with pytest.raises(JsonRpcException, match="until you trust") as refused:
        await editor.command("repair", nodeid="test_cart.py::test_total", root=str(project))
    assert refused.value.data == {"untrusted": True}
    await until(lambda: _idle(editor), "the running job to be cancelled")
    assert await editor.leave() == 0


async def test_a_failure_in_a_file_that_nobody_opened_reaches_a_client_that_pulls(project: Path) -> None:
    """The request waits until there is news; one that still waits must not hold up the end."""
    editor = await Editor.start(project, "vscode", server=SCRIPTED, options={"trust": True})
    ask = editor.client.workspace_diagnostic_async
    waiting = asyncio.create_task(ask(lsp.WorkspaceDiagnosticParams([], "darner")))

    await editor.command("runTests", root=str(project))
    report = (await asyncio.wait_for(waiting, 90)).items[0]

    assert report.uri == editor.uri("test_cart.py")
    assert isinstance(report, lsp.WorkspaceFullDocumentDiagnosticReport)
    assert [d.range.start.line for d in report.items] == [4]
    assert editor.client.diagnostics == {}
    known = [lsp.PreviousResultId(report.uri, report.result_id or "")]
    waiting = asyncio.create_task(ask(lsp.WorkspaceDiagnosticParams(known, "darner")))
    assert await editor.leave() == 0
    waiting.cancel()


async def test_consent_that_was_given_on_the_command_line_holds(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`darner trust` once, and every editor may run this project's tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(project.parent / "state"))
    trust.remember(project)
    editor = await Editor.start(project, server=SCRIPTED)

    assert (await editor.command("runTests", root=str(project)))["job"]

    assert await editor.leave() == 0


async def test_trouble_after_a_save_is_told_once_and_trouble_of_a_command_each_time(project: Path) -> None:
    """A project may have no tests; a message at every save would be unbearable."""
    editor = await Editor.start(project, "neovim", server=SCRIPTED, options={"trust": True})
    (project / "cart.py").unlink()  # the scripted service then fails inside, as an engine might
    (project / "cart.py").mkdir()
    editor.texts["note.py"] = ""

    editor.save("note.py")
    await until(lambda: editor.client.messages, "the first message")
    editor.save("note.py")
    await until(lambda: _idle(editor), "the second run")
    assert len(editor.client.messages) == 1
    await editor.command("runTests", root=str(project))
    await until(lambda: len(editor.client.messages) == 2, "the command's message")

    assert await editor.leave() == 0


async def test_a_wrong_option_is_told_once_and_names_its_key(project: Path) -> None:
    """At start, in one message; the rest of the options hold."""
    editor = await Editor.start(project, server=SCRIPTED, options={"budget": "hasty", "trust": True})

    await until(lambda: editor.client.messages, "the message")

    (message,) = editor.client.messages
    assert "initializationOptions.budget must be quick, normal, deep" in message.message
    assert "not 'hasty'; 'normal' is used" in message.message
    assert await editor.leave() == 0


async def test_an_edit_is_refused_when_the_document_was_changed_meanwhile(project: Path) -> None:
    """The verified text is gone; applying hunks to another one is guessing."""
    editor = await Editor.start(project, "neovim", server=SCRIPTED, options={"trust": True})
    editor.open("cart.py")
    nodeid = "test_cart.py::test_total"
    await editor.command("repair", nodeid=nodeid, root=str(project), apply=False)
    await until(lambda: _repairs(editor), "the repair")

    at_start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
    document = lsp.VersionedTextDocumentIdentifier(2, editor.uri("cart.py"))
    change = lsp.TextDocumentContentChangePartial(at_start, "# new\n")
    editor.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))
    await editor.command("applyRepair", nodeid=nodeid, root=str(project))
    await until(lambda: editor.client.messages, "the refusal")

    assert "cart.py is no longer the text that this repair was tried on" in editor.client.messages[0].message
    assert editor.edits == []
    assert await editor.leave() == 0


async def test_the_server_speaks_only_the_protocol_in_a_folder_that_holds_hostile_modules(project: Path) -> None:
    """Editors start it in the user's folder; a `json.py` or `engine/` there must not be imported."""
    (project / "json.py").write_text("raise SystemExit('hostile json')\n")
    (project / "engine").mkdir()
    (project / "engine" / "__init__.py").write_text("print('hostile engine')\n")

    done = await asyncio.to_thread(
        subprocess.run, [*SERVER, "--version"], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("darner-lsp ")


def _ended(editor: Editor, job: str) -> bool:
    return any(isinstance(report, lsp.WorkDoneProgressEnd) for report in editor.progress(job))


async def _idle(editor: Editor) -> bool:
    return (await editor.command("showStatus"))["jobs"] == []


async def _repairs(editor: Editor) -> bool:
    return "Repair ready" in await editor.hover("cart.py", 1)
