"""Guessing by looking up: what is guessed did follow once, and what is written is what the model alone would write."""

from __future__ import annotations

import pytest
from darner.engine.llama import LlamaModel
from darner.engine.llama_lookup import Lookup
from darner.engine.model import Message, Sampling
from darner.engine.stop import Stop
from hypothesis import given
from hypothesis import strategies as st

TOKENS = st.lists(st.integers(0, 3), max_size=40)


@given(TOKENS, st.integers(1, 20))
def test_a_guess_is_what_followed_the_same_two_tokens_before(tokens: list[int], most: int) -> None:
    """Anything else would be a guess without a reason, and cost a decode."""
    guess = Lookup(tokens).guess(most)

    assert len(guess) <= most
    if guess:
        run = [*tokens[-2:], *guess]
        assert any(tokens[i : i + len(run)] == run for i in range(len(tokens) - 2))


def test_a_copy_is_guessed_further_and_further_and_a_wrong_guess_starts_small_again() -> None:
    """The cost of a wrong guess is bounded by what guessing earned before."""
    lookup = Lookup([*range(50), 0, 1])
    sizes: list[int] = []
    for _ in range(3):
        sizes.append(len(lookup.guess(99)))
        lookup.learn(sizes[-1], sizes[-1])
    lookup.learn(15, 2)

    assert sizes == [3, 7, 15]
    assert len(lookup.guess(99)) == 3
    assert lookup.guess(2) == [2, 3]
    assert Lookup([1, 2, 3]).guess(9) == []


@pytest.mark.parametrize("temperature", [0.05, 0.7])
def test_one_sample_with_guesses_is_the_first_of_a_batch_without_them(tiny: LlamaModel, temperature: float) -> None:
    """Each token is drawn from the logits it would have had alone: stop strings, counts and seeds included."""
    ask = (Message("user", "abcabcabcabc " * 4),)
    for seed in range(4):
        for stop in ((), ("a",)):
            alone = tiny.sample(ask, Sampling(1, temperature, max_tokens=40, seed=seed, stop=stop), Stop())[0]
            first = tiny.sample(ask, Sampling(2, temperature, max_tokens=40, seed=seed, stop=stop), Stop())[0]
            assert alone == first
