"""The model worker seen from its parent: started, spoken to in lines, and its death put into words."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

import psutil

from .errors import ModelError

SILENCE_S = 600.0
"""A live worker says something after every decode; loading from a slow disk is the longest that it is silent."""

_QUIET_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
"""Threads that spin while they wait take the cores from the tests that run beside: 12.8 became 0.5 to 2.1 tokens/s."""


class WorkerDied(Exception):
    """The worker ended while a request was open; the text says how and what to do, and the next request restarts it."""

    def __init__(self, text: str, *, idle: bool = False) -> None:
        super().__init__(text)
        self.idle = idle
        """It ended by itself, between requests: asking again is safe."""


class WorkerProcess:
    """One running worker in its own process group, so that a terminal's Ctrl-C reaches only the parent."""

    def __init__(self, idle_s: float) -> None:
        """Start a worker that ends by itself after `idle_s` without a request.

        Raise ModelError when llama.cpp is not installed or no process can be started.
        """
        if importlib.util.find_spec("llama_cpp") is None:
            raise ModelError(
                "llama-cpp-python is not installed for this Python, so no local model can run; "
                'run `make setup`, or `pip install "darner[model]"`.'
            )
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the worker lives
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "darner.engine.llama_worker", str(idle_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={**os.environ, **_QUIET_THREADS},
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise ModelError(
                f"The model worker could not be started ({error.strerror}); free memory and try again."
            ) from error
        self._closed = False
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout
        with contextlib.suppress(ValueError, OSError):  # a line cut off by death, or our own close()
            for line in self._process.stdout:
                self._lines.put(json.loads(line))
        self._lines.put(None)

    def send(self, request: dict[str, Any]) -> None:
        """Raise WorkerDied when nobody reads any more."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._death() from error

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next line, or None after `seconds` of silence. Raises WorkerDied."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if line is None:
            raise self._death()
        return line

    def _death(self) -> WorkerDied:
        """Close what is left of the worker, and say why it ended."""
        if self._closed:
            return WorkerDied("The model was closed while it was answering; ask again if the answer is still wanted.")
        self.close()
        code = self._process.returncode
        if code == 0:
            return WorkerDied("The model worker ended while it was idle; try again.", idle=True)
        return WorkerDied(death_sentence(code, self._tail()))

    def _tail(self) -> str:
        """The last line that the worker wrote to stderr."""
        with contextlib.suppress(OSError, ValueError):
            self._stderr.seek(0)
            lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""

    def close(self) -> None:
        """End the worker: its input ends, and after a second its whole group is killed."""
        self._closed = True
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def death_sentence(code: int, last_words: str) -> str:
    """What an exit code of the worker means for a person; `last_words` is its last line on stderr."""
    if code == -signal.SIGILL:
        return (
            "llama.cpp used an instruction that this processor does not have (often AMX on a virtual machine); "
            "build it for this machine with `make setup`, or with CMAKE_ARGS that hold "
            "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16."
        )
    if code == -signal.SIGKILL:
        free = psutil.virtual_memory()
        return (
            f"The model worker was killed, most likely because memory ran out ({free.available / 1e9:.1f} of "
            f"{free.total / 1e9:.1f} GB are free now); close other programs or take a smaller model, and try again."
        )
    if code < 0:
        name = signal.Signals(-code).name
        return (
            f"llama.cpp crashed with {name}; check the model file with `darner model verify` "
            "and try again, the worker restarts."
        )
    return f"The model worker ended with exit code {code} ({last_words or 'no message'}); run `darner doctor`."
