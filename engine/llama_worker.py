"""The process that owns llama.cpp: JSON lines on stdin and stdout, one request at a time, cancel between two tokens.

    {"id": 1, "method": "load", "path"}  -> {"id": 1, "result": {status}}
    {"id": 2, "method": "sample", "messages", "sampling", "stream", "adapter"}
                                         -> text, completion and progress events, {status}
    {"id": 2, "method": "fill", "prefix", "suffix", "sampling"}       -> as sample
    {"id": 3, "method": "score", "messages", "continuations", "adapter"}
                                         -> progress events, [log-probability, ...]
    {"id": 4, "method": "status"}        -> {status}
    {"id": 2, "method": "cancel"}    any time, no answer of its own; request 2 answers with what there is

Every request ends with exactly one line that has `result` or `error`. End of input ends the process, even in the middle
of a computation, so that no orphan computes for nobody.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from . import llama_chat, llama_device, llama_score
from .llama_adapter import AdapterRefused, Adapters
from .llama_batch import Engine, Told, TooLong
from .llama_native import BATCH_TOKENS, Aborted, AbortFlag, NativeError, Weights, physical_threads
from .model import Completion, Message, Sampling

_FILL_BATCH = 32
SPARE_BYTES = 400 << 20
"""Beside the weights: KV cells of the usual context, logits, and Python."""


class Refused(Exception):
    """The request cannot be done; the text is a sentence for a person."""


def main() -> None:
    """Serve until the input ends, or the seconds of the one argument pass without a request."""
    # Anything that prints must not break the protocol: keep stdout for ourselves and point fd 1 at stderr.
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    Worker(replies, float(sys.argv[1])).serve()


class Worker:
    """Holds the model; requests come from a reader thread, which takes cancels while this thread computes."""

    def __init__(self, replies: BinaryIO, idle_s: float) -> None:
        self._replies, self._idle_s = replies, idle_s
        self._requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._abort = AbortFlag()
        self._lock = threading.Lock()
        self._current: int | None = None
        self._cancelled: set[int] = set()
        self._engine: Engine | None = None
        self._adapters: Adapters | None = None
        self._device = ""
        self._rate: float | None = None
        self._methods = {
            "load": self._load,
            "status": self._status,
            "sample": self._sample,
            "fill": self._fill,
            "score": self._score,
        }

    def serve(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            try:
                self._answer(self._requests.get(timeout=self._idle_s if self._engine else None))
            except queue.Empty:
                # Not a return: ending the interpreter would wait for the reader thread, which waits for input.
                os._exit(0)

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            request = json.loads(line)
            if request["method"] != "cancel":
                self._requests.put(request)
                continue
            with self._lock:
                self._cancelled.add(request["id"])
                if self._current == request["id"]:
                    self._abort.set(True)
        # The parent is gone: nothing that is being computed has a reader.
        os._exit(0)

    def _answer(self, request: dict[str, Any]) -> None:
        """The boundary: whatever a request raises becomes its error line."""
        number = request["id"]
        with self._lock:
            self._current = number
            self._abort.set(number in self._cancelled)
        try:
            answer: dict[str, object] = {"result": self._methods[request["method"]](request)}
        except Aborted:
            answer = {"result": None}
        except (Refused, TooLong, AdapterRefused, NativeError, llama_chat.TemplateError) as error:
            answer = {"error": str(error)}
        except Exception as error:  # a fault of ours is still an answer, and the process lives on
            answer = {"error": f"{type(error).__name__}: {error}"}
        with self._lock:
            self._current = None
            self._cancelled.discard(number)
        self._say(number, **answer)

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
            raise Refused(
                f'llama.cpp says "{error}" (the file has {size:,} bytes); download it again, or name another'
            ) from error
        self._engine, self._adapters = Engine(weights, self._abort), Adapters(weights, path)
        self._device = llama_device.device_name(gpus, weights.log.offloaded, weights.layers, physical_threads())
        return self._status(request)

    def _status(self, _: dict[str, Any]) -> dict[str, Any]:
        engine = self._loaded()
        return {
            "device": self._device,
            "context_tokens": engine.limit,
            "bytes": engine.weights.bytes,
            "tokens_per_second": self._rate,
        }

    def _sample(self, request: dict[str, Any]) -> dict[str, Any]:
        engine, sampling = self._adapted(request), Sampling(**request["sampling"])
        return self._complete(request, engine, self._prompt(request, sampling.prefill), sampling, BATCH_TOKENS)

    def _fill(self, request: dict[str, Any]) -> dict[str, Any]:
        """What stands between two pieces of text. In small batches: a cancel keeps what is computed so far."""
        engine = self._loaded()
        weights, (before, after, gap) = engine.weights, engine.weights.gap
        if min(before, after, gap) < 0:
            raise Refused("it was not trained to fill in; name a model that was, as qwen2.5-coder-0.5b")
        engine.adapt(None)
        head, tail = (weights.tokenise(request[name], special=False) for name in ("prefix", "suffix"))
        prompt = [before, *head, after, *tail, gap]
        return self._complete(request, engine, prompt, Sampling(**request["sampling"]), _FILL_BATCH)

    def _complete(
        self, request: dict[str, Any], engine: Engine, prompt: list[int], sampling: Sampling, batch: int
    ) -> dict[str, Any]:
        number = request["id"]
        told = Told(
            (lambda i, text: self._say(number, text=[i, text])) if request["stream"] else (lambda i, text: None),
            lambda i, completion: self._say(number, completion=[i, _plain(completion)]),
            lambda: self._say(number, progress=True),
        )
        started = time.monotonic()
        done = engine.sample(prompt, sampling, told, batch)
        self._rate = sum(c.tokens for c in done) / max(1e-6, time.monotonic() - started)
        return self._status(request)

    def _score(self, request: dict[str, Any]) -> list[float]:
        engine = self._adapted(request)
        continuations = [engine.weights.tokenise(text, special=False) for text in request["continuations"]]
        progress = lambda: self._say(request["id"], progress=True)  # noqa: E731
        return list(llama_score.score(engine, self._prompt(request, ""), continuations, progress))

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

    def _adapted(self, request: dict[str, Any]) -> Engine:
        """The engine, with the adapter that this request names over the weights."""
        engine, path = self._loaded(), request["adapter"]
        assert self._adapters
        engine.adapt(self._adapters.get(path) if path else None)
        return engine

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise Refused("no model is loaded")
        return self._engine


def _plain(completion: Completion) -> dict[str, Any]:
    return {"text": completion.text, "ending": completion.ending.value, "tokens": completion.tokens}


def _check_memory(size: int) -> None:
    """Raise Refused when the weights would not fit: being killed half-way says nothing to anybody."""
    need, free = size + SPARE_BYTES, psutil.virtual_memory().available
    if need > free:
        raise Refused(
            f"it needs about {need / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; "
            "close other programs or take a smaller model"
        )


if __name__ == "__main__":
    main()
