"""Guessing by looking up: what is guessed did follow once, and what is written is what the model alone would write."""

from __future__ import annotations

import pytest
from darner.engine.llama import LlamaModel
from darner.engine.llama_lookup import REACHES, Lookup, rows_for, shared_out
from darner.engine.model import Message, Sampling
from darner.engine.stop import Stop
from hypothesis import given
from hypothesis import strategies as st

TOKENS = st.lists(st.integers(0, 3), max_size=40)


@given(TOKENS, st.integers(1, 20))
def test_a_guess_is_what_followed_the_same_two_tokens_before(tokens: list[int], most: int) -> None:
    """Anything else would be a guess without a reason, and cost a decode."""
    guess = Lookup(tokens).guess(most, spare=True)

    assert len(guess) <= most
    if guess:
        run = [*tokens[-2:], *guess]
        assert any(tokens[i : i + len(run)] == run for i in range(len(tokens) - 2))


def test_the_longer_a_copy_is_the_further_it_is_guessed() -> None:
    """Rows of its own cost time: two tokens that agree are no copy yet."""
    lookup = Lookup(range(50))
    sizes: list[int] = []
    for token in range(12):
        lookup.add(token)
        sizes.append(len(lookup.guess(99)))

    assert sizes == [0] * 3 + [REACHES[0]] * 6 + [REACHES[1]] * 3
    assert lookup.guess(2) == [12, 13]
    assert Lookup([7, 8, 9, 7, 8]).guess(9) == []
    assert Lookup([7, 8, 9, 7, 8]).guess(9, spare=True) == [9, 7, 8]
    assert Lookup([1, 2, 3]).guess(9, spare=True) == []


def test_a_branch_goes_on_alone() -> None:
    """Sixteen samples of one prompt share what they look up in it, and nothing of what each writes."""
    lookup = Lookup([1, 2, 3, 1, 2])
    branch = lookup.branch()
    branch.add(9)
    branch.add(1)
    branch.add(2)

    assert lookup.guess(1, spare=True) == [3]
    assert branch.guess(1, spare=True) == [9]


@given(st.lists(st.lists(st.integers(), max_size=6), max_size=6), st.integers(0, 20))
def test_rows_go_to_the_nearest_guesses(guesses: list[list[int]], room: int) -> None:
    """A second guess is right only if the first one is: nobody gets two while somebody waits for one."""
    given_ = shared_out(guesses, room)

    assert all(guess[: len(part)] == part for guess, part in zip(guesses, given_, strict=True))
    assert sum(map(len, given_)) == min(room, sum(map(len, guesses)))
    deepest = max(map(len, given_), default=0)
    assert all(len(part) >= min(len(guess), deepest - 1) for guess, part in zip(guesses, given_, strict=True))


def test_rows_are_whole_tiles_or_the_lanes_alone() -> None:
    """What is filled up may not cost more than the tile that it fills."""
    for lanes in range(1, 17):
        assert rows_for(lanes) in (lanes, 4, 16)
        assert rows_for(lanes) >= lanes


@pytest.mark.parametrize("n", [3, 8, 15])
def test_a_batch_filled_with_guesses_gives_what_each_seed_gives_alone(tiny: LlamaModel, n: int) -> None:
    """Guesses of eight lanes stand in one decode: none may see another's, or be drawn when it is wrong.

    Kernels round by the shape of a batch, so that a draw on the edge may fall to the other side; a wrong row would
    change every text.
    """
    ask = (Message("user", "abcabcabcabc " * 4),)
    together = tiny.sample(ask, Sampling(n, 0.7, max_tokens=20 + n, seed=5), Stop())
    alone = [tiny.sample(ask, Sampling(1, 0.7, max_tokens=20 + n, seed=5 + i), Stop())[0] for i in range(n)]

    assert [c.tokens for c in together] == [20 + n] * n
    assert sum(a == b for a, b in zip(together, alone, strict=True)) >= 2 * n / 3


@pytest.mark.parametrize("temperature", [0.05, 0.7])
def test_one_sample_with_guesses_is_the_first_of_a_batch_without_them(tiny: LlamaModel, temperature: float) -> None:
    """Each token is drawn from the logits it would have had alone: stop strings, counts and seeds included."""
    ask = (Message("user", "abcabcabcabc " * 4),)
    for seed in range(4):
        for stop in ((), ("a",)):
            alone = tiny.sample(ask, Sampling(1, temperature, max_tokens=40, seed=seed, stop=stop), Stop())[0]
            first = tiny.sample(ask, Sampling(2, temperature, max_tokens=40, seed=seed, stop=stop), Stop())[0]
            assert alone == first
