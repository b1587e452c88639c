"""A GGUF file as a `Model`: llama.cpp runs in a worker process, whose crash is a sentence and a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from .errors import ModelError
from .llama_process import SILENCE_S, WorkerDied, WorkerProcess
from .model import Completion, Ending, Message, ModelStatus, Role, Sampling
from .stop import Stop

POLL_S = 0.02
"""How soon a stop is noticed."""
IDLE_S = 600.0
"""After this long without a request the worker ends and gives its memory back."""
CANCEL_S = 10.0
"""A worker that does not answer a cancel for so long hangs, and is killed."""


class LlamaModel:
    """The model of one GGUF file. Usable from any thread; requests run one after the other.

    Nothing is started before the first request. A worker that died, or ended after `idle_s` without a request, is
    started again by the next one.
    """

    def __init__(
        self,
        path: Path,
        name: str | None = None,
        *,
        adapters: Mapping[Role, Path] | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        """`adapters`: LoRA files by `Sampling.role`; a request of any other role runs on the bare weights."""
        self._adapters = {role: str(file.absolute()) for role, file in (adapters or {}).items()}
        self._path = path.absolute()
        self._name = name or path.stem
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._number = 0
        self._open = False
        """The worker still owes the result of a request."""
        self._status: ModelStatus | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def device(self) -> str:
        """Where it runs; empty until it was loaded. Starts and waits for nothing."""
        status = self._status
        return status.device if status else ""

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        """`sampling.n` completions, always; those that `stop` kept from ending have ending CANCELLED.

        Raises ModelError: the file cannot be loaded, the prompt is too long, or the worker died.
        """
        # Greedy completions are all the same: compute one and hand it out n times.
        once = replace(sampling, n=1) if sampling.temperature <= 0 else sampling
        twins = range(sampling.n) if once is not sampling else range(1)
        ended: dict[int, Completion] = {}

        def listen(event: dict[str, Any]) -> None:
            for twin in twins:
                if on_text and "text" in event:
                    on_text(event["text"][0] + twin, event["text"][1])
                if "completion" in event:
                    index, completion = event["completion"][0] + twin, _completion(event["completion"][1])
                    ended[index] = completion
                    if on_completion:
                        on_completion(index, completion)

        request = {
            "method": "sample",
            "messages": [asdict(message) for message in messages],
            "sampling": asdict(once),
            "stream": on_text is not None,
            "adapter": self._adapters.get(sampling.role, "") if sampling.role else "",
        }
        if sampling.n > 0:
            self._ask(request, stop, listen)
        return tuple(ended.get(i, Completion("", Ending.CANCELLED, 0)) for i in range(sampling.n))

    def fill(self, prefix: str, suffix: str, sampling: Sampling, stop: Stop) -> Completion:
        """What stands between `prefix` and `suffix`; what there is when `stop` came, with ending CANCELLED.

        Prompts that begin alike share their beginning's computation. Raises ModelError.
        """
        ended: list[Completion] = []

        def listen(event: dict[str, Any]) -> None:
            if "completion" in event:
                ended.append(_completion(event["completion"][1]))

        request = {
            "method": "fill",
            "prefix": prefix,
            "suffix": suffix,
            "sampling": asdict(replace(sampling, n=1)),
            "stream": False,
        }
        self._ask(request, stop, listen)
        return ended[0] if ended else Completion("", Ending.CANCELLED, 0)

    @property
    def loaded(self) -> bool:
        """A request would be answered without loading the file first."""
        return self._worker is not None and self._worker.alive and self._status is not None

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        """One natural-log probability per continuation, or () when `stop` ended the work: half a score is no score.

        Raises ModelError.
        """
        request = {
            "method": "score",
            "messages": [asdict(message) for message in messages],
            "continuations": list(continuations),
            "adapter": self._adapters.get(Role.REPAIRER, ""),
        }
        scores = self._ask(request, stop, lambda event: None) if continuations else None
        return tuple(cast(list[float], scores)) if scores else ()

    def status(self) -> ModelStatus:
        """What is loaded and where it runs. Loads the model if need be; while it works, the last known status.

        Raises ModelError.
        """
        if self._status and self._lock.locked():
            return self._status
        self._ask({"method": "status"}, Stop(), lambda event: None)
        assert self._status
        return self._status

    def close(self) -> None:
        """End the worker, and with a ModelError any request that it is working on. A later request starts a new one."""
        if worker := self._worker:
            worker.close()
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._worker:
            self._worker.close()
        self._worker, self._open = None, False

    @contextmanager
    def _turn(self, stop: Stop) -> Generator[bool]:
        """Wait for our turn; False when `stop` came first."""
        held = False
        while not held and not stop:
            held = self._lock.acquire(timeout=POLL_S)
        try:
            yield held
        finally:
            if held:
                self._lock.release()

    def _ask(self, request: dict[str, Any], stop: Stop, listen: Callable[[dict[str, Any]], None]) -> object:
        """The result of one request, or None when `stop` came before there was one. Raises ModelError."""
        with self._turn(stop) as held:
            if not held:
                return None
            try:
                return self._exchange(request, stop, listen)
            except WorkerDied as death:
                self._drop()
                if not death.idle:
                    raise ModelError(str(death)) from death
            except BaseException:
                # Ctrl-C, or a listener's own error: what is still being computed has no reader.
                if self._open:
                    self._drop()
                raise
            try:
                return self._exchange(request, stop, listen)
            except WorkerDied as death:
                self._drop()
                raise ModelError(str(death)) from death

    def _exchange(self, request: dict[str, Any], stop: Stop, listen: Callable[[dict[str, Any]], None]) -> object:
        if self._worker is None:
            self._worker = WorkerProcess(self._idle_s)
            try:
                if self._talk({"method": "load", "path": str(self._path)}, stop, listen) is None:
                    return None
            except ModelError:
                self._drop()
                raise
        return self._talk(request, stop, listen)

    def _talk(self, request: dict[str, Any], stop: Stop, listen: Callable[[dict[str, Any]], None]) -> object:
        """Send one request and follow its events to its result."""
        assert self._worker
        self._number += 1
        self._open = True
        self._worker.send({"id": self._number, **request})
        cancelled_at: float | None = None
        heard_at = time.monotonic()
        while True:
            event = self._worker.receive(POLL_S)
            now = time.monotonic()
            if event is None:
                if now - heard_at > SILENCE_S:
                    self._drop()
                    raise ModelError(f"The model worker said nothing for {SILENCE_S:.0f} s and was ended; try again.")
            elif event["id"] == self._number:
                heard_at = now
                if "result" in event or "error" in event:
                    self._open = False
                    return self._result(request, event)
                listen(event)
            if stop and cancelled_at is None:
                cancelled_at = now
                if request["method"] == "load":
                    self._drop()
                    return None
                self._worker.send({"method": "cancel", "id": self._number})
            if cancelled_at is not None and now - cancelled_at > CANCEL_S:
                self._drop()
                return None

    def _result(self, request: dict[str, Any], event: dict[str, Any]) -> object:
        if "error" in event and request["method"] == "load":
            raise ModelError(f"The model file {self._path} cannot be loaded: {event['error']}.")
        if "error" in event:
            raise ModelError(f"The model {self._name} cannot answer: {event['error']}.")
        result: Any = event["result"]
        if isinstance(result, dict):
            self._status = ModelStatus(self._name, **cast(dict[str, Any], result))
        return cast(object, result)


def _completion(plain: dict[str, Any]) -> Completion:
    return Completion(plain["text"], Ending(plain["ending"]), plain["tokens"])
