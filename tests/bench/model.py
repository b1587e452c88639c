"""`make bench-model`: what batches, guesses and resident prompts are worth, beside llama.cpp used plainly.

The prompts are those with which Darner asks for a repair, of the first development tasks; the same in every row. Each
row is processor-bound: run it on a quiet machine. Baselines of the same run: `Llama.create_completion`, one call after
the other, and, with `--native PYTHON` (an interpreter with xllamacpp), the native server with as many slots.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from darner.engine import catalogue, llama_chat, prompt
from darner.engine.llama import LlamaModel
from darner.engine.llama_native import physical_threads
from darner.engine.model import Message, Sampling
from darner.engine.prompt import Attempt, Target
from darner.engine.source import Source
from darner.engine.stop import Stop
from repair import TASKS, machine, tasks

Prompt = tuple[Message, ...]
_FENCE = "```python\n"
_CONTEXT = 16_384


def main() -> int:
    options = parse_arguments()
    asked = prompts(options)
    file = catalogue.pull(options.model)
    print(f"{machine()}; {options.model}; {len(asked)} prompts; {options.tokens} tokens a sample; seed 0", flush=True)
    with opened(file) as model:
        ours = {n: rates(asked, lambda p, n=n: ours_of(model, p, n, options.tokens)) for n in (1, 8, 16)}
        greedy, texts = timed_texts(asked, lambda p: greedy_of(model, p, options.tokens))
        rounds(model, asked, options.tokens)
        cancels(model, asked[0])
        memory(model, file)
    with plain(file) as complete:
        eight = rates(asked[: options.plain], lambda p: [complete(p, 0.7, seed, options.tokens) for seed in range(8)])
        alone, same = timed_texts(asked, lambda p: [complete(p, 0.0, 0, options.tokens)])
    row("tokens/s, 8 calls of create_completion", eight)
    for n, found in ours.items():
        row(f"tokens/s, {n} samples in one batch", found)
        ratio(f"  against create_completion ({n})", found, eight)
    row("seconds, greedy, plain", alone)
    row("seconds, greedy, with guesses", greedy)
    ratio("  plain against guesses", alone, greedy)
    print(f"  the same text: {sum(a == b for a, b in zip(texts, same, strict=True))} of {len(texts)}")
    if options.native:
        native(options, file, asked, ours)
    return 0


def native(options: argparse.Namespace, file: Path, asked: Sequence[Prompt], ours: dict[int, list[float]]) -> None:
    for slots in (8, 16):
        with server(options.native, file, slots) as complete:
            found = rates(asked, lambda p, s=slots, c=complete: together(c, p, s, options.tokens))
        row(f"tokens/s, native server, {slots} slots", found)
        ratio(f"  ours against it ({slots})", ours[slots], found)


# What is asked


def prompts(options: argparse.Namespace) -> list[Prompt]:
    """Of the first tasks of both sets, in turn."""
    half = math.ceil(options.prompts / 2)
    names = ("humanevalfix-dev", "quixbugs")
    both = [list(tasks(options.tasks / f"{name}.jsonl", half)) for name in names]
    return [prompt.repair(target(task)) for pair in zip(*both, strict=True) for task in pair][: options.prompts]


def target(task: dict[str, Any]) -> Target:
    source = Source.parse(task["file"], task["source"].encode())
    function = next(f for f in source.functions() if f.qualname == task["entry_point"])
    return Target(source, function, task["visible_tests"], ())


# Who answers


@contextmanager
def opened(file: Path) -> Generator[LlamaModel]:
    model = LlamaModel(file)
    try:
        model.status()
        yield model
    finally:
        model.close()


def ours_of(model: LlamaModel, asked: Prompt, n: int, tokens: int) -> list[int]:
    """Tokens of each sample."""
    done = model.sample(asked, Sampling(n, 0.7, max_tokens=tokens, prefill=_FENCE), Stop())
    return [c.tokens for c in done]


def greedy_of(model: LlamaModel, asked: Prompt, tokens: int) -> list[str]:
    return [c.text for c in model.sample(asked, Sampling(1, 0.0, max_tokens=tokens, prefill=_FENCE), Stop())]


@contextmanager
def plain(file: Path) -> Generator[Callable[[Prompt, float, int, int], Any]]:
    """llama-cpp-python's own high-level class, as its documentation shows it; it keeps the last prompt, too."""
    Llama: Any = importlib.import_module("llama_cpp").Llama
    threads = physical_threads()
    llama = Llama(str(file), n_ctx=4096, n_threads=threads, n_threads_batch=threads, verbose=False)
    template = llama.metadata["tokenizer.chat_template"]

    def complete(asked: Prompt, temperature: float, seed: int, tokens: int) -> Any:  # noqa: ANN401
        answer: Any = llama.create_completion(
            chat_text(template, asked), max_tokens=tokens, temperature=temperature, top_p=0.95, top_k=100, seed=seed
        )
        return int(answer["usage"]["completion_tokens"]) if temperature else str(answer["choices"][0]["text"])

    yield complete
    llama.close()


def chat_text(template: str, asked: Prompt) -> str:
    return "".join(text for text, _ in llama_chat.segments(template, asked, "", "<|im_end|>")) + _FENCE


