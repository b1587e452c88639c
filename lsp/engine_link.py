"""The engine's process as the server sees it: started at the first call, spoken to in JSON lines, gone when told.

call(method, params, on_event) ──▶ service ──events──▶ on_event … ──▶ the result, or EngineError
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import psutil

from .turns import Turns

SERVICE = (sys.executable, "-P", "-m", "darner.engine.service")
CANCEL_S = 2.0
"""How long a cancelled job may take to end before its process is killed."""
CANCELLED = 130
_LINE_BYTES = 256 << 20
_LOG_BYTES = 4096

Row = Mapping[str, Any]
OnEvent = Callable[[str, Row], None]


class EngineError(Exception):
    """One sentence, and the exit code that the command line would have given."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class _KilledForAnother(Exception):
    """The process of this job was killed because another job in it did not stop."""


@dataclass
class _Call:
    on_event: OnEvent
    answer: asyncio.Future[Row] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class EngineLink:
    """Used from the event loop only."""

    def __init__(self, command: Sequence[str] = SERVICE) -> None:
        self._command = tuple(command)
        self._ids = itertools.count(1)
        self._calls: dict[int, _Call] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._log = b""
        self._killed: asyncio.subprocess.Process | None = None
        """The process that was killed because a job in it did not stop."""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def call(self, method: str, params: Row, on_event: OnEvent) -> Row:
        """Run one job. When this coroutine is cancelled the job is stopped, if need be by killing the process.

        Other jobs of a process that was killed for that begin again in the next one. Raises EngineError for every end
        but a result: one sentence, also when the process crashed.
        """
        while True:
            try:
                return await self._call_once(method, params, on_event)
            except _KilledForAnother:
                continue

    async def _call_once(self, method: str, params: Row, on_event: OnEvent) -> Row:
        process = await self._started()
        number, call = next(self._ids), _Call(on_event)
        self._calls[number] = call
        try:
            self._send(process, {"id": number, "method": method, "params": params})
            return await asyncio.shield(call.answer)
        except asyncio.CancelledError:
            await self._stop(process, number, call)
            raise
        finally:
            self._calls.pop(number, None)
            if call.answer.done() and not call.answer.cancelled():
                call.answer.exception()  # seen, also when nobody waits any more

    async def close(self, seconds: float) -> None:
        """Ask the process to end, and kill what is left of it and of everything under it after `seconds`."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        below = _below(process.pid)
        self._send(process, {"id": next(self._ids), "method": "shutdown", "params": {}})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
        _kill(process, below)

    def kill(self) -> None:
        """At once: the service, and every descendant, whatever process group that is in."""
        self.end(0.0)

    def end(self, seconds: float) -> None:
        """Without the event loop, from any thread: let the service clean up for `seconds`, then kill what is left."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        below = _below(process.pid)
        if seconds > 0.0:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                service = psutil.Process(process.pid)
                service.terminate()
                service.wait(seconds)
        _kill(process, below)

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._log = b""
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    limit=_LINE_BYTES,
                    start_new_session=True,  # its group is ours to kill, and no Ctrl-C of a terminal reaches it
                    cwd="/",
                )
                process = self._process
                self._tasks = (asyncio.create_task(self._read(process)), asyncio.create_task(self._drain(process)))
            return self._process

    def _send(self, process: asyncio.subprocess.Process, message: Row) -> None:
        assert process.stdin is not None  # a pipe was asked for
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand every line to its call; at the end of the stream every open call ends with one sentence."""
        assert process.stdout is not None
        with contextlib.suppress(ValueError, ConnectionResetError):  # an endless line, a reset pipe: as good as the end
            turns = Turns()
            async for line in process.stdout:  # thousands may wait in the pipe
                self._dispatch(line)
                await turns.rest()
        self.kill()
        code = await process.wait()
        for call in self._calls.values():
            if not call.answer.done():
                killed = process is self._killed
                call.answer.set_exception(_KilledForAnother() if killed else EngineError(self._obituary(code), 1))

    def _dispatch(self, line: bytes) -> None:
        try:
            message = cast("Row", json.loads(line))
        except ValueError:
            return  # a library wrote to the pipe before the service could move it away
        call = self._calls.get(int(message["id"]))
        if call is None or call.answer.done():
            return
        if "event" in message:
            call.on_event(str(message["event"]), cast("Row", message["data"]))
        elif "error" in message:
            error = cast("Row", message["error"])
            call.answer.set_exception(EngineError(str(error["message"]), int(error["code"])))
        else:
            call.answer.set_result(cast("Row", message["result"]))

    async def _drain(self, process: asyncio.subprocess.Process) -> None:
        """Keep the end of its stderr for the obituary; a full pipe would stop it."""
        assert process.stderr is not None
        while piece := await process.stderr.read(_LOG_BYTES):
            self._log = (self._log + piece)[-_LOG_BYTES:]

    async def _stop(self, process: asyncio.subprocess.Process, number: int, call: _Call) -> None:
        if call.answer.done() or process.returncode is not None:
            return
        self._send(process, {"id": next(self._ids), "method": "cancel", "params": {"id": number}})
        await asyncio.wait({call.answer}, timeout=CANCEL_S)
        if not call.answer.done():
            reading, self._killed = self._tasks[0], process
            self.kill()
            await asyncio.wait([reading])  # a job that comes now must not be told of this death

    def _obituary(self, code: int) -> str:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        last = self._log.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        return f"Darner's engine {how}; it starts again at the next command." + (
            f" Its last words: {last}" if last else ""
        )


def _below(pid: int) -> list[psutil.Process]:
    """Every descendant, also one that has left the process group. Asked before the parents end and the links break."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(process: asyncio.subprocess.Process, below: Sequence[psutil.Process]) -> None:
    if process.returncode is None:  # else its id may be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for child in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()  # psutil compares start times, so that a reused id is spared
