"""The fork server seen from outside: its process, and the frames to and from it (child.py is the inside)."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from . import wire
from .backend import Backend, Launch
from .errors import SandboxError

_START_S = 30.0
_AFTER_KILL_S = 5.0

Cancelled = Callable[[], bool]


def never() -> bool:
    """What nobody can cancel."""
    return False


class ForkServer:
    """One process for one workspace; every method raises SandboxError when it is gone."""

    def __init__(self, backend: Backend, launch: Launch) -> None:
        self._link = backend.start(launch)
        self._sending = threading.Lock()
        try:
            ready = self._expect("ready", _START_S)
        except BaseException:
            self.close()
            raise
        self.layered = isinstance(ready, dict) and cast(dict[str, object], ready).get("layered") is True
        """A run leaves the workspace as it found it: what it writes goes into a layer of its own."""

    def prepare(self, modules: Sequence[str], warm: bool, cancelled: Cancelled) -> None:
        self._send({"do": "prepare", "modules": list(modules), "warm": warm})
        self._expect("prepared", _START_S * 4, cancelled)

    def stage(self, nodeids: Sequence[str], limits: Mapping[str, float], cancelled: Cancelled) -> wire.Row:
        """Collect the tests (all when empty) in a process that later runs start from; what it found of the project."""
        self._send({"do": "stage", "nodeids": list(nodeids), "limits": dict(limits)})
        return wire.as_object(self._expect("staged", limits["wall_s"] + _START_S, cancelled))

    def warm(self, modules: Sequence[str], limits: Mapping[str, float], cancelled: Cancelled) -> wire.Row:
        """Import these where later runs start from; its `trouble` is empty when that was safe."""
        self._send({"do": "warm", "modules": list(modules), "limits": dict(limits)})
        return wire.as_object(self._expect("staged", limits["wall_s"] + _START_S, cancelled))

    def ask(
        self, message: dict[str, object], wall_s: float, cancelled: Cancelled, on_line: Callable[[str], None]
    ) -> dict[str, object]:
        """Send one request and follow it to its end; a cancel is passed on once, and enforced if nobody obeys."""
        self._send(message)
        deadline = time.monotonic() + wall_s + _AFTER_KILL_S
        told = False
        while True:
            if cancelled() and not told:
                self._send({"do": "stop"})
                told, deadline = True, time.monotonic() + _AFTER_KILL_S
            if time.monotonic() > deadline:
                raise SandboxError("The sandbox stopped answering; it was ended.")
            frame = self._receive(0.02)
            if frame is None:
                continue
            if "end" in frame:
                return self._end_of(frame)
            on_line(str(frame.get("line", "")))

    def say(self, line: str) -> None:
        """A line for the child that runs now, from any thread."""
        self._send({"do": "say", "line": line})

    def stop(self) -> None:
        """End the child that runs now, from any thread; whoever follows it hears of its end."""
        self._send({"do": "stop"})

    def _end_of(self, frame: Mapping[str, object]) -> dict[str, object]:
        try:
            return dict(wire.end(frame["end"]))
        except wire.Malformed as error:
            raise SandboxError(f"The sandbox's server does not say how the run ended ({error}).") from error

    def _expect(self, key: str, seconds: float, cancelled: Cancelled = never) -> object:
        """Who cancels leaves the server in the middle of something: it must be closed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            frame = self._receive(0.02)
            if frame is not None and key in frame:
                return frame[key]
            if cancelled():
                raise SandboxError("It was cancelled while the sandbox got ready.")
        raise SandboxError(f"The sandbox did not start within {seconds:.0f} s.")

    def _send(self, message: Mapping[str, object]) -> None:
        body = json.dumps(message).encode()
        try:
            with self._sending:
                self._link.sendall(struct.pack("!I", len(body)) + body)
        except OSError as error:
            raise SandboxError(self._last_words()) from error

    def _receive(self, seconds: float) -> Mapping[str, object] | None:
        if not self._link.readable(seconds):
            return None
        size = struct.unpack("!I", self._read(4))[0]
        try:
            if size > wire.MAX_FRAME:
                raise wire.Malformed(f"a frame of {size} bytes")
            return wire.parse_line(self._read(size).decode("utf-8", "replace"))
        except wire.Malformed as error:
            raise SandboxError(f"The sandbox's server sent what it never sends ({error}); it was ended.") from error

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            try:
                part = self._link.recv(min(size, 1 << 20))
            except OSError:
                part = b""
            if not part:
                raise SandboxError(self._last_words())
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _last_words(self) -> str:
        return f"The sandbox ended by itself ({wire.clean(self._link.last_words())})."

    def close(self) -> None:
        self._link.close()
