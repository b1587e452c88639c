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
from pathlib import Path
from typing import Any

import psutil

from .errors import ModelError

SILENCE_S = 600.0
"""A live worker says something after every decode; loading from a slow disk is the longest that it is silent."""

QUIET_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
"""Threads that spin while they wait take the cores from the tests that run beside: 12.8 became 0.5 to 2.1 tokens/s.

Threads that sleep at once are woken for every matrix product: a turn of some microseconds first makes one token cost 59
ms instead of 98, and 149 instead of 209 beside two busy processes (1.5B, AVX2, medians of 8 and 7 turns about).
"""


_CLOSED = "The model was closed while it was answering; ask again if the answer is still wanted."


class WorkerDied(Exception):
    """The worker ended while a request was open; the text says how and what to do, and the next request restarts it."""

    def __init__(self, text: str, *, idle: bool = False) -> None:
        super().__init__(text)
        self.idle = idle
        """It ended by itself, between requests: asking again is safe."""


class WorkerProcess:
    """One running worker in its own process group, so that a terminal's Ctrl-C reaches only the parent."""

    def __init__(self, idle_s: float, kept: Path | None = None) -> None:
        """Start a worker that ends by itself after `idle_s` without a request, and keeps prompts in a folder, if any.

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
                [sys.executable, "-P", "-m", "darner.engine.llama_worker", str(idle_s), str(kept or "")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={**os.environ, **QUIET_THREADS},
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise ModelError(
                f"The model worker could not be started ({error.strerror}); free memory and try again."
            ) from error
        self._closed = False
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        """What the worker said to each open request; None when it will say no more."""
        self._number = 0
        self._ended = False
        self._lock = threading.Lock()
        self._dying = threading.Lock()
        self._why: tuple[str, bool] | None = None
        """How it died by itself, for every request that was open: the sentence, and whether it was idle."""
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None and not self._closed

    @property
    def open_requests(self) -> int:
        return len(self._answers)

    def _read(self) -> None:
        assert self._process.stdout
        with contextlib.suppress(ValueError, OSError):  # a line cut off by death, or our own close()
            for line in self._process.stdout:
                event = json.loads(line)
                if answers := self._answers.get(event["id"]):
                    answers.put(event)
        with self._lock:
            self._ended = True
            for answers in self._answers.values():
                answers.put(None)

    def begin(self, request: dict[str, Any]) -> int:
        """Send a request; its number. Raise WorkerDied when nobody reads any more."""
        with self._lock:
            self._number += 1
            number = self._number
            self._answers[number] = queue.SimpleQueue()
            if self._ended:
                self._answers[number].put(None)
        self._send({"id": number, **request})
        return number

    def cancel(self, number: int) -> None:
        """Ask for what there is of this request. Raises WorkerDied."""
        self._send({"method": "cancel", "id": number})

    def forget(self, number: int) -> None:
        """Nobody listens to this request any more."""
        with self._lock:
            self._answers.pop(number, None)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._process.stdin.write(data)
                self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._death() from error
        except BaseException:
            self.close()  # Ctrl-C within a line: no other can follow it
            raise

    def receive(self, number: int, seconds: float) -> dict[str, Any] | None:
        """The next line about this request, or None after `seconds` of silence. Raises WorkerDied."""
        try:
            line = self._answers[number].get(timeout=seconds)
        except queue.Empty:
            return None
        if line is None:
            raise self._death()
        return line

    def _death(self) -> WorkerDied:
        """Close what is left of the worker, and say why it ended: the same to every request that was open."""
        with self._dying:
            if self._why is None:
                closed = self._closed
                self.close()
                code = self._process.returncode
                if closed:
                    self._why = _CLOSED, False
                elif code == 0:
                    self._why = "The model worker ended while it was idle; try again.", True
                else:
                    self._why = death_sentence(code, self._tail()), False
        return WorkerDied(self._why[0], idle=self._why[1])

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
