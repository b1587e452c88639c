"""What many sequences cost: samples of one prompt from Darner's worker, from llama.cpp plainly, from its server."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
from darner.engine.llama import LlamaModel
from darner.engine.model import Sampling
from darner.engine.stop import Stop
from model_asked import FENCE, Native, Plain, Prompt, marked


def ours(model: LlamaModel, asked: Prompt, n: int, tokens: int, mark: str) -> float:
    """Tokens per second of all samples, the reading of the prompt included."""
    begun = time.perf_counter()
    done = model.sample(marked(asked, mark), Sampling(n, 0.7, max_tokens=tokens, prefill=FENCE), Stop())
    return sum(c.tokens for c in done) / (time.perf_counter() - begun)


def one_by_one(complete: Plain, asked: Prompt, calls: int, tokens: int, mark: str) -> float:
    """Tokens per second of so many calls, told from two: the first reads the prompt, the others find it read."""
    asked = marked(asked, mark)
    begun = time.perf_counter()
    first = complete(asked, 0, tokens)
    between = time.perf_counter()
    later = complete(asked, 1, tokens)
    seconds = (between - begun) + (calls - 1) * (time.perf_counter() - between)
    return (first + (calls - 1) * later) / seconds


def at_once(complete: Native, asked: Prompt, n: int, tokens: int, mark: str) -> float:
    """Tokens per second of so many requests at the same time, for each of which the server reads the prompt."""
    asked = marked(asked, mark)
    begun = time.perf_counter()
    with ThreadPoolExecutor(n) as pool:
        done = [one.result() for one in [pool.submit(complete, asked, 0.7, seed, tokens, 1) for seed in range(n)]]
    return sum(int(answer["tokens_predicted"]) for (answer,) in done) / (time.perf_counter() - begun)


def of_one(complete: Native, asked: Prompt, n: int, tokens: int, mark: str) -> float:
    """Tokens per second of one request for so many completions: the server reads the prompt once."""
    begun = time.perf_counter()
    done = complete(marked(asked, mark), 0.7, 0, tokens, n)
    return sum(int(answer["tokens_predicted"]) for answer in done) / (time.perf_counter() - begun)


def alone(complete: Native, asked: Prompt, tokens: int, mark: str) -> float:
    """Tokens per second of one greedy request behind its first token, by the server's own clock."""
    (told,) = complete(marked(asked, mark), 0.0, 0, tokens, 1)
    return float(told["timings"]["predicted_per_second"])


def cancels(model: LlamaModel, asked: Prompt, times: int) -> list[float]:
    """Milliseconds from a stop to the answer, with sixteen lanes at work."""
    return [_cancelled(model, asked) for _ in range(times)]


def _cancelled(model: LlamaModel, asked: Prompt) -> float:
    stop, stopped, begun = Stop(), [0.0], threading.Event()

    def cancel() -> None:
        stopped[0] = time.perf_counter()
        stop.cancel()

    timer = threading.Timer(0.7, cancel)

    def heard(_: int, piece: str) -> None:
        if not begun.is_set():
            begun.set()
            timer.start()

    model.sample(asked, Sampling(16, 0.7, max_tokens=400, prefill=FENCE), stop, heard)
    return 1000 * (time.perf_counter() - stopped[0])


def peak_bytes() -> int:
    """Of resident memory, of the only worker of this process, so far."""
    (worker,) = [p for p in psutil.Process().children() if "darner.engine.llama_worker" in p.cmdline()]
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@contextmanager
def load(processes: int) -> Generator[None]:
    """So many processes beside, that compute without a pause, as tests that run do."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: sum(range(10000))"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
