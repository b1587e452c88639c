"""A client that can misbehave: it writes bytes, reads or does not read, and dies as told. Nothing of pygls in it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

Row = dict[str, Any]
T = TypeVar("T")
WAIT_S = 90.0
"""Generous: a machine may be several times slower than the one that this was written on."""


class RawClient:
    """One server process. `reading=False`: nobody reads its stdout and stderr, whose pipes then fill up."""

    def __init__(self, server: Sequence[str], state: Path, *, reading: bool = True) -> None:
        environment = {**os.environ, "XDG_STATE_HOME": str(state)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(server, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, cwd="/")
        self.received: list[Row] = []
        self.log = b""
        self._news: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._ids = itertools.count(1)
        if reading:
            threading.Thread(target=self._read, daemon=True).start()
            threading.Thread(target=self._read_log, daemon=True).start()

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        with self._writing, contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def send(self, **message: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: object = None) -> None:
        self.send(method=method, params=params)

    def begin(self, method: str, params: object = None) -> int:
        number = next(self._ids)
        self.send(id=number, method=method, params=params)
        return number

    def request(self, method: str, params: object = None) -> Row:
        """The whole answer, with its `result` or `error`."""
        return self.answer(self.begin(method, params))

    def command(self, name: str, **argument: object) -> Row:
        return self.request("workspace/executeCommand", {"command": f"darner.{name}", "arguments": [argument]})

    def answer(self, number: int | None) -> Row:
        return self.wait_for(lambda row: "method" not in row and row.get("id") == number, f"the answer to {number}")

    def notification(self, method: str, told: Callable[[Row], bool] = lambda _: True) -> Row:
        """The first message with this method, of the past or the future, that `told` accepts."""
        return self.wait_for(lambda row: row.get("method") == method and told(row["params"]), method)

    def wait_for(self, wanted: Callable[[Row], bool], what: str) -> Row:
        """The first received message like this."""
        end = time.monotonic() + WAIT_S
        for row in self.received:
            if wanted(row):
                return row
        while True:
            try:
                row = self._news.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"waited {WAIT_S:g} s for {what}; the log says {self.log[-2000:]!r}") from None
            assert row is not None, f"the server ended before {what}; the log says {self.log[-2000:]!r}"
            self.received.append(row)
            if wanted(row):
                return row

    def initialize(self, root: Path, capabilities: Row | None = None, **options: object) -> Row:
        params = {
            "processId": None,
            "rootUri": root.as_uri(),
            "capabilities": capabilities or {},
            "initializationOptions": options,
        }
        answer = self.request("initialize", params)
        self.notify("initialized", {})
        return answer

    def open(self, path: Path, text: str | None = None) -> None:
        item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text or path.read_text("utf-8")}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def leave(self) -> float:
        """`shutdown`, `exit`, and the seconds until the process was gone."""
        started = time.monotonic()
        assert "error" not in self.request("shutdown")
        self.notify("exit")
        self.process.wait(WAIT_S)
        return time.monotonic() - started

    def end(self) -> None:
        """For a test's last line: whatever is left must not outlive it."""
        for process in family(self.process.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(WAIT_S)

    def _read(self) -> None:
        assert self.process.stdout is not None
        while header := self.process.stdout.readline():
            found = re.fullmatch(rb"Content-Length: (\d+)\r\n", header)
            assert found is not None, f"not a header: {header!r}"
            assert self.process.stdout.readline() == b"\r\n"
            row = json.loads(self.process.stdout.read(int(found[1])))
            if "method" in row and "id" in row:  # nothing that it may ask is refused, or waits
                self.send(id=row["id"], result={"applied": True} if row["method"] == "workspace/applyEdit" else None)
            self._news.put(row | {"received": time.monotonic()})
        self._news.put(None)

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        while piece := os.read(self.process.stderr.fileno(), 4096):
            self.log += piece


def family(pid: int) -> list[psutil.Process]:
    """The process and everything under it, now."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie whose parent is elsewhere has ended."""
    return [process for process in processes if _alive(process)]


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition: Callable[[], T], what: str) -> T:
    """Wait for a value that is true."""
    end = time.monotonic() + WAIT_S
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {WAIT_S:g} s for {what}"
        time.sleep(0.02)
    return value
