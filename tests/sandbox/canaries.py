"""Everything that an attack could reach outside, watched from outside."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

_KEY = 0x0DA12E5


@dataclass(frozen=True, slots=True)
class Canaries:
    folder: Path
    listeners: tuple[socket.socket, ...]
    """TCP, UDP, abstract unix, unix by path."""
    process: subprocess.Popen[bytes]
    secret: str
    marker: str
    """A number of seconds that only a leftover `sleep` of an attack has as its argument."""

    def aims(self) -> dict[str, object]:
        tcp, udp, abstract, path = self.listeners
        return {
            "canary": str(self.folder / "canary"),
            "folder": str(self.folder),
            "outside": str(self.folder.parent),
            "tcp": tcp.getsockname(),
            "udp": udp.getsockname(),
            "abstract": abstract.getsockname()[1:].decode(),
            "unix": path.getsockname(),
            "process": self.process.pid,
            "secret": self.secret,
            "marker": self.marker,
            "key": _KEY,
        }

    def disturbed(self) -> list[str]:
        """What an attack did outside; empty when nothing."""
        found = [
            name for name, sock in zip(("tcp", "udp", "abstract", "path"), self.listeners, strict=True) if _hit(sock)
        ]
        if sorted(entry.name for entry in self.folder.iterdir()) != ["canary", "socket"]:
            found.append("files")
        if (self.folder / "canary").read_text() != self.secret:
            found.append("canary")
        if self.process.poll() is not None:
            found.append("process")
        return found

    def left_behind(self, workspace: str) -> list[str]:
        """Processes, mounts and shared memory that an attack left."""
        found = [line for line in Path("/proc/self/mounts").read_text().splitlines() if workspace in line]
        if Path("/proc/sysvipc/shm").exists() and f" {_KEY} " in Path("/proc/sysvipc/shm").read_text():
            found.append("shared memory")
        return found + [str(pid) for pid in _processes() if self.marker in _command(pid)]


def processes_of(folder: str) -> list[int]:
    """Whose command names the folder: the fork servers of a workspace."""
    return [pid for pid in _processes() if folder in _command(pid)]


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _hit(sock: socket.socket) -> bool:
    try:
        if sock.type == socket.SOCK_DGRAM:
            sock.recv(16)
        else:
            sock.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def canaries(folder: Path) -> Generator[Canaries]:
    folder.mkdir()
    secret = secrets.token_hex(16)
    (folder / "canary").write_text(secret)
    places = (
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        (socket.AF_UNIX, socket.SOCK_STREAM, "\0darner-test-" + secrets.token_hex(8)),
        (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "socket")),
    )
    with contextlib.ExitStack() as stack:
        listeners: list[socket.socket] = []
        for family, kind, place in places:
            sock = stack.enter_context(socket.socket(family, kind))
            sock.bind(place)
            sock.setblocking(False)
            if kind == socket.SOCK_STREAM:
                sock.listen()
            listeners.append(sock)
        process = stack.enter_context(subprocess.Popen(("sleep", "86400"), env={"PATH": os.defpath, "SECRET": secret}))
        stack.callback(process.kill)
        marker = f"86{secrets.randbelow(10**9):09}"
        yield Canaries(folder, tuple(listeners), process, secret, marker)
