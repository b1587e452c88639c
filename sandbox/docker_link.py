"""The fork server of a container, spoken to over the engine's attach stream.

The engine cuts what the container writes into pieces, each with a head of eight bytes: which of stdout (the frames of
child_watch.py) and stderr (last words) it came from, and its size.
Source: https://docs.docker.com/reference/api/engine/ ("Attach to a container")
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
from pathlib import Path

from .docker_engine import Engine
from .errors import SandboxError
from .link import is_readable

_HEAD = struct.Struct(">BxxxL")
_STDOUT = 1
_TAIL = 16 << 10
_STALLED_S = 30.0
"""In the middle of a frame, this much silence of the engine is its end."""


class Demultiplexer:
    """Bytes of the stream in, stdout's bytes out; the end of stderr is kept. Pieces may be cut anywhere."""

    def __init__(self) -> None:
        self._raw = bytearray()
        self.frames = bytearray()
        """What stdout said and nobody has taken yet."""
        self.words = bytearray()
        """The last that stderr said."""
        self._left = 0
        self._stream = _STDOUT

    def feed(self, data: bytes) -> None:
        self._raw += data
        while True:
            if not self._left:
                if len(self._raw) < _HEAD.size:
                    return
                self._stream, self._left = _HEAD.unpack_from(self._raw)
                del self._raw[: _HEAD.size]
            part = self._raw[: self._left]
            del self._raw[: len(part)]
            self._left -= len(part)
            if self._stream == _STDOUT:
                self.frames += part
            else:
                self.words += part
                del self.words[:-_TAIL]
            if not self._raw:
                return


class AttachLink:
    """A `Link` (backend.py) over an attached container, which it owns and removes."""

    def __init__(self, engine: Engine, container: str, sock: socket.socket) -> None:
        self._engine, self._container, self._sock = engine, container, sock
        self._stream = Demultiplexer()
        self._ended = False
        self._pid = 0
        sock.settimeout(_STALLED_S)

    def started(self) -> None:
        """To be called once it runs: its process number is needed where the engine dies before the container."""
        self._pid = int(self._engine.state(self._container).get("Pid") or 0)

    def readable(self, seconds: float) -> bool:
        if not self._stream.frames and not self._ended and is_readable(self._sock, seconds):
            self._pull()
        return bool(self._stream.frames) or self._ended

    def recv(self, size: int) -> bytes:
        while not self._stream.frames and not self._ended:
            self._pull()
        part = bytes(self._stream.frames[:size])
        del self._stream.frames[: len(part)]
        return part

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)

    def _pull(self) -> None:
        try:
            data = self._sock.recv(1 << 18)
        except OSError:  # the engine went away, or stalled for longer than anybody waits
            data = b""
        self._ended = not data
        self._stream.feed(data)

    def last_words(self) -> str:
        try:
            state = self._engine.state(self._container)
        except SandboxError:
            return f"the container engine at {self._engine.address} went away during the run"
        if state.get("OOMKilled"):
            return "its container ran out of memory"
        said = bytes(self._stream.words).decode("utf-8", "replace").strip().splitlines()
        last = said[-1] if said else state.get("Error") or "no message"
        return f"container exit {state.get('ExitCode')}: {last}"

    def close(self) -> None:
        """The container is removed by the engine or, when that is gone, its processes are killed directly."""
        with contextlib.suppress(OSError):
            self._sock.close()
        try:
            self._engine.remove(self._container)
        except SandboxError:
            self._engine.owed.append(self._container)
            _kill_without_the_engine(self._pid, self._container)


def _kill_without_the_engine(pid: int, container: str) -> None:
    """End a container by its first process; the kernel ends the rest. The number must still be the container's."""
    with contextlib.suppress(OSError):
        if pid and container in Path(f"/proc/{pid}/cgroup").read_text():
            os.kill(pid, signal.SIGKILL)
