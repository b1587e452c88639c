"""Requests that share the worker's batches: each gets what it would get alone, and the urgent ones go first.

llama.cpp adds up attention in 16 bits and in the order of the cells, so that the same request in a fuller context has
logits that differ by about 0.01, and one draw in a hundred comes out differently: what is compared is how many texts
begin alike. A request that saw another's cells would agree with itself alone nowhere.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from darner.engine.errors import ModelError
from darner.engine.llama import LlamaModel
from darner.engine.llama_native import AbortFlag, Context, Entry, Sampler, Weights
from darner.engine.model import Completion, Ending, Message, Role, Sampling
from darner.engine.stop import Stop
from model_worker import worker_pid


def ask(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def alike(some: Iterable[Completion], others: Iterable[Completion], characters: int) -> float:
    """Share of the texts that begin with the same characters."""
    pairs = list(zip(some, others, strict=True))
    return sum(a.text[:characters] == b.text[:characters] for a, b in pairs) / len(pairs)


def long_one(model: LlamaModel, stop: Stop, begun: threading.Event) -> tuple[Completion, ...]:
    return model.sample(ask("long"), Sampling(n=2, max_tokens=1500), stop, lambda i, piece: begun.set())


def test_requests_at_the_same_time_get_the_texts_that_they_get_alone(tiny: LlamaModel) -> None:
    """Cells, samplers and guesses of one request must not touch another's, whatever shares a batch with what."""
    asked = [(ask("ab" * (3 * k + 1)), Sampling(n=1 + k % 4, max_tokens=30 + k, seed=100 * k)) for k in range(7)]
    alone = [tiny.sample(messages, sampling, Stop()) for messages, sampling in asked]
    with ThreadPoolExecutor(len(asked)) as pool:
        open_ones = [pool.submit(tiny.sample, messages, sampling, Stop()) for messages, sampling in asked]
        together = [one.result(60) for one in open_ones]

    assert alike(chain(*together), chain(*alone), 10) > 0.6
    assert [len(many) for many in together] == [len(many) for many in alone]


def test_scores_beside_samples_are_the_scores_alone(tiny: LlamaModel) -> None:
    """A score reads logits of its own rows only, also when its sequences come late."""
    options = [chr(97 + i) * (1 + i % 5) for i in range(24)]
    alone = tiny.score(ask("rank"), options, Stop())
    begun, enough = threading.Event(), Stop()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(long_one, tiny, enough, begun)
        begun.wait(60)
        beside = tiny.score(ask("rank"), options, Stop())
        enough.cancel()
        other.result(60)

    assert beside == pytest.approx(alone, abs=0.2)


def test_ghost_text_is_answered_while_a_repair_runs_and_the_repair_stays_the_same(tiny: LlamaModel) -> None:
    """What is urgent breaks a decode off; the broken one is done again and changes no text."""
    sampling = Sampling(n=16, max_tokens=300)
    alone = tiny.sample(ask("long"), sampling, Stop())
    quick = Sampling(n=1, max_tokens=5, role=Role.COMPLETER)
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        repair = pool.submit(tiny.sample, ask("long"), sampling, Stop(), lambda i, piece: begun.set())
        begun.wait(60)
        answered = 0
        while not repair.done():
            assert tiny.sample(ask(f"ghost {answered}"), quick, Stop())[0].tokens == 5
            answered += not repair.done()

    assert answered >= 3
    assert alike(repair.result(), alone, 30) > 0.3
    assert [c.tokens for c in repair.result()] == [300] * 16


def test_what_is_urgent_does_not_wait_for_a_full_house(tiny: LlamaModel) -> None:
    """Repairs that take every lane, slot and cell they can get leave some for an explanation."""
    stop, begun = Stop(), threading.Event()

    def fill_the_house(seed: int) -> tuple[Completion, ...]:
        sampling = Sampling(n=16, max_tokens=1400, seed=seed)
        return tiny.sample(ask(f"{seed}" * 50), sampling, stop, lambda i, piece: begun.set())

    with ThreadPoolExecutor(6) as pool:
        busy = [pool.submit(fill_the_house, seed) for seed in range(6)]
        begun.wait(60)
        done = tiny.sample(ask("why"), Sampling(max_tokens=3, role=Role.AUDITOR), Stop())
        waiting = tiny.status().queued
        stop.cancel()
        rest = [one.result(60) for one in busy]

    assert done[0].tokens == 3
    assert waiting >= 1
    assert all(len(many) == 16 for many in rest)


def test_prompts_that_take_turns_stay_resident(tiny_file: Path) -> None:
    """A repair and its explanation alternate: neither may cost the other its computed beginning."""
    model = LlamaModel(tiny_file)
    try:
        first, second = "a" * 400, "b" * 400
        for text in (first, second):
            model.sample(ask(text + "!"), Sampling(max_tokens=8), Stop())
        before = model.status().reused_tokens
        for text in (first, second):
            model.sample(ask(text + "?"), Sampling(max_tokens=8), Stop())

        assert model.status().reused_tokens - before >= 2 * 400
    finally:
        model.close()


def test_every_open_request_hears_of_a_killed_worker(tiny_file: Path) -> None:
    """Nobody may wait for ever on an answer that cannot come, and the next request works."""
    model = LlamaModel(tiny_file)
    stop, begun, pid = Stop(), threading.Event(), worker_pid(model)
    try:
        with ThreadPoolExecutor(3) as pool:
            open_ones = [pool.submit(long_one, model, stop, begun) for _ in range(3)]
            begun.wait(60)
            os.kill(pid, signal.SIGKILL)
            for one in open_ones:
                with pytest.raises(ModelError, match=r"killed.*memory"):
                    one.result(60)

        assert model.sample(ask("x"), Sampling(max_tokens=2), Stop())[0].ending is Ending.LENGTH
    finally:
        model.close()


