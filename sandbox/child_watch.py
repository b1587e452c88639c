"""Follows one child to its end: passes its lines on, drains its output, keeps the time, obeys a cancel.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import time
from typing import Any, Dict, FrozenSet, List, Optional

weighing: Any = sys.modules["_darner_child_weigh"]  # loaded before by child.py: this file has no import path

_MAX_LINE = 4 << 20
_TAIL = 64 << 10
_PATIENCE_S = 5.0


def read_frame(sock: socket.socket) -> Optional[Dict[str, Any]]:
    head = _read_exactly(sock, 4)
    if head is None:
        return None
    body = _read_exactly(sock, struct.unpack("!I", head)[0])
    return None if body is None else json.loads(body.decode("utf-8"))


def _read_exactly(sock: socket.socket, size: int) -> Optional[bytes]:
    parts: List[bytes] = []
    while size:
        part = sock.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write_frame(sock: socket.socket, message: Dict[str, Any]) -> None:
    body = json.dumps(message).encode("utf-8", "replace")
    sock.sendall(struct.pack("!I", len(body)) + body)


class Watch:
    """Follows one child to its end: passes its lines on, drains its output, keeps the time, obeys a cancel."""

    def __init__(
        self,
        sock: socket.socket,
        pid: int,
        said: int,
        output: int,
        heard: int,
        limits: Dict[str, Any],
        began: float,
        scales: Any,
        keep: FrozenSet[int] = frozenset(),
    ) -> None:
        self._scales = scales
        self._keep = keep
        self._ended = watch_end(pid)
        self._sock, self._pid, self._began = sock, pid, began
        self._pipes = {said: bytearray(), output: bytearray()}
        self._said = said
        self._heard = heard
        self._unheard = bytearray()
        os.set_blocking(heard, False)
        self._limits = limits
        self._why = ""
        self._tail = bytearray()
        self._spoken = 0
        self._printed = 0
        self._begun = False

    def until_the_end(self) -> Dict[str, Any]:
        deadline = self._began + self._limits["wall_s"]
        status: Optional[int] = None
        usage: Any = None
        while status is None:
            left = deadline - time.monotonic()
            if left <= 0 and not self._why:
                self._stop("timeout")
            if not self._why and (exceeded := self._scales.verdict(time.monotonic())):
                self._stop(exceeded)
            self._listen(min(max(left, 0.0), 0.05 if self._pipes or self._ended >= 0 else 0.002))
            done, value, usage = os.wait4(self._pid, os.WNOHANG)
            if done:
                status = value
        kill_everyone(self._keep)
        while self._pipes and self._listen(0.0):
            pass
        if self._begun and os.WIFEXITED(status):
            self._why = self._why or "forged"  # a row that was begun and never ended
        for fd in [*self._pipes, self._heard]:
            os.close(fd)
        if self._ended >= 0:
            os.close(self._ended)
        return {
            "processes": self._scales.processes,
            "file_bytes": self._scales.file_bytes,
            "disk_bytes": self._scales.disk_bytes,
            "output_bytes": self._printed,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "why": self._why,
            "seconds": time.monotonic() - self._began,
            "peak_kib": usage.ru_maxrss,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "output": bytes(self._tail).decode("utf-8", "replace"),
        }

    def _listen(self, seconds: float) -> bool:
        ended = [self._ended] if self._ended >= 0 else []
        waiting = [self._heard] if self._unheard else []
        ready, free, _ = select.select([*self._pipes, self._sock, *ended], waiting, [], seconds)
        if free:
            self._tell()
        pipes = [fd for fd in ready if isinstance(fd, int) and fd != self._ended]
        if self._sock in ready:
            self._obey()
        for fd in pipes:
            self._read(fd)
        return bool(pipes)

    def _obey(self) -> None:
        """A parent says "stop", or something to the child; its silence for ever means it died."""
        request = read_frame(self._sock)
        if request is not None and request["do"] == "say":
            self._unheard += request["line"].encode() + b"\n"
            self._tell()
            return
        self._stop("cancel")
        if request is None:
            kill_everyone()
            os._exit(0)

    def _tell(self) -> None:
        """As much as the child's pipe takes; a child that does not listen is none of ours to wait for."""
        try:
            del self._unheard[: os.write(self._heard, self._unheard)]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unheard.clear()

    def _read(self, fd: int) -> None:
        part = os.read(fd, 1 << 16)
        if not part:
            os.close(fd)
            del self._pipes[fd]
        elif fd == self._said:
            self._pass_on(part)
        else:
            self._printed += len(part)
            if self._printed > self._limits["output_bytes"]:
                self._stop("noise")
            self._tail += part
            del self._tail[:-_TAIL]

    def _pass_on(self, part: bytes) -> None:
        buffer = self._pipes[self._said]
        buffer += part
        *lines, rest = bytes(buffer).split(b"\n")
        buffer[:] = rest
        self._begun = bool(rest)
        for line in lines:
            self._spoken += len(line)
            if self._spoken <= self._limits["report_bytes"]:
                write_frame(self._sock, {"line": line.decode("utf-8", "replace")})
        if self._spoken > self._limits["report_bytes"] or len(rest) > _MAX_LINE:
            self._stop("flood")

    def _stop(self, why: str) -> None:
        self._why = self._why or why
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            os.kill(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def watch_end(pid: int) -> int:
    """A descriptor that becomes readable when the process ends; -1 where there is none (before Linux 5.3, macOS)."""
    try:
        return int(os.pidfd_open(pid))
    except (AttributeError, OSError):
        return -1


def kill_everyone(keep: FrozenSet[int] = frozenset()) -> None:
    """End whatever a child left behind: all of the namespace when we are its init, else all our descendants.

    `keep` is spared while that works: what forks faster than it can be found takes it along. Who is not the init
    of a namespace gives up then and ends, so that the one above can end them all.
    """
    me, began = os.getpid(), time.monotonic()
    while True:
        late = time.monotonic() - began > _PATIENCE_S
        if late and me != 1:
            os._exit(1)
        spare: FrozenSet[int] = frozenset() if late else keep
        others = [-1] if me == 1 and not spare else weighing.everyone_else(spare)
        for pid in others:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                if spare and not others:
                    return
                time.sleep(0.001)
        except ChildProcessError:
            return
