"""The container backend's self-test: a container with the very flags of a run, whose first process tries to break out.

Only what was tried and held counts. An engine whose limits do not hold is not used, and says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import docker_box as boxes
from .backend import TOOLS, Probe, Report, Runtime, Tier
from .docker_box import Box
from .docker_engine import Engine
from .docker_image import ready_image
from .docker_link import AttachLink
from .docker_shares import Share, same, system_shares
from .errors import SandboxError
from .places import environment as environment_with

_MEMORY_BYTES = 64 << 20
_TMP_BYTES = 8 << 20
_PROCESSES = 32
_PATIENCE_S = 60.0
_ENGINES_OWN = ("HOSTNAME", "HOME", "PATH", "TERM", "container")
_HOLDS = (
    "no network, not even loopback to this machine",
    "no file outside the throw-away copy, the interpreter and the system's read-only folders can be read",
    "no file outside the throw-away copy and a private, bounded /tmp can be written",
    "no process outlives its container, and none of yours can be seen or signalled",
    "none of your environment variables or secrets (.env, keys, credentials) are visible",
    "memory, processes and disk are limited by control groups; CPU time, file size and wall-clock time too",
    "system calls that a test suite does not need are refused, and no capability is held",
)


@dataclass(frozen=True, slots=True)
class _Bait:
    """What the container is invited to reach."""

    folder: Path
    tcp: int
    abstract: str

    @property
    def canary(self) -> Path:
        return self.folder / "canary"

    @property
    def tree(self) -> Path:
        return self.folder / "tree"


def examined_engine(engine: Engine) -> Report:
    """Takes about a second, most of it the start of the container. Raises SandboxError when it cannot be started."""
    name = engine.facts.kind
    tier = Tier.KERNEL if engine.facts.runsc else Tier.CONTAINER
    with _bait() as bait:
        held = _tried(engine, bait)
    failed = sorted(str(probe) for probe, good in held.items() if not good)
    if failed:
        return Report(name, tier, _refusal(engine, failed), held)
    return Report(name, tier, "", held, _HOLDS, _gaps(engine))


def _refusal(engine: Engine, failed: list[str]) -> str:
    what = f"{engine.facts.kind} {engine.facts.version} at {engine.address} does not hold: {', '.join(failed)}."
    if {"mem", "pids"} & set(failed):
        return f"{what} It ignores limits here: give it control groups (a systemd user session) or use Docker."
    return what


def _gaps(engine: Engine) -> tuple[str, ...]:
    kernel = () if engine.facts.runsc else ("the kernel is shared (gVisor's runsc is used where it is installed)",)
    return (*kernel, "whoever may speak to the engine's socket rules this machine; candidates cannot reach it")


@contextlib.contextmanager
def _bait() -> Generator[_Bait]:
    folder = Path(tempfile.mkdtemp(prefix=f"darner-{os.getpid()}-"))
    name = f"darner-{secrets.token_hex(8)}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, _abstract(name):
        try:
            bait = _Bait(folder, tcp.getsockname()[1], name)
            bait.tree.mkdir()
            bait.canary.write_text("secret")
            yield bait
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _abstract(name: str) -> Generator[None]:
    with socket.socket(socket.AF_UNIX) as unix:
        if sys.platform == "linux":
            unix.bind("\0" + name)
            unix.listen()
        yield


def _tried(engine: Engine, bait: _Bait) -> Mapping[Probe, bool]:
    link = boxes.start(engine, _box(engine, bait))
    try:
        said = _last_line(link)
    finally:
        link.close()
    held = {probe: said.get(str(probe)) is True for probe in Probe if probe is not Probe.DAEMON}
    return {**held, Probe.DAEMON: not _alive(bait.abstract)}


def _box(engine: Engine, bait: _Bait) -> Box:
    python = Path(os.path.realpath(sys.executable))
    environment = environment_with({"HOME": "/tmp/home", "TMPDIR": "/tmp"})
    asked = {
        "canary": str(bait.canary),
        "tcp": bait.tcp,
        "abstract": bait.abstract,
        "environment": [*environment, *_ENGINES_OWN],
        "processes": _PROCESSES,
        "tmp_bytes": _TMP_BYTES,
        "memory_bytes": _MEMORY_BYTES,
        "tree": str(bait.tree),
    }
    folders = [Path(sys.base_prefix), Path(sys.base_exec_prefix), python.parent]
    return Box(
        image=ready_image(engine, Runtime(python, tuple(folders))),
        command=(str(python), "-I", "-S", "-B", str(TOOLS / "child_selftest.py"), json.dumps(asked)),
        environment=environment,
        shares=(*system_shares(folders), same(TOOLS), Share(bait.tree, bait.tree, writable=True)),
        folder=bait.tree,
        user=boxes.user_of(engine, bait.tree),
        memory_bytes=_MEMORY_BYTES,
        processes=_PROCESSES,
        tmp_bytes=_TMP_BYTES,
    )


def _last_line(link: AttachLink) -> Mapping[str, object]:
    """The one object that the self-test prints. Raises SandboxError when it printed none."""
    said = b""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and not said.endswith(b"\n"):
        if link.readable(0.5):
            part = link.recv(1 << 16)
            if not part:
                break
            said += part
    try:
        return dict(json.loads(said))
    except ValueError as error:
        raise SandboxError(f"The self-test in a container did not end ({link.last_words()}).") from error


def _alive(token: str) -> bool:
    """A process that carries the token in its command line is still there."""
    for entry in Path("/proc").glob("[0-9]*/cmdline") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):
            if token.encode() in entry.read_bytes():
                return True
    return False
