"""A real Docker engine holds candidates; an engine that fails is never a verdict on them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker_leftovers as leftovers
import pytest
from cart_project import GOOD
from darner.sandbox import choice
from darner.sandbox.backend import Probe, Runtime
from darner.sandbox.choice import examined
from darner.sandbox.docker_backend import Docker
from darner.sandbox.docker_box import Box, start
from darner.sandbox.docker_engine import Engine
from darner.sandbox.docker_image import ready_image
from darner.sandbox.docker_link import Demultiplexer
from darner.sandbox.docker_shares import system_shares
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Limits, RunResult, Status
from dockerd import Daemon, containers, real_daemon
from polling import until

ROOMY = Limits(wall_s=120.0, cpu_s=120.0, test_wall_s=100.0, test_cpu_s=100.0)
pytestmark = pytest.mark.slow


@pytest.fixture
def own_daemon() -> Iterator[Daemon]:
    """An engine that the test may kill."""
    with real_daemon() as started:
        yield started


@pytest.fixture
def opened(docker: Docker, project: Path) -> Iterator[Session]:
    with open_session(project, Path(sys.executable), trusted=False, backend=docker) as session:
        yield session


def run(session: Session, head: str = "", limits: Limits = ROOMY) -> RunResult:
    return session.run((), {"cart.py": (textwrap.dedent(head) + "\n" + GOOD).encode()}, limits=limits)


def test_the_self_test_tries_everything_and_a_real_engine_holds(docker: Docker) -> None:
    """Flags are not trusted: what is reported as held was tried in a container with the very flags of a run."""
    report = docker.examine()

    assert report.trouble == ""
    assert report.probes == dict.fromkeys(Probe, True)
    assert report.gaps


def test_an_engine_that_ignores_limits_is_not_used(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman without control groups accepts limits and ignores them: the limits are taken off the way for real."""
    create = Engine.create

    def without_limits(engine: Engine, image: str, command: list[str], host: dict[str, object], **more: object) -> str:
        ignored = {"mem_limit": None, "memswap_limit": None, "pids_limit": None}
        return create(engine, image, command, {**host, **ignored}, **more)

    monkeypatch.setattr(Engine, "create", without_limits)
    report = Docker(daemon.address).examine()

    assert not report.probes[Probe.MEM]
    assert not report.probes[Probe.PIDS]
    assert "does not hold: mem, pids." in report.trouble
    assert containers(daemon) == 0


