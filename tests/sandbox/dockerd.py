"""A real Docker engine for tests, with everything that it makes in one temporary folder."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import docker_leftovers as leftovers
import psutil
import pytest
from darner.sandbox.docker_engine import Engine, sdk_trouble
from darner.sandbox.errors import SandboxError
from polling import until

_START_S = 60.0
_PR_SET_PDEATHSIG = 1
_PREFIX = "darner-dockerd-"


class Daemon:
    """`dockerd` on its own data, sockets and control groups. It can be killed and started again."""

    def __init__(self, folder: Path, driver: str) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self._driver = driver
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Empty when it answers; else the last that it said."""
        log = self.folder / "log"
        (self.folder / "docker.pid").unlink(missing_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command(), stdout=output, stderr=output, start_new_session=True, preexec_fn=_end_with_the_tests
            )
        if until(lambda: self._process_ended() or self.answers(), _START_S) and self.answers():
            return ""
        self.kill()
        last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1:]
        return "".join(last)[-300:] or "it said nothing"

    def answers(self) -> bool:
        try:
            Engine(self.address).close()
        except SandboxError:
            return False
        return True

    def kill(self) -> None:
        """As the system does when memory runs out: no goodbye to anyone. Its containers run on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        leftovers.end_processes_of(self.folder, "containerd")
        for stale in (self.folder / "exec" / "containerd").glob("*.pid"):
            stale.unlink()  # the next engine would wait for whoever has that number by then

    def stop(self) -> None:
        """An orderly end, then whatever that left."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_START_S)
            self.kill()
        leftovers.end_processes_of(self.folder)
        leftovers.unmount_below(self.folder)
        leftovers.remove_control_groups(self._group)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def _group(self) -> str:
        """A name that no other engine's groups have: control groups are the machine's, not the folder's."""
        return f"{self.folder.parent.name}-{self.folder.name}"

    def _process_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _command(self) -> list[str]:
        places = {
            "--data-root": self.folder / "data",
            "--exec-root": self.folder / "exec",
            "--pidfile": self.folder / "docker.pid",
            "--host": self.address,
            "--cgroup-parent": f"/{self._group}",
            "--storage-driver": self._driver,
        }
        apart = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--log-level=warn"]
        return ["dockerd", *apart, *(f"{name}={value}" for name, value in places.items())]


def _end_with_the_tests() -> None:
    """A test run that is killed cannot stop its engine: the kernel asks the engine to end then."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


@contextlib.contextmanager
def real_daemon() -> Generator[Daemon]:
    """Skips, loudly and with the reason, only where no engine can be started at all."""
    if shutil.which("dockerd") is None:
        pytest.skip("NO DOCKER TESTS: dockerd is not installed (apt install docker.io iptables).")
    if trouble := sdk_trouble():
        pytest.skip(f"NO DOCKER TESTS: {trouble}")
    if os.getuid() != 0:
        pytest.skip("NO DOCKER TESTS: an engine of the tests' own needs root.")
    leftovers.sweep_killed_runs(_PREFIX)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir="/tmp", ignore_cleanup_errors=True) as name:
        elsewhere = leftovers.not_there_yet()
        daemon, troubles = _started(Path(name))
        if daemon is None:
            pytest.skip(f"NO DOCKER TESTS: dockerd does not start here. {' '.join(troubles)}")
        try:
            yield daemon
        finally:
            daemon.stop()
            leftovers.remove_new(elsewhere)


def _started(folder: Path) -> tuple[Daemon | None, list[str]]:
    """overlay2 where the folder's file system carries it, else plain copies: the image is empty anyway."""
    troubles: list[str] = []
    for driver in ("overlay2", "vfs"):
        own = folder / driver
        own.mkdir()
        daemon = Daemon(own, driver)
        trouble = daemon.start()
        if not trouble:
            return daemon, troubles
        daemon.stop()
        troubles.append(f"{driver}: {trouble}")
    return None, troubles


def containers(daemon: Daemon) -> int:
    """How many there are, running or not."""
    listed = subprocess.run(
        ["docker", "-H", daemon.address, "ps", "-aq"], capture_output=True, text=True, timeout=60, check=True
    )
    return len(listed.stdout.split())


def memory_of(pid: int) -> int:
    return psutil.Process(pid).memory_info().rss