@pytest.mark.slow
def test_fifty_kills_at_random_lose_no_request_in_silence(tiny_file: Path) -> None:
    """Whenever the worker dies, each request ends with its answer or with a sentence, and the next one is answered."""
    model, chance, over = LlamaModel(tiny_file), random.Random(1), threading.Event()
    killed = set[int]()

    def keep_asking(seed: int) -> tuple[int, int]:
        answered = refused = 0
        while not over.is_set():
            try:
                done = model.sample(ask(f"{seed} {answered}"), Sampling(n=4, max_tokens=60, seed=seed), Stop())
                assert [c.tokens for c in done] == [60] * 4
                answered += 1
            except ModelError:
                refused += 1
        return answered, refused

    try:
        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(keep_asking, seed) for seed in range(3)]
            try:
                while len(killed) < 50:
                    with contextlib.suppress(ModelError, ProcessLookupError):
                        pid = worker_pid(model)
                        time.sleep(chance.uniform(0.0, 0.2))  # at random: this decides nothing
                        os.kill(pid, signal.SIGKILL)
                        killed.add(pid)
            finally:
                over.set()  # before the pool waits for those who ask
            counts = [one.result(120) for one in asking]

        assert all(answered + refused > 0 for answered, refused in counts)
        assert sum(refused for _, refused in counts) > 10
        assert model.sample(ask("x"), Sampling(max_tokens=2), Stop())[0].tokens == 2
    finally:
        model.close()


def test_cancelling_one_request_leaves_the_others(tiny: LlamaModel) -> None:
    """A cancel breaks off the decode that all share."""
    sampling = Sampling(n=12, max_tokens=40, seed=5)
    alone = tiny.sample(ask("keep"), sampling, Stop())
    for _ in range(5):
        stop, begun = Stop(), threading.Event()
        with ThreadPoolExecutor(2) as pool:
            other = pool.submit(long_one, tiny, stop, begun)
            begun.wait(60)
            kept = pool.submit(tiny.sample, ask("keep"), sampling, Stop())
            stop.cancel()

            assert {c.ending for c in other.result(60)} == {Ending.CANCELLED}
            assert alike(kept.result(60), alone, 10) > 0.6


@pytest.mark.parametrize("tokens", [1, 2])
def test_two_thousand_draws_follow_the_distribution_of_the_model(
    tiny: LlamaModel, tiny_file: Path, tokens: int
) -> None:
    """The lanes are independent draws: pooled counts against exact probabilities, by Pearson's chi-squared.

    The first token is drawn from the prompt's logits, the second from those of a decode that sixteen lanes share: a
    lane that read another's would write pairs that do not belong together. The bound is six standard deviations above
    its mean, which chance passes about once in ten million runs.
    """
    temperature, count = 0.7, 2000
    drawn = tiny.sample(ask("draw"), Sampling(count, temperature, top_p=1.0, max_tokens=tokens, seed=9), Stop())
    wanted = _exact(tiny_file, "draw", temperature, tokens)
    seen = Counter(c.text for c in drawn)
    large = {text: p * count for text, p in wanted.items() if p * count >= 5}
    rest = count - sum(large.values())
    terms = [(seen[text] - e) ** 2 / e for text, e in large.items()]
    terms.append((count - sum(seen[text] for text in large) - rest) ** 2 / rest)
    freedom = len(terms) - 1

    assert sum(seen[text] for text in seen.keys() - wanted.keys()) < count / 100, "the edge of top-k, by rounding, only"
    assert freedom >= 10
    assert sum(terms) < freedom + 6 * math.sqrt(2 * freedom)


def _exact(file: Path, text: str, temperature: float, tokens: int) -> dict[str, float]:
    """Probability of each text of one or two tokens, from the logits of a context of our own."""
    weights = Weights(str(file), 0)
    context = Context(weights, 256, 2, AbortFlag())
    chat = ("<|im_start|>user\n", True), (text, False), ("<|im_end|>\n<|im_start|>assistant\n", True)
    prompt = [token for part, special in chat for token in weights.tokenise(part, special=special)]
    context.decode([Entry(t, i, (0,), i == len(prompt) - 1) for i, t in enumerate(prompt)])
    written = {(token,): p for token, p in _shares(context.logits(len(prompt) - 1), temperature).items()}
    for (first,), p in list(written.items()) if tokens == 2 else ():
        context.share(0, 1)
        context.decode([Entry(first, len(prompt), (1,), True)])
        written |= {(first, token): p * q for token, q in _shares(context.logits(0), temperature).items()}
        del written[first,]
        context.forget([1])
    context.close()
    found: dict[str, float] = {}
    for row, p in written.items():
        said = b"".join(map(weights.piece, row)).decode("utf-8", "replace")
        found[said] = found.get(said, 0.0) + p
    return found


def _shares(logits: npt.NDArray[np.float32], temperature: float) -> dict[int, float]:
    """Probability of each token, with top-k as the sampler has it."""
    scaled = logits.astype(np.float64) / temperature
    best = np.argsort(scaled)[-Sampler.TOP_K :]
    shares = np.exp(scaled[best] - scaled[best].max())
    return dict(zip(map(int, best), map(float, shares / shares.sum()), strict=True))
