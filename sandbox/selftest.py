"""A backend's self-test: the fork server is really started on an empty project, and a child really tries to get out.

Canaries wait outside: a file, a folder, listeners on TCP, UDP and an abstract unix socket, and a process with
a word in its environment. What the child says is checked against what the canaries saw.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import wire
from .backend import Backend, Launch, Probe, Report, Runtime
from .errors import SandboxError
from .fork_server import ForkServer
from .staged import row_of
from .types import Limits
from .workspace import Workspace

_LIMITS = Limits(wall_s=10.0, cpu_s=5.0, memory_bytes=1 << 30, file_bytes=16 << 20, processes=24, disk_bytes=32 << 20)
_WORDS: Mapping[Probe, str] = {
    Probe.FS_READ: "files outside the project can be read",
    Probe.FS_WRITE: "files outside the project can be written",
    Probe.NET_TCP: "the network can be reached (TCP)",
    Probe.NET_UDP: "the network can be reached (UDP)",
    Probe.UNIX_ABSTRACT: "your desktop's abstract sockets can be reached",
    Probe.PIDS: "the number of processes is limited by time only",
    Probe.MEM: "memory is not limited",
    Probe.DISK: "disk space is limited by time only",
    Probe.KILL: "a run can end or slow down its own supervisor",
    Probe.ENV: "your environment variables can be read",
    Probe.DAEMON: "a process can outlive its run",
}


@dataclass(frozen=True, slots=True)
class _Canaries:
    folder: Path
    tcp: socket.socket
    udp: socket.socket
    abstract: socket.socket
    process: int
    secret: str

    def aims(self, own: str) -> dict[str, object]:
        return {
            "file": str(self.folder / "canary"),
            "folder": str(self.folder),
            "tcp": self.tcp.getsockname(),
            "udp": self.udp.getsockname(),
            "abstract": self.abstract.getsockname()[1:].decode(),
            "secret": self.secret,
            "process": self.process,
            "own": own,
            "disk_bytes": 96 << 20,
        }

    def heard(self) -> Iterable[Probe]:
        """Which listeners were reached, whatever the child says."""
        listeners = ((Probe.NET_TCP, self.tcp), (Probe.UNIX_ABSTRACT, self.abstract), (Probe.NET_UDP, self.udp))
        for probe, listener in listeners:
            listener.setblocking(False)
            with contextlib.suppress(OSError):
                if probe is Probe.NET_UDP:
                    listener.recv(16)
                else:
                    listener.accept()[0].close()
                yield probe


def tested(backend: Backend, holds: tuple[str, ...], gaps: tuple[str, ...]) -> Report:
    """Never raises. A probe that was not held is a gap of the report, in words; not to start at all is trouble."""
    try:
        with _canaries() as canaries:
            probes, landlock_abi = _attempted(backend, canaries)
    except (SandboxError, OSError) as error:
        return Report(backend.name, backend.tier, f"{backend.name} does not work on this system: {error}")
    open_ways = tuple(_WORDS[probe] for probe, held in probes.items() if not held)
    return Report(backend.name, backend.tier, "", probes, holds, (*gaps, *open_ways), landlock_abi)


def _attempted(backend: Backend, canaries: _Canaries) -> tuple[dict[Probe, bool], int]:
    with tempfile.TemporaryDirectory(prefix="darner-selftest-") as empty:
        workspace = Workspace(Path(empty).resolve(), backend.owner())
        server: ForkServer | None = None
        try:
            own = Runtime(Path(sys.executable), _own_folders())
            server = ForkServer(backend, Launch(workspace, own))
            aims = canaries.aims(str(backend.root(workspace)))
            rows = _asked(server, aims, "")
            for alone in ("disk", "pids", "daemon"):
                rows += _asked(server, aims, alone)
            probes = {**_probes(rows), **dict.fromkeys(canaries.heard(), False)}
        finally:
            if server is not None:
                server.close()
            workspace.close()
    said = (row["landlock"] for row in rows if "landlock" in row)
    abi = next(said, 0)
    return probes, abi if isinstance(abi, int) else 0


def _asked(server: ForkServer, aims: Mapping[str, object], only: str) -> list[wire.Row]:
    """One run of the self-test. To be ended from outside is what a limit is for."""
    rows: list[wire.Row] = []
    request: dict[str, object] = {"do": "attempts", "aims": aims, "only": only, "nonce": ""}
    request["limits"] = row_of(_LIMITS)
    end = server.ask(request, _LIMITS.wall_s, lambda: False, lambda line: rows.append(wire.parse_line(line)))
    refused = next((str(row["infra"]) for row in rows if "infra" in row), "")
    if refused:
        raise SandboxError(refused)
    if end.get("why") in ("disk", "crowd"):
        return [*rows, {"attempt": [only, True]}]
    if end.get("exit") != 0 or end.get("why"):
        raise SandboxError(f"its self-test ended early ({wire.clean(str(end.get('output', '')))[-200:]})")
    return rows


def _probes(rows: Iterable[wire.Row]) -> dict[Probe, bool]:
    found: dict[Probe, bool] = {}
    for row in rows:
        match row.get("attempt"):
            case [str(name), bool(held)]:
                found[Probe(name)] = held
            case _:
                continue
    return found


def _own_folders() -> tuple[Path, ...]:
    """Of Darner's own interpreter, which runs the self-test."""
    binaries = (Path(sys.executable).parent, Path(sys.executable).resolve().parent)
    return tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix), *binaries)))


@contextlib.contextmanager
def _process_with(secret: str) -> Generator[int]:
    """A process of the user's whose environment holds the word."""
    with subprocess.Popen(("sleep", "60"), env={"PATH": os.defpath, "DARNER_CANARY": secret}) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@contextlib.contextmanager
def _canaries() -> Generator[_Canaries]:
    with (
        tempfile.TemporaryDirectory(prefix="darner-canary-") as folder,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as abstract,
        _process_with(secret := secrets.token_hex(16)) as process,
    ):
        (Path(folder) / "canary").write_text("alive")
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        if sys.platform == "linux":
            abstract.bind("\0darner-" + secrets.token_hex(8))
        else:
            abstract.bind(str(Path(folder) / "socket"))
        tcp.listen()
        abstract.listen()
        yield _Canaries(Path(folder), tcp, udp, abstract, process, secret)