def test_containers_can_be_switched_off_and_the_report_says_who_did(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A choice of the user's is not a fault, and is not forgotten either."""
    monkeypatch.setenv("DARNER_DOCKER", "off")
    assert "switched off by DARNER_DOCKER" in Docker(daemon.address).examine().trouble


def test_without_an_engine_the_report_says_so_in_one_sentence(tmp_path: Path) -> None:
    """Nobody who has no Docker waits for it, or reads a traceback."""
    report = Docker(f"unix://{tmp_path}/none.sock").examine()

    assert report.trouble.count(".") >= 1
    assert "No such file or directory" in report.trouble
    assert "Traceback" not in report.trouble


def test_memory_that_runs_out_is_told_from_the_kernels_count(opened: Session) -> None:
    """The kernel's own count is a fact that no candidate can write."""
    result = run(opened, "keep = [bytearray(1 << 28) for _ in range(64)]", replace(ROOMY, memory_bytes=1 << 40))

    assert result.status is Status.OOM, result
    assert "memory limit" in result.detail
    assert run(opened).status is Status.PASS


def test_what_is_left_running_ends_with_its_run(opened: Session, daemon: Daemon) -> None:
    """A daemon that ignores every signal and left its session is gone before the next candidate."""
    head = """
    import os, signal, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
            while True: time.sleep(1)
        os._exit(0)
    """
    assert run(opened, head).status is Status.PASS
    alive = "import os\nassert len([n for n in os.listdir('/proc') if n.isdigit()]) <= 4, os.listdir('/proc')"
    assert run(opened, alive).status is Status.PASS


def test_what_a_run_wrote_outside_the_project_is_gone_before_the_next(opened: Session) -> None:
    """All runs of a session share one container: its temporary folders are emptied, deep and locked ones too."""
    head = """
    import os
    os.symlink("/", "/tmp/link")
    for top in ("/tmp", "/tmp/home", "/dev/shm"):
        open(f"{top}/note", "w").write("to the next candidate")
        os.makedirs(f"{top}/deep/er")
        os.chmod(f"{top}/deep", 0)
    """
    assert run(opened, head).status is Status.PASS
    look = """
    import os
    assert not os.path.lexists("/tmp/link")
    for top in ("/tmp", "/tmp/home", "/dev/shm"):
        assert not {"note", "deep"} & {*os.listdir(top)}, top
    """
    result = run(opened, look)
    assert result.status is Status.PASS, result


def test_a_container_that_its_maker_left_is_swept(daemon: Daemon, docker: Docker) -> None:
    """A killed Darner cannot clean up; the next one does, and leaves alone what a living one uses."""
    script = f"""
import os, signal
from darner.sandbox import docker_backend, docker_box, docker_engine, docker_image
engine = docker_engine.Engine({daemon.address!r})
image = docker_image.ready_image(engine, None)
engine.create(image, ["/bin/true"], {{"network_mode": "none"}})
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == -9
    assert containers(daemon) == 1

    engine = Engine(daemon.address)
    assert engine.sweep() == 1
    assert containers(daemon) == 0
    engine.close()


def test_a_closed_session_leaves_no_container_and_no_process(docker: Docker, daemon: Daemon, project: Path) -> None:
    """Nothing outlives the session, also not the container that was made ahead for a confirming run."""
    with open_session(project, Path(sys.executable), trusted=False, backend=docker) as session:
        assert session.run((), {"cart.py": GOOD.encode()}, limits=ROOMY, fresh=True).status is Status.PASS
        session.expect_fresh()
        assert run(session).status is Status.PASS
        assert containers(daemon) >= 1

    assert containers(daemon) == 0
    assert until(lambda: not _containers_processes(daemon), 60.0)


def test_an_engine_killed_in_the_middle_of_a_run_is_no_verdict(own_daemon: Daemon, project: Path) -> None:
    """INFRA with one clear sentence; the next run reconnects, and the first container does not stay."""
    backend = Docker(own_daemon.address)
    with open_session(project, Path(sys.executable), trusted=False, backend=backend) as session:
        killed = False

        def kill_once() -> bool:
            nonlocal killed
            if not killed:
                own_daemon.kill()
                killed = True
            return False

        head = {"cart.py": ("import time; time.sleep(60)\n" + GOOD).encode()}
        result = session.run((), head, limits=ROOMY, cancelled=kill_once)
        assert result.status is Status.INFRA, result
        assert "went away" in result.detail, result.detail

        gone = run(session)
        assert gone.status is Status.INFRA, gone
        assert own_daemon.address in gone.detail

        assert own_daemon.start() == ""
        assert run(session).status is Status.PASS
        assert run(session, "raise ValueError").status is Status.FAIL
        assert containers(own_daemon) == 1
    assert containers(own_daemon) == 0


def test_a_confirming_run_falls_back_and_says_so(own_daemon: Daemon, project: Path) -> None:
    """A repair is not lost because the second sandbox went away, and nobody is told that it was used."""
    second = Docker(own_daemon.address)
    assert examined(second).trouble == ""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(choice, "BACKENDS", (*(b for b in choice.BACKENDS if not isinstance(b, Docker)), second))
        with open_session(project, Path(sys.executable), trusted=True) as session:
            edits = {"cart.py": GOOD.encode()}
            confirmed = session.run((), edits, limits=ROOMY, fresh=True)
            assert (confirmed.status, confirmed.backend, confirmed.note) == (Status.PASS, "docker", "")

            own_daemon.kill()
            confirmed = session.run((), edits, limits=ROOMY, fresh=True)
            assert (confirmed.status, confirmed.backend) == (Status.PASS, session.report.backend)
            assert "Not confirmed in docker" in confirmed.note


def test_frames_cut_anywhere_are_put_together() -> None:
    """The attach stream is cut by size and time, never by meaning."""
    said = b"\1\0\0\0\0\0\0\5hello\2\0\0\0\0\0\0\3err\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1!"
    for step in (1, 2, 3, 7, len(said)):
        stream = Demultiplexer()
        for at in range(0, len(said), step):
            stream.feed(said[at : at + step])
        assert (bytes(stream.frames), bytes(stream.words)) == (b"hello!", b"err")


def test_a_stopped_daemon_leaves_nothing() -> None:
    """No process, no mount, no control group, no file: also when the engine was killed with a container running."""
    with real_daemon() as daemon:
        engine = Engine(daemon.address)
        python = Path(sys.executable)
        command = [str(python.resolve()), "-c", "import time; time.sleep(600)"]
        folders = [Path(sys.base_prefix)]
        box = Box(
            image=ready_image(engine, Runtime(python, tuple(folders))),
            command=tuple(command),
            environment={},
            shares=system_shares(folders),
            folder=Path("/"),
            user="0:0",
            memory_bytes=64 << 20,
        )
        start(engine, box)
        engine.close()
        daemon.kill()
        folder = daemon.folder
        assert until(lambda: bool(_containers_processes(daemon)), 60.0)
    assert not folder.exists()
    assert not leftovers.processes_of(folder)
    assert not leftovers.mounts_below(folder)


def _containers_processes(daemon: Daemon) -> list[int]:
    """Below the engine's shims: what runs in containers."""
    return [p.pid for p in leftovers.processes_of(daemon.folder) if p.name().startswith("python")]
