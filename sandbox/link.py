"""A fork server that is a process of this machine, reached through a socket pair that it inherits."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence


def is_readable(sock: socket.socket, seconds: float) -> bool:
    """Something came within that time, or its end: whoever reads from a socket that another thread closed is told."""
    try:
        return bool(select.select([sock], [], [], seconds)[0])
    except (OSError, ValueError):
        if sock.fileno() >= 0:
            raise
        return True


class ProcessLink:
    """Starts the command that `command_for` makes for the descriptor of the inside end; `also` is inherited too."""

    def __init__(
        self, command_for: Callable[[int], Sequence[str]], environment: Mapping[str, str], also: Sequence[int] = ()
    ) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command_for(theirs.fileno()),
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=(theirs.fileno(), *also),
                    start_new_session=True,
                    cwd="/",
                )
            except BaseException:
                ours.close()
                raise
        self._sock = ours

    def readable(self, seconds: float) -> bool:
        return is_readable(self._sock, seconds)

    def recv(self, size: int) -> bytes:
        return self._sock.recv(size)

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)

    def last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        said = b""
        if self._process.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # ValueError: another thread has closed this link
                os.set_blocking(self._process.stderr.fileno(), False)
                said = self._process.stderr.read() or b""
        last = said.decode("utf-8", "replace").strip().splitlines()
        return f"exit {self._process.poll()}: {last[-1] if last else 'no message'}"

    def close(self) -> None:
        self._sock.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
