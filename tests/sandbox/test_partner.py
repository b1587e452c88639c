"""A partner opened ahead is the one that is got, and closing in any moment leaves nothing behind."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from darner.sandbox.errors import SandboxError, WorkspaceError
from darner.sandbox.fork_server import ForkServer
from darner.sandbox.link import ProcessLink
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Limits, Status
from darner.sandbox.wire import Row

ROOMY = Limits(wall_s=120.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=30.0)


def copies() -> set[str]:
    return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith(f"darner-{os.getpid()}-")}


def test_the_one_that_was_opened_ahead_is_got_and_goes_with_its_session(project: Path) -> None:
    """Two copies and two servers, not three; none afterwards."""
    before = copies()
    with open_session(project, Path(sys.executable), trusted=True) as session:
        session.expect_partner()
        session.expect_partner()
        partner = session.partner()

        assert partner is session.partner()
        assert partner.run((), limits=ROOMY).status is Status.FAIL
        assert len(copies() - before) == 2
    assert copies() == before


def test_sources_that_changed_have_no_partner(project: Path) -> None:
    """Two halves of one verdict must judge the same code."""
    with open_session(project, Path(sys.executable), trusted=True) as session:
        (project / "cart.py").write_text("def total(numbers): return 0\n")
        session.expect_partner()

        with pytest.raises(WorkspaceError, match="changed while Darner was working"):
            session.partner()


def test_a_link_that_another_thread_closed_ends_whoever_waits_on_it() -> None:
    """Between two looks of the one that waits: it is told of an end, as of any other."""
    link = ProcessLink(lambda _: ["sleep", "600"], os.environ)
    assert not link.readable(0.0)
    link.close()

    assert link.readable(60.0)
    with pytest.raises(OSError, match="Bad file descriptor"):
        link.recv(1)


def test_closing_while_it_is_being_opened_leaves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel comes at any moment: here while the partner's server collects the tests."""
    before = copies()
    session = open_session(project, Path(sys.executable), trusted=True)
    collecting, closed = threading.Event(), threading.Event()
    stage = ForkServer.stage

    def late(
        server: ForkServer, nodeids: Sequence[str], limits: Mapping[str, float], cancelled: Callable[[], bool]
    ) -> Row:
        collecting.set()
        assert closed.wait(120)
        return stage(server, nodeids, limits, cancelled)

    monkeypatch.setattr(ForkServer, "stage", late)
    session.expect_partner()
    assert collecting.wait(120)
    closing = threading.Thread(target=session.close)
    closing.start()
    closed.set()
    closing.join(120)

    assert not closing.is_alive()
    assert copies() == before
    assert "darner-partner" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(SandboxError):
        Session.partner(session)
