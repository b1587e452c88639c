"""The engine as a child process of the language server: JSON lines on stdin and stdout.

    {"id": 1, "method": "test", "params": {"root": …, "nodeids": […], "affected": …, "coverage": …, "python": …}}
    {"id": 1, "event": "test", "data": {…}}        any number
    {"id": 1, "result": {…}}   or   {"id": 1, "error": {"message": …, "code": 1|2|3|130}}        exactly one

Methods: `about`, `test`, `collect` (root, python), `repair` (root, nodeid, budget, model, background, python),
`decided` (root, nodeid, after, applied), `explain` (root, nodeid, model, python), `write`, `write_test` and `example`
(service_write.py), `fill` (model, before, after), `cancel` (id) and `shutdown`. Each job has a thread, in which
service_work.py does it. The process ends when stdin does, whatever runs: its owner is then gone. Trust is the owner's
decision, before it asks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, BinaryIO

from ..sandbox.errors import SandboxError
from .blame import where
from .errors import BadEnvironment, DarnerError
from .orphan import kill_below, wake_when_orphaned
from .service_work import ServiceWork
from .stop import Stop

Row = Mapping[str, Any]
CANCELLED = 130
_GRACE_S = 0.3
"""How long a shutdown waits for jobs to notice; their sandbox is taken away after that."""
_END_S = 0.7
"""How long the end may take in all; what is still being made or cleaned up then is killed. A later start cleans up."""


class Service:
    """Dispatches requests to threads. `send` may be called from any of them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._writing = threading.Lock()
        self._jobs: dict[object, tuple[Stop, threading.Thread]] = {}
        self._does = ServiceWork(self.send)

    def serve(self, lines: Iterator[bytes]) -> None:
        """Until the end of input or `shutdown`."""
        for line in lines:
            request: Row = json.loads(line)
            if request["method"] == "shutdown":
                self.send({"id": request["id"], "result": {}})
                return
            if request["method"] == "cancel":
                self._cancel(request)
            else:
                self._start(request)

    def send(self, message: Row) -> None:
        data = json.dumps(message, ensure_ascii=True).encode() + b"\n"
        with self._writing, contextlib.suppress(BrokenPipeError):
            self._out.write(data)
            self._out.flush()

    def close(self) -> None:
        """Stop every job, then take sessions and model away from those that did not notice."""
        jobs = list(self._jobs.values())
        for stop, _ in jobs:
            stop.cancel()
        for _, thread in jobs:
            thread.join(_GRACE_S / len(jobs))
        self._does.close()

    def _cancel(self, request: Row) -> None:
        if (job := self._jobs.get(request["params"]["id"])) is not None:
            job[0].cancel()
        self.send({"id": request["id"], "result": {}})

    def _start(self, request: Row) -> None:
        stop = Stop()
        thread = threading.Thread(target=self._work, args=(request, stop), daemon=True)
        self._jobs[request["id"]] = (stop, thread)
        thread.start()

    def _work(self, request: Row, stop: Stop) -> None:
        """One job, from request to its single answer. The boundary where every error becomes one sentence."""
        answer: Row
        try:
            answer = {"result": self._does.answer(request["method"], request["id"], request["params"], stop)}
        except DarnerError as error:
            answer = _error(str(error), error.exit_code)
        except SandboxError as error:  # as when a file was saved while its copy was at work
            answer = _error(str(error), BadEnvironment.exit_code)
        except Exception as error:
            answer = _error(f"The engine failed inside: {where(error)}.", 1)  # the message might quote source
        if stop.cancelled:
            answer = _error("Cancelled; nothing was changed.", CANCELLED)
        self._jobs.pop(request["id"], None)
        self.send({"id": request["id"], **answer})


def _error(message: str, code: int) -> Row:
    return {"error": {"message": message, "code": code}}


def main() -> None:
    """Keep stdout private first: whatever prints, here or in a library, must not reach the protocol."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner gets Ctrl-C and tells us what to do
    wake_when_orphaned()
    service = Service(out)
    signal.signal(signal.SIGTERM, _leave)
    try:
        service.serve(iter(sys.stdin.buffer.readline, b""))
    except Exception as error:
        sys.stderr.write(f"{where(error)}\n")  # the owner shows the last line
    finally:
        closing = threading.Thread(target=service.close, daemon=True)
        closing.start()
        closing.join(_END_S)
        kill_below()  # also an interpreter that is only being asked what it is
        os._exit(0)  # threads that are still in a run hold nothing that anybody needs


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
