"""`make bench-model`: what batches, guesses and resident prompts are worth, beside llama.cpp used plainly.

The prompts are those with which Darner asks for a repair, of the first development tasks. Everybody is asked on the
same prompt in turn, behind a line that is new each time, so that each reads the whole prompt; ratios are of one prompt,
their median is told. `--load N` does all of it beside N busy processes. `--native PYTHON` is an interpreter with
xllamacpp. Its server is asked for all samples in one request, and on a few prompts in a request for each sample, as an
editor's jobs would: it then reads the prompt for every slot, which takes minutes.

A run that was stopped, or had its `--minutes`, goes on behind the last figure of `--out`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Self

import model_many
from darner.engine import catalogue
from darner.engine.llama import LlamaModel
from darner.engine.llama_process import QUIET_THREADS
from model_alone import FIRST, OneSequence, rows_cost
from model_asked import Native, Plain, Prompt, native, opened, plain, prompts
from model_recording import Recording, told
from repair import TASKS, commit, machine

_ROWS = (1, 2, 3, 4, 6, 8, 12, 15, 16, 24, 32)


def main() -> int:
    options = parse_arguments()
    os.environ.update(QUIET_THREADS)  # for everybody that is asked, read when llama.cpp is loaded
    file = catalogue.pull(options.model)
    made = {"machine": machine(), "model": options.model, "tokens": options.tokens, "seed": 0, "commit": commit()}
    recording = Recording(options.out or Path("bench-results") / f"model-{options.model}.jsonl", made)
    print(f"{made}; recording {options.out or 'bench-results'}", flush=True)
    asked = prompts(options.tasks, options.prompts)
    with Contestants(file, options.native) as who, model_many.load(options.load):
        begun = time.monotonic()
        for i, one in enumerate(asked):
            if time.monotonic() - begun > 60 * options.minutes:
                print(f"{options.minutes} minutes are over before prompt {i}; the same command goes on", flush=True)
                break
            measure(recording, who, i, one, options)
        show(recording, options.load)
        once(who, asked[0])
    return 0


class Contestants:
    """Whoever is asked, each opened when it is first wanted: most of them load the model."""

    def __init__(self, file: Path, python: Path | None) -> None:
        self.file, self._python = file, python
        self._stack = ExitStack()
        self._native: dict[int, Native] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def worker(self) -> LlamaModel:
        return self._stack.enter_context(opened(self.file))

    @cached_property
    def plain(self) -> Plain:
        return self._stack.enter_context(plain(self.file))

    @cached_property
    def alone(self) -> OneSequence:
        return OneSequence(self.file)

    def native(self, slots: int) -> Native:
        assert self._python
        if slots not in self._native:
            server = native(self._python, self.file, slots, self.alone.weights.chat_template)
            self._native[slots] = self._stack.enter_context(server)
        return self._native[slots]


def measure(recording: Recording, who: Contestants, i: int, asked: Prompt, options: argparse.Namespace) -> None:
    """Every figure of one prompt that is not in the recording."""
    tokens, load = options.tokens, options.load
    if not recording.has(i, load, FIRST):
        for name, value in who.alone.row(asked, tokens, mark()).items():
            recording.add({"prompt": i, "load": load, "name": name, "value": value})
    for name, figure in figures(who, i, asked, options).items():
        if not recording.has(i, load, name):
            recording.add({"prompt": i, "load": load, "name": name, "value": figure()})


def figures(who: Contestants, i: int, asked: Prompt, options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """What is measured of this prompt beside the single sequence, in this order."""
    tokens, found = options.tokens, dict[str, Callable[[], float]]()
    if i % options.batch_every == 0:
        for n in (8, 16):
            found[f"{n} samples"] = lambda n=n: model_many.ours(who.worker, asked, n, tokens, mark())
        for n in (8, 16):
            found[f"{n} calls"] = lambda n=n: model_many.one_by_one(who.plain, asked, n, tokens, mark())
        for n in (8, 16) if options.native else ():
            found[f"native, {n} of one request"] = lambda n=n: model_many.of_one(
                who.native(n), asked, n, tokens, mark()
            )
        if options.native:
            found["native, greedy"] = lambda: model_many.alone(who.native(1), asked, tokens, mark())
    if options.native and options.native_every and i % options.native_every == 0:
        for n in (8, 16):
            found[f"native, {n} slots"] = lambda n=n: model_many.at_once(who.native(n), asked, n, tokens, mark())
    return found


def mark() -> str:
    """Never the same twice."""
    return f"{time.time_ns():x}"


def show(recording: Recording, load: int) -> None:
    print(f"\n{'load of ' + str(load) if load else 'quiet':56} {'min':>8} {'median':>8} {'max':>8}")
    for name in ("{} samples", "{} calls", "native, {} of one request", "native, {} slots"):
        for n in (8, 16):
            print(told(f"tokens/s, {name.format(n)}", recording.values(name.format(n), load)))
    for name in ("greedy, no guesses", "greedy, guesses", "native, greedy"):
        print(told(f"tokens/s, {name}", recording.values(name, load)))
    for n, calls, slots in ((8, 3, 1.5), (16, 5, 2.5)):
        print(told(f"{n} samples / {n} calls", recording.pairs(f"{n} samples", f"{n} calls", load), f">= {calls}"))
        for name in (f"native, {n} of one request", f"native, {n} slots"):
            print(told(f"{n} samples / {name}", recording.pairs(f"{n} samples", name, load), f">= {slots}"))
    for name, other, bar in (
        ("greedy, no guesses", "native, greedy", ">= 0.97"),
        ("greedy, guesses", "greedy, no guesses", ">= 1.5"),
        ("first token, second round", FIRST, "<= 0.25"),
    ):
        print(told(f"{name} / {other}", recording.pairs(name, other, load), bar))
    same = recording.values("the same text", load)
    print(f"{'the same text with guesses as without':56} {sum(same):.0f} of {len(same)}", flush=True)


def once(who: Contestants, asked: Prompt) -> None:
    """What needs no second prompt: cancels, memory, and what rows cost."""
    print(told("ms from a cancel to idle, 16 samples", model_many.cancels(who.worker, asked, 10), "<= 100"), flush=True)
    size, kv = who.file.stat().st_size, who.alone.weights.kv_bytes_per_token
    cells, peak = who.worker.status().context_tokens, model_many.peak_bytes()
    print(
        f"peak of the worker {peak / 1e6:.0f} MB: model file {size / 1e6:.0f}, {kv / 1e3:.1f} KB a token of KV; "
        f"limit of the context {cells}"
    )
    for rows, ms in rows_cost(who.alone.weights, _ROWS).items():
        print(f"{f'ms of a decode of {rows} rows, and by row':56} {ms:8.1f} {ms / rows:8.1f}", flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--tasks", type=Path, default=TASKS)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--batch-every", type=int, default=4, help="of so many prompts one is asked in batches")
    parser.add_argument("--native-every", type=int, default=10, help="and one of each slot for itself; 0: none")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--load", type=int, default=0, help="busy processes beside")
    parser.add_argument("--native", type=Path, help="a Python with xllamacpp")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
