"""The process that owns llama.cpp: JSON lines on stdin and stdout, requests that compute together, cancel any time.

    {"id": 1, "method": "load", "path"}  -> {"id": 1, "result": {status}}
    {"id": 2, "method": "sample", "messages", "sampling", "stream", "adapter"}
                                         -> text, completion and progress events, {status}
    {"id": 2, "method": "fill", "prefix", "suffix", "sampling"}       -> as sample
    {"id": 3, "method": "score", "messages", "continuations", "adapter"}
                                         -> progress events, [log-probability, ...]
    {"id": 4, "method": "status"}        -> {status}
    {"id": 2, "method": "cancel"}    any time, no answer of its own; request 2 answers with what there is

Every request ends with exactly one line that has `result` or `error`. While a request computes or waits, a progress
event says once a second that the worker lives, with its status. End of input ends the process, even in the middle of a
computation, so that no orphan computes for nobody.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from . import llama_chat, llama_device
from .llama_adapter import AdapterRefused, Adapters
from .llama_batch import Engine, TooLong
from .llama_kept import Kept, model_key
from .llama_lane import Told
from .llama_native import Aborted, AbortFlag, Native, NativeError, Weights, bare_bindings, physical_threads
from .llama_sample import Sample
from .llama_score import Score
from .llama_work import Urgency, Work
from .model import Completion, Message, Role, Sampling

_URGENCY = {Role.COMPLETER: Urgency.TYPING, Role.AUDITOR: Urgency.READING}
_LESS_MEMORY = "close other programs or take a smaller model"
_PULSE_S = 1.0
_KEEP_S = 2.0
"""Of idleness, before prompts are written to disk: nobody is to wait for it."""
SPARE_BYTES = 400 << 20
"""Beside the weights: KV cells of the usual context, logits, and Python."""


class Refused(Exception):
    """The request cannot be done; the text is a sentence for a person."""


def main() -> None:
    """Serve until the input ends, or the seconds of the first argument pass without a request.

    The second is the folder where computed prompts are kept; empty: nowhere.
    """
    # Anything that prints must not break the protocol: keep stdout for ourselves and point fd 1 at stderr.
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    bare_bindings()
    Worker(replies, float(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None).serve()


class Worker:
    """Holds the model. A reader thread takes requests, and breaks a decode off for a cancel or for what is urgent."""

    def __init__(self, replies: BinaryIO, idle_s: float, kept: Path | None) -> None:
        self._replies, self._idle_s, self._kept = replies, idle_s, kept
        self._unkept = False
        """Something was computed since prompts were last written to disk."""
        self._requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._abort = AbortFlag()
        self._engine: Engine | None = None
        self._adapters: Adapters | None = None
        self._device = ""
        self._begun: dict[int, float] = {}
        """When each open request began to compute or to wait, by its number: seconds of the monotonic clock."""
        self._pulsed = 0.0
        self._rate: float | None = None
        self._methods = {"load": self._load, "status": self._status}
        self._works = {"sample": self._sample, "fill": self._fill, "score": self._score}

    def serve(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            # The flag goes down before the queue is read: what raised it is then seen, or raises it again.
            self._abort.set(False)
            self._take_requests()
            if self._engine and self._engine.busy:
                self._compute(self._engine)

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            request = json.loads(line)
            self._requests.put(request)
            if self._engine and self._breaks_off(request, self._engine):
                self._abort.set(True)
        # The parent is gone: nothing that is being computed has a reader.
        os._exit(0)

    def _breaks_off(self, request: dict[str, Any], engine: Engine) -> bool:
        """It ends something that is being computed, or is more urgent than that."""
        if request["method"] == "cancel":
            # Nothing is computed at this moment: the next decode may be it, begun before the cancel is read.
            return not engine.computing or request["id"] in engine.computing
        now = None if engine.protected else engine.urgency
        return now is not None and request["method"] in self._works and _urgency(request) < now

    def _take_requests(self) -> None:
        """Whatever is there; while nothing computes, wait for something."""
        while True:
            busy = self._engine is not None and self._engine.busy
            request = self._next(block=not busy)
            if request is not None:
                self._answer(request)
            elif busy:
                return
            elif self._engine and self._unkept:
                self._engine.keep()
                self._unkept = False
            else:
                # Not a return: ending the interpreter would wait for the reader thread, which waits for input.
                os._exit(0)

    def _next(self, block: bool) -> dict[str, Any] | None:
        """None when there is none at once, or after an idle while."""
        wait = None if self._engine is None else min(self._idle_s, _KEEP_S) if self._unkept else self._idle_s
        with contextlib.suppress(queue.Empty):
            return self._requests.get(block=block, timeout=wait)
        return None

    def _answer(self, request: dict[str, Any]) -> None:
        """The boundary: whatever a request raises becomes its error line."""
        number, method = request["id"], request["method"]
        try:
            if method == "cancel":
                self._cancel(number)
            elif method in self._methods:
                self._say(number, result=self._methods[method](request))
            else:
                self._begin(request)
        except TooLong as error:
            self._say(number, error=str(error), too_long=True)
        except (Refused, AdapterRefused, NativeError, llama_chat.TemplateError) as error:
            self._say(number, error=str(error))
        except Exception as error:  # a fault of ours is still an answer, and the process lives on
            self._say(number, error=f"{type(error).__name__}: {error}")

    def _begin(self, request: dict[str, Any]) -> None:
        engine = self._loaded()
        engine.add(self._works[request["method"]](request))
        self._begun[request["id"]] = time.monotonic()

    def _cancel(self, number: int) -> None:
        if self._engine and (work := self._engine.cancel(number)):
            self._finish(work)

    def _compute(self, engine: Engine) -> None:
        """One decode for all; what it ended is answered."""
        self._unkept = self._kept is not None
        try:
            for work in engine.step():
                self._finish(work)
            self._pulse()
        except Aborted:
            return
        except Exception as error:
            text = str(error) if isinstance(error, NativeError) else f"{type(error).__name__}: {error}"
            for work in engine.lose():
                del self._begun[work.number]
                self._say(work.number, error=text)

    def _finish(self, work: Work) -> None:
        seconds = max(1e-6, time.monotonic() - self._begun.pop(work.number))
        if isinstance(work, Sample):
            self._rate = work.tokens / seconds
        self._say(work.number, result=list(work.result) or None if isinstance(work, Score) else self._status({}))

    def _pulse(self) -> None:
        now = time.monotonic()
        if now - self._pulsed >= _PULSE_S:
            self._pulsed = now
            for number in self._begun:
                self._say(number, progress=self._status({}))

    def _say(self, number: int, **fields: object) -> None:
        self._replies.write(json.dumps({"id": number, **fields}).encode() + b"\n")

    # Requests

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        path = Path(request["path"])
        size = path.stat().st_size
        gpus = llama_device.gpus()
        layers = llama_device.layer_count(path) if gpus else 0
        offload = llama_device.layers_that_fit(gpus, size, layers) if gpus else 0
        _check_memory(size if offload == 0 else size * max(0, layers + 1 - offload) // (layers + 1))
        try:
            weights = Weights(str(path), offload)
        except NativeError as error:
            raise Refused(f'llama.cpp says "{error}" (the file has {size:,} bytes); {_advice(str(error))}') from error
        kept = Kept(self._kept, model_key(path, version("llama-cpp-python"))) if self._kept else None
        self._engine, self._adapters = Engine(weights, self._abort, kept), Adapters(weights, path)
        self._device = llama_device.device_name(gpus, weights.log.offloaded, weights.layers, physical_threads())
        return self._status(request)

    def _status(self, _: dict[str, Any]) -> dict[str, Any]:
        engine = self._loaded()
        return {
            "device": self._device,
            "context_tokens": engine.limit,
            "bytes": engine.weights.bytes,
            "tokens_per_second": self._rate,
            "queued": engine.queued,
            "reused_tokens": engine.reused,
        }

    def _sample(self, request: dict[str, Any]) -> Work:
        sampling = Sampling(**request["sampling"])
        return self._completions(request, self._prompt(request, sampling.prefill), sampling, self._adapter(request))

    def _fill(self, request: dict[str, Any]) -> Work:
        """What stands between two pieces of text."""
        weights = self._loaded().weights
        before, after, gap = weights.gap
        if min(before, after, gap) < 0:
            raise Refused("it was not trained to fill in; name a model that was, as qwen2.5-coder-0.5b")
        head, tail = (weights.tokenise(request[name], special=False) for name in ("prefix", "suffix"))
        return self._completions(
            request, [before, *head, after, *tail, gap], Sampling(**request["sampling"]), adapter=None
        )

    def _completions(
        self, request: dict[str, Any], prompt: list[int], sampling: Sampling, adapter: Native | None
    ) -> Work:
        number = request["id"]
        told = Told(
            (lambda i, text: self._say(number, text=[i, text])) if request["stream"] else (lambda i, text: None),
            lambda i, completion: self._say(number, completion=[i, _plain(completion)]),
        )
        return Sample(number, prompt, _urgency(request), adapter, sampling, told, self._loaded().weights)

    def _score(self, request: dict[str, Any]) -> Work:
        weights = self._loaded().weights
        continuations = [weights.tokenise(text, special=False) for text in request["continuations"]]
        return Score(request["id"], self._prompt(request, ""), self._adapter(request), continuations)

    def _prompt(self, request: dict[str, Any], prefill: str) -> list[int]:
        """The chat's tokens up to where the completion starts."""
        weights = self._loaded().weights
        messages = [Message(**message) for message in request["messages"]]
        bos, eos = weights.special_text(weights.bos), weights.special_text(weights.eos)
        tokens: list[int] = []
        for text, special in llama_chat.segments(weights.chat_template, messages, bos, eos):
            tokens += weights.tokenise(text, special=special)
        if weights.bos >= 0 and tokens[:1] != [weights.bos]:
            tokens.insert(0, weights.bos)
        return tokens + weights.tokenise(prefill, special=False)

    def _adapter(self, request: dict[str, Any]) -> Native | None:
        """The adapter that this request names."""
        self._loaded()
        assert self._adapters
        return self._adapters.get(request["adapter"]) if request["adapter"] else None

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise Refused("no model is loaded")
        return self._engine


def _urgency(request: dict[str, Any]) -> Urgency:
    """Of a fill and a sample by what they are for; scores rank repairs."""
    if request["method"] == "fill":
        return Urgency.TYPING
    return _URGENCY.get(request.get("sampling", {}).get("role"), Urgency.REPAIR)


def _plain(completion: Completion) -> dict[str, Any]:
    return {"text": completion.text, "ending": completion.ending.value, "tokens": completion.tokens}


def _advice(trouble: str) -> str:
    """What to do about llama.cpp's words when it cannot load a file."""
    return _LESS_MEMORY if "memory" in trouble else "download it again, or name another"


def _check_memory(size: int) -> None:
    """Raise Refused when the weights would not fit: being killed half-way says nothing to anybody."""
    need, free = size + SPARE_BYTES, psutil.virtual_memory().available
    if need > free:
        raise Refused(f"it needs about {need / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; {_LESS_MEMORY}")


if __name__ == "__main__":
    main()