@contextmanager
def server(python: Path, file: Path, slots: int) -> Generator[Callable[[Prompt, int, int], int]]:
    Llama: Any = importlib.import_module("llama_cpp").Llama
    template = Llama(str(file), vocab_only=True, verbose=False).metadata["tokenizer.chat_template"]
    words = (str(file), str(slots), str(_CONTEXT), str(physical_threads()))
    script = Path(__file__).with_name("native_server.py")
    with subprocess.Popen(
        (str(python), str(script), *words),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdin
        address = process.stdout.readline().strip()

        def complete(asked: Prompt, seed: int, tokens: int) -> int:
            body = {"prompt": chat_text(template, asked), "n_predict": tokens, "temperature": 0.7, "top_p": 0.95}
            data = json.dumps({**body, "top_k": 100, "seed": seed, "cache_prompt": True}).encode()
            request = urllib.request.Request(f"{address}/completion", data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=600) as answer:
                return int(json.load(answer)["tokens_predicted"])

        yield complete
        process.stdin.close()
        process.wait(30)


def together(complete: Callable[[Prompt, int, int], int], asked: Prompt, slots: int, tokens: int) -> list[int]:
    with ThreadPoolExecutor(slots) as pool:
        return [one.result() for one in [pool.submit(complete, asked, seed, tokens) for seed in range(slots)]]


# What is measured


def rates(asked: Sequence[Prompt], answer: Callable[[Prompt], Sequence[int]]) -> list[float]:
    """Tokens per second of all samples of a prompt, its reading included."""
    found: list[float] = []
    for one in asked:
        begun = time.perf_counter()
        tokens = sum(answer(one))
        found.append(tokens / (time.perf_counter() - begun))
    return found


def timed_texts(asked: Sequence[Prompt], answer: Callable[[Prompt], Sequence[str]]) -> tuple[list[float], list[str]]:
    seconds: list[float] = []
    texts: list[str] = []
    for one in asked:
        begun = time.perf_counter()
        texts += answer(one)
        seconds.append(time.perf_counter() - begun)
    return seconds, texts


def rounds(model: LlamaModel, asked: Sequence[Prompt], tokens: int) -> None:
    """Time to the first token of a prompt that nobody knows, and of the one that tells what came of it."""
    first: list[float] = []
    second: list[float] = []
    for one in asked:
        model.sample((Message("user", "something else " * 40),), Sampling(max_tokens=1), Stop())
        fresh = (*one[:-1], Message("user", f"{one[-1].content[:40]} {time.perf_counter()} {one[-1].content[40:]}"))
        first.append(first_token(model, fresh, tokens))
        told = Message("user", f"{fresh[-1].content}\n{Attempt('', 'AssertionError: assert 3 == 4').feedback}")
        second.append(first_token(model, (*fresh[:-1], told), tokens))
    row("seconds to the first token, first round", first)
    row("seconds to the first token, second round", second)
    ratio("  second against first", second, first)


def first_token(model: LlamaModel, asked: Prompt, tokens: int) -> float:
    begun, stop, at = time.perf_counter(), Stop(), [0.0]

    def heard(_: int, piece: str) -> None:
        at[0] = at[0] or time.perf_counter()
        stop.cancel()

    model.sample(asked, Sampling(1, 0.7, max_tokens=tokens), stop, heard)
    return at[0] - begun


def cancels(model: LlamaModel, asked: Prompt) -> None:
    """From the stop to the answer, with sixteen lanes at work."""
    found: list[float] = []
    for _ in range(10):
        stop, stopped = Stop(), [0.0]

        def cancel(stop: Stop = stop, stopped: list[float] = stopped) -> None:
            stopped[0] = time.perf_counter()
            stop.cancel()

        timer: list[threading.Timer] = []

        def begin(
            _: int, piece: str, timer: list[threading.Timer] = timer, cancel: Callable[[], None] = cancel
        ) -> None:
            if not timer:
                timer.append(threading.Timer(0.7, cancel))
                timer[0].start()

        model.sample(asked, Sampling(16, 0.7, max_tokens=400, prefill=_FENCE), stop, begin)
        found.append(1000 * (time.perf_counter() - stopped[0]))
    row("ms from a cancel to idle, 16 samples", found)


def memory(model: LlamaModel, file: Path) -> None:
    """Of the worker, after all of the above."""
    mine = [p for p in psutil.Process().children() if "darner.engine.llama_worker" in p.cmdline()]
    rss, size = mine[0].memory_info().rss / 1e6, file.stat().st_size / 1e6
    print(f"{'MB of the worker: all, the model file, the rest':52} {rss:8.0f} {size:8.0f} {rss - size:8.0f}")


def row(name: str, values: Sequence[float]) -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:52} {low:8.2f} {middle:8.2f} {high:8.2f}   (min, median, max of {len(values)})", flush=True)


def ratio(name: str, these: Sequence[float], those: Sequence[float]) -> None:
    print(f"{name:52} {statistics.median(these) / statistics.median(those):8.2f}   (ratio of the medians)", flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--tasks", type=Path, default=TASKS)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--plain", type=int, default=4, help="prompts of the slow baseline")
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--native", type=Path, help="a Python with xllamacpp")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
