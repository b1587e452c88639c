"""The engine's process may hang, die or be slow; the server must stay alive and leave nothing behind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from darner.lsp.engine_link import EngineError, EngineLink, Row

SCRIPTED = (sys.executable, "-P", str(Path(__file__).with_name("scripted_service.py")))

pytestmark = pytest.mark.asyncio


def params(root: Path, *nodeids: str) -> Row:
    return {"root": str(root), "nodeids": list(nodeids)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "cart.py").write_text("ok = True\n")
    (tmp_path / "test_cart.py").write_text("")
    return tmp_path


def ignored(_name: str, _data: Row) -> None:
    """For jobs whose events do not matter here."""


async def gone(pid: int) -> bool:
    """Whether the process ends soon; a zombie that nobody reaps here has ended."""
    for _ in range(250):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.02)
    return False


def first_event() -> tuple[asyncio.Future[Row], Callable[[str, Row], None]]:
    """A future for the job's first event, and the listener that fills it."""
    future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()

    def listen(_: str, data: Row) -> None:
        if not future.done():
            future.set_result(data)

    return future, listen


async def test_nothing_is_started_before_the_first_job() -> None:
    """Opening an editor must cost nothing."""
    link = EngineLink(SCRIPTED)

    assert not link.running
    await link.close(1.0)


async def test_a_cancelled_job_is_cancelled_in_the_service_which_lives_on(project: Path) -> None:
    """The warm session and the model in it are worth keeping."""
    link = EngineLink(SCRIPTED)
    begun, listen = first_event()
    job = asyncio.create_task(link.call("test", params(project, "waits"), listen))
    await asyncio.wait_for(begun, 90)

    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert link.running
    assert (await link.call("test", params(project), ignored))["status"] == "PASS"
    await link.close(1.0)


async def test_a_job_that_ignores_the_cancel_is_killed_with_everything_under_it(project: Path) -> None:
    """Also a grandchild that moved to a session of its own."""
    link = EngineLink(SCRIPTED)
    begun, listen = first_event()
    job = asyncio.create_task(link.call("test", params(project, "stuck"), listen))
    pid = int(str((await asyncio.wait_for(begun, 90))["text"]).split()[1])

    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert await gone(pid)
    assert (await link.call("test", params(project), ignored))["status"] == "PASS"
    await link.close(1.0)


async def test_a_crash_is_one_sentence_for_every_open_job_and_the_next_job_starts_again(project: Path) -> None:
    """A segfault in a native library must not take the editor's server along."""
    link = EngineLink(SCRIPTED)
    begun, listen = first_event()
    other = asyncio.create_task(link.call("test", params(project, "waits"), listen))
    await asyncio.wait_for(begun, 90)

    with pytest.raises(EngineError, match=r"engine was ended by SIGSEGV; it starts again") as crash:
        await link.call("test", params(project, "dies"), ignored)
    with pytest.raises(EngineError, match="SIGSEGV"):
        await other

    assert "\n" not in str(crash.value)
    assert (await link.call("test", params(project), ignored))["status"] == "PASS"
    await link.close(1.0)


async def test_a_service_that_prints_nonsense_and_ends_is_a_sentence_with_its_last_words() -> None:
    """A broken installation shows at the first job; its own message is the best hint there is."""
    script = "import sys; print('hello'); sys.exit('no module named darner')"
    link = EngineLink((sys.executable, "-c", script))

    with pytest.raises(EngineError, match=r"ended with code 1; .*last words: no module named darner"):
        await link.call("test", {}, ignored)
