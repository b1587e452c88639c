"""What one sequence costs, measured inside one process: the first token, greedy text with and without guesses, rows.

The model worker's own engine, asked directly: a request of the worker cannot leave guessing out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from darner.engine.llama_batch import Engine
from darner.engine.llama_lane import Told
from darner.engine.llama_native import AbortFlag, Context, Entry, Weights
from darner.engine.llama_sample import Sample
from darner.engine.llama_work import Urgency
from darner.engine.model import Completion, Message, Sampling
from darner.engine.prompt import Attempt
from model_asked import Prompt, chat_text, marked

_NUMBERS = count(1)
FIRST = "first token, first round"


@dataclass(frozen=True)
class Alone:
    text: str
    tokens: int
    first: float
    """Seconds to the first token."""
    rate: float
    """Tokens per second behind the first token."""


class OneSequence:
    def __init__(self, file: Path) -> None:
        self.weights = Weights(str(file), 0)
        self._engine = Engine(self.weights, AbortFlag())

    def ask(self, asked: Prompt, sampling: Sampling, guessing: bool) -> Alone:
        """One completion; the prompt is read as far as it is not resident."""
        ended: list[Completion] = []
        times: list[float] = []

        def text(_: int, piece: str) -> None:
            times.append(time.perf_counter())

        told = Told(text, lambda _, completion: ended.append(completion))
        tokens = self.weights.tokenise(chat_text(self.weights.chat_template, asked), special=True)
        begun = time.perf_counter()
        work = Sample(next(_NUMBERS), tokens, Urgency.REPAIR, None, sampling, told, self.weights, guessing=guessing)
        self._engine.add(work)
        while self._engine.busy:
            self._engine.step()
        seconds = time.perf_counter() - times[0]
        return Alone(ended[0].text, ended[0].tokens, times[0] - begun, max(1, ended[0].tokens - 1) / max(1e-6, seconds))

    def row(self, asked: Prompt, tokens: int, mark: str) -> dict[str, float]:
        """First token of a prompt that nobody knows; greedy text from it, both ways; first token of the next round."""
        asked = marked(asked, mark)
        greedy, one = Sampling(1, 0.0, max_tokens=tokens), Sampling(1, 0.0, max_tokens=2)
        fresh = self.ask(asked, one, guessing=False)
        without = self.ask(asked, greedy, guessing=False)
        guessed = self.ask(asked, greedy, guessing=True)
        told = Message("user", f"{asked[-1].content}\n{Attempt('', 'AssertionError: assert 3 == 4').feedback}")
        second = self.ask((*asked[:-1], told), one, guessing=False)
        return {
            FIRST: fresh.first,
            "first token, second round": second.first,
            "greedy, no guesses": without.rate,
            "greedy, guesses": guessed.rate,
            "the same text": float(without.text == guessed.text),
        }

    def close(self) -> None:
        self._engine.lose()


def rows_cost(weights: Weights, sizes: tuple[int, ...]) -> dict[int, float]:
    """Milliseconds of one decode of so many sequences, the best of four, behind a prompt of 300 tokens."""
    context = Context(weights, 2048, max(sizes) + 1, AbortFlag())
    prompt = (weights.tokenise("def f(x):\n    return x\n" * 60, special=False) * 2)[:300]
    context.decode([Entry(token, i, (0,)) for i, token in enumerate(prompt)])
    found: dict[int, float] = {}
    for size in sizes:
        seconds: list[float] = []
        for _ in range(4):
            lanes = range(1, size + 1)
            for lane in lanes:
                context.share(0, lane)
            begun = time.perf_counter()
            context.decode([Entry(prompt[lane], len(prompt), (lane,), True) for lane in lanes])
            seconds.append(time.perf_counter() - begun)
            context.forget(lanes)
        found[size] = 1000 * min(seconds)
    context.close()
    return found
