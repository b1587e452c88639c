"""Whom `make bench-model` asks, and what: repair prompts of development tasks, llama.cpp plainly, its own server."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from darner.engine import llama_chat, prompt
from darner.engine.llama import LlamaModel
from darner.engine.llama_native import physical_threads
from darner.engine.model import Message
from darner.engine.prompt import Target
from darner.engine.source import Source
from repair import tasks

Prompt = tuple[Message, ...]
FENCE = "```python\n"
_CONTEXT = 16_384
_TOP_P, _TOP_K = 0.95, 100
_SETS = ("humanevalfix-dev", "quixbugs")

Plain = Callable[[Prompt, int, int], int]
"""(prompt, seed, most tokens) -> tokens written."""
Answer = dict[str, Any]
Native = Callable[[Prompt, float, int, int, int], list[Answer]]
"""(prompt, temperature, seed, most tokens, completions) -> what the native server says of each."""


def prompts(folder: Path, count: int) -> list[Prompt]:
    """Of the first tasks of both sets, in turn."""
    both = [list(tasks(folder / f"{name}.jsonl", math.ceil(count / 2))) for name in _SETS]
    return [prompt.repair(target(task)) for pair in zip(*both, strict=True) for task in pair][:count]


def target(task: dict[str, Any]) -> Target:
    source = Source.parse(task["file"], task["source"].encode())
    function = next(f for f in source.functions() if f.qualname == task["entry_point"])
    return Target(source, function, task["visible_tests"], ())


def marked(asked: Prompt, mark: str) -> Prompt:
    """The same prompt behind a line that nobody knows yet: whoever answers reads it from the beginning."""
    return (Message(asked[0].role, f"({mark}) {asked[0].content}"), *asked[1:])


def chat_text(template: str | None, asked: Prompt) -> str:
    return "".join(text for text, _ in llama_chat.segments(template, asked, "", "<|im_end|>")) + FENCE


@contextmanager
def opened(file: Path) -> Generator[LlamaModel]:
    model = LlamaModel(file)
    try:
        model.status()
        yield model
    finally:
        model.close()


@contextmanager
def plain(file: Path) -> Generator[Plain]:
    """llama-cpp-python's own high-level class, as its documentation shows it; it keeps the last prompt, too."""
    Llama: Any = importlib.import_module("llama_cpp").Llama
    threads = physical_threads()
    llama = Llama(str(file), n_ctx=4096, n_threads=threads, n_threads_batch=threads, verbose=False)
    template = llama.metadata["tokenizer.chat_template"]

    def complete(asked: Prompt, seed: int, tokens: int) -> int:
        text = chat_text(template, asked)
        answer: Any = llama.create_completion(
            text, max_tokens=tokens, temperature=0.7, top_p=_TOP_P, top_k=_TOP_K, seed=seed
        )
        return int(answer["usage"]["completion_tokens"])

    yield complete
    llama.close()


@contextmanager
def native(python: Path, file: Path, slots: int, template: str | None) -> Generator[Native]:
    """llama.cpp's own server with so many slots, in a process of its own."""
    words = (str(file), str(slots), str(_CONTEXT), str(physical_threads()))
    script = Path(__file__).with_name("native_server.py")
    command = (str(python), str(script), *words)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        assert process.stdin
        address = process.stdout.readline().strip()

        def complete(asked: Prompt, temperature: float, seed: int, tokens: int, n: int) -> list[Answer]:
            body = {"prompt": chat_text(template, asked), "n_predict": tokens, "temperature": temperature, "n_cmpl": n}
            more = {"top_p": _TOP_P, "top_k": _TOP_K, "seed": seed, "cache_prompt": True}
            data = json.dumps({**body, **more}).encode()
            request = urllib.request.Request(f"{address}/completion", data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=600) as answer:
                said: Answer | list[Answer] = json.load(answer)
            return said if isinstance(said, list) else [said]

        yield complete
        process.stdin.close()
        process.wait(30)
