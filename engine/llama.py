"""A GGUF file as a `Model`: llama.cpp runs in a worker process, whose crash is a sentence and a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from .errors import ModelError, PromptTooLong
from .llama_process import SILENCE_S, WorkerDied, WorkerProcess
from .model import Completion, Ending, Form, Message, ModelStatus, Role, Sampling
from .stop import Stop
from .told import file_identity

POLL_S = 0.02
"""How soon a stop is noticed."""
IDLE_S = 600.0
"""After this long without a request the worker ends and gives its memory back."""
CANCEL_S = 10.0
"""A worker that does not answer a cancel for so long hangs, and is killed."""
Listener: TypeAlias = Callable[[dict[str, Any]], None]


class LlamaModel:
    """The model of one GGUF file. Usable from any thread; requests share the worker's batches, the urgent ones first.

    Nothing is started before the first request. A worker that died, or ended after `idle_s` without a request, is
    started again by the next one.
    """

    def __init__(
        self,
        path: Path,
        name: str | None = None,
        *,
        adapters: Mapping[Role, Path] | None = None,
        form: Form = Form.ENGINE,
        idle_s: float = IDLE_S,
        kept: Path | None = None,
    ) -> None:
        """`adapters`: LoRA files by `Sampling.role`; a request of any other role runs on the bare weights.

        `kept`: a folder where computed prompts outlive the worker; they hold source.
        """
        self.wear(adapters or {}, form)
        self._path = path.absolute()
        self._name = name or path.stem
        self._idle_s, self._kept = idle_s, kept
        self._starting = threading.Lock()
        self._worker: WorkerProcess | None = None
        """Set once it has loaded the file."""
        self._loading: WorkerProcess | None = None
        self._status: ModelStatus | None = None

    def wear(self, adapters: Mapping[Role, Path], form: Form) -> None:
        """From the next request on; nothing is loaded anew but the adapters themselves. `form`: theirs, in a repair."""
        self._adapters, self._form = {role: str(file.absolute()) for role, file in adapters.items()}, form

    @property
    def name(self) -> str:
        return self._name

    @property
    def form(self) -> Form:
        return self._form

    @property
    def identity(self) -> str:
        """The file, and the adapter that explains; the name alone where they are gone."""
        adapter = self._adapters.get(Role.AUDITOR)
        try:
            return file_identity(self._path, *([Path(adapter)] if adapter else []))
        except OSError:
            return str(self._path)

    @property
    def known(self) -> ModelStatus | None:
        """The last status heard; None until it was loaded. Starts and waits for nothing."""
        return self._status

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
        return self._worker is not None and self._worker.alive

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
        worker = self._worker
        if self._status and worker and worker.open_requests:
            return self._status
        self._ask({"method": "status"}, Stop(), lambda event: None)
        assert self._status
        return self._status

    def close(self) -> None:
        """End the worker, and with a ModelError the requests that it is working on. A later one starts a new worker."""
        for worker in (self._loading, self._worker):
            if worker:
                worker.close()
        with self._starting:
            if self._worker:
                self._drop(self._worker)

    def _drop(self, worker: WorkerProcess) -> None:
        """This worker is of no use any more; another thread may have replaced it already."""
        worker.close()
        if self._worker is worker:
            self._worker = None

    def _ask(self, request: dict[str, Any], stop: Stop, listen: Listener) -> object:
        """The result of one request, or None when `stop` came before there was one. Raises ModelError."""
        for again in (True, False):
            worker = None
            try:
                worker = self._ready(stop)
                return self._talk(worker, request, stop, listen) if worker else None
            except WorkerDied as death:
                if worker:
                    self._drop(worker)
                if not (again and death.idle):
                    raise ModelError(str(death)) from death
        raise AssertionError("the second try returns or raises")

    def _ready(self, stop: Stop) -> WorkerProcess | None:
        """The worker with the file loaded; None when `stop` came first. Raises ModelError, WorkerDied."""
        if stop:
            return None
        worker = self._worker
        if worker and worker.alive:
            return worker
        with self._turn(stop) as held:
            if not held:
                return None
            if self._worker and self._worker.alive:
                return self._worker
            if self._worker:
                self._drop(self._worker)
            return self._load(stop)

    @contextmanager
    def _turn(self, stop: Stop) -> Generator[bool]:
        """Wait for our turn to start the worker; False when `stop` came first."""
        held = False
        while not held and not stop:
            held = self._starting.acquire(timeout=POLL_S)
        try:
            yield held
        finally:
            if held:
                self._starting.release()

    def _load(self, stop: Stop) -> WorkerProcess | None:
        loading = self._loading = WorkerProcess(self._idle_s, self._kept)
        try:
            if self._talk(loading, {"method": "load", "path": str(self._path)}, stop, lambda event: None) is None:
                loading.close()
                return None
        except BaseException:
            loading.close()
            raise
        finally:
            self._loading = None
        self._worker = loading
        return loading

    def _talk(self, worker: WorkerProcess, request: dict[str, Any], stop: Stop, listen: Listener) -> object:
        """Send one request and follow its events to its result. Raises ModelError, WorkerDied."""
        number = worker.begin(request)
        try:
            return self._follow(worker, number, request, stop, listen)
        except (ModelError, WorkerDied):
            raise
        except BaseException:
            # Ctrl-C, or a listener's own error: what is still being computed has no reader.
            with suppress(WorkerDied):
                worker.cancel(number)
            raise
        finally:
            worker.forget(number)

    def _follow(
        self, worker: WorkerProcess, number: int, request: dict[str, Any], stop: Stop, listen: Listener
    ) -> object:
        cancelled_at: float | None = None
        heard_at = time.monotonic()
        while True:
            event = worker.receive(number, POLL_S)
            now = time.monotonic()
            if event is None:
                if now - heard_at > SILENCE_S:
                    self._drop(worker)
                    raise ModelError(f"The model worker said nothing for {SILENCE_S:.0f} s and was ended; try again.")
            else:
                heard_at = now
                if "result" in event or "error" in event:
                    return self._result(request, event)
                if "progress" in event:
                    self._status = ModelStatus(self._name, **event["progress"])
                listen(event)
            if stop and cancelled_at is None:
                now = cancelled_at = time.monotonic()  # who listens may have taken long
                if request["method"] == "load":
                    return None
                worker.cancel(number)
            if cancelled_at is not None and now - cancelled_at > CANCEL_S:
                self._drop(worker)
                return None

    def _result(self, request: dict[str, Any], event: dict[str, Any]) -> object:
        if "error" in event and request["method"] == "load":
            raise ModelError(f"The model file {self._path} cannot be loaded: {event['error']}.")
        if "error" in event:
            kind = PromptTooLong if event.get("too_long") else ModelError
            raise kind(f"The model {self._name} cannot answer: {event['error']}.")
        result: Any = event["result"]
        if isinstance(result, dict):
            self._status = ModelStatus(self._name, **cast(dict[str, Any], result))
        return cast(object, result)


def _completion(plain: dict[str, Any]) -> Completion:
    return Completion(plain["text"], Ending(plain["ending"]), plain["tokens"])
