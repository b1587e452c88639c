"""Each formula against an example worked out by hand, and the properties that the papers claim for it."""

from __future__ import annotations

import math

import pytest
from darner.training import rewards, rl
from darner.training.codebleu import mean_similarity, similarity
from darner.training.tokens import Encoded
from darner.training.trajectories import Rated
from darner.training.turns import Attempt, Chain, Criterion, Example, degenerate, relabelled, weighted
from darner.training.types import Turn
from hypothesis import given
from hypothesis import strategies as st

REWARDS = st.lists(st.floats(-1, 1), min_size=2, max_size=8)


def test_ledex_rewards_map_their_ranges_onto_minus_five_to_five() -> None:
    """The two rewards are of one size, so that neither drowns the other."""
    assert [rewards.code_reward(s, p) for s, p in ((0, 0), (1, 1), (0.4, 0.5))] == pytest.approx([-5, 5, -0.5])
    assert [rewards.explanation_reward(s) for s in (0.4, 0.7, 1.0)] == pytest.approx([-5, 0, 5])
    assert [rewards.causal_explanation_reward(k, 4) for k in (0, 2, 4)] == [-5, 0, 5]


def test_each_ledex_reward_stands_on_the_last_token_of_its_own_part_and_kl_is_paid_everywhere() -> None:
    """An explanation is not blamed for the code behind it; drifting from the reference always costs."""
    found = rewards.token_rewards([0.1, 0.2, 0.0, -0.1], beta=2.0, code=3.0, explanation=-1.0, explanation_tokens=2)

    assert found == pytest.approx([-0.2, -0.4 - 1.0, 0.0, 0.2 + 3.0])
    assert rewards.token_rewards([0.5, 0.5], beta=1.0, code=2.0) == pytest.approx([-0.5, 1.5])


def test_advantages_are_those_worked_out_by_hand() -> None:
    """delta = (1 + 0.5*2 - 0.5, 0 + 0.5*1 - 2, 4 - 1) = (1.5, -1.5, 3); then sums discounted by 0.5."""
    found = rewards.advantages([1.0, 0.0, 4.0], [0.5, 2.0, 1.0], discount=0.5)

    assert found == pytest.approx([1.5 + 0.5 * (-1.5 + 0.5 * 3), -1.5 + 0.5 * 3, 3.0])


@given(REWARDS, st.floats(0.1, 1.0))
def test_with_a_full_trace_advantage_and_value_make_the_discounted_return(values: list[float], discount: float) -> None:
    """The identity that the value loss of LEDEX rests on: A + V is the return, whatever the values are."""
    found = rewards.advantages(values[::-1], values, discount)
    expected = [
        math.fsum(discount**k * reward for k, reward in enumerate(values[::-1][t:])) for t in range(len(values))
    ]

    assert [a + v for a, v in zip(found, values, strict=True)] == pytest.approx(expected, abs=1e-9)


def test_ledex_columns_are_those_worked_out_by_hand() -> None:
    """Drift (0.5, 0, 0.5) at 2 a nat, 3 for the explanation of one token, -4 for the code: rewards (2, 0, -5).

    With values (1, 2, 4) and discount 0.5 the errors are (2, 0, -9), and A + V the discounted rewards.
    """
    messages = (Turn("user", "repair"), Turn("assistant", "It adds.\ncode"))
    rated = Rated(
        "r", "m", "t", 0, messages, 8, 0.0, True, 1.0, code_reward=-4.0, explanation_reward=3.0, advantage=0.0
    )
    record = Encoded((1, 2, 3, 4), 1, 1.0)
    settings = rl.Settings(rl.Method.LEDEX, beta=2.0, discount=0.5)

    found = rl.ledex_columns(rl.Turn(rated, record, 1), (-1.0, -0.5, -0.25), (-1.5, -0.5, -0.75), (1, 2, 4), settings)
    silent = rl.ledex_columns(rl.Turn(rated, record, 0), (-1.0,), (-1.5,), (1.0,), settings)

    assert found["advantage"] == pytest.approx((2 + 0.5 * (0 + 0.5 * -9), 0 + 0.5 * -9, -9))
    assert found["return"] == pytest.approx((2 + 0.25 * -5, 0.5 * -5, -5))
    assert silent["advantage"] == pytest.approx((-1 - 4 - 1,))


def test_rise_weights_are_centred_on_the_prompt_and_clipped() -> None:
    """One right attempt among four: (1 - 0.25) / 0.4 and -0.25 / 0.4 in the exponent; a lone success is clipped."""
    right, wrong = math.exp(0.75 / 0.4), math.exp(-0.25 / 0.4)

    assert rewards.centred_weights([1, 0, 0, 0]) == pytest.approx([right, wrong, wrong, wrong])
    assert rewards.centred_weights([1.0, -1.0])[0] == 10.0
    assert rewards.centred_weights([1.0, 1.0]) == (1.0, 1.0)


@given(REWARDS, st.floats(-5, 5))
def test_an_easier_prompt_does_not_weigh_more(values: list[float], shift: float) -> None:
    """What centring is for: adding a constant to all rewards of a prompt changes nothing."""
    shifted = rewards.centred_weights([value + shift for value in values])

    assert shifted == pytest.approx(rewards.centred_weights(values), rel=1e-6)


def test_group_and_leave_one_out_advantages_are_those_worked_out_by_hand() -> None:
    """GRPO divides by the spread, Dr. GRPO does not; RLOO compares with the others only."""
    assert rewards.group_advantages([1, 0, 0, 1], scaled=False) == pytest.approx([0.5, -0.5, -0.5, 0.5])
    assert rewards.group_advantages([1, 0, 0, 1], epsilon=0.0) == pytest.approx([1, -1, -1, 1])
    assert rewards.leave_one_out([1.0, 0.0]) == (1.0, -1.0)
    assert rewards.leave_one_out([1.0, 0.5, 0.0]) == pytest.approx([0.75, 0.0, -0.75])


@given(REWARDS)
def test_advantages_of_one_prompt_cancel_out(values: list[float]) -> None:
    """A prompt moves the model between its own answers, never all of them up or down."""
    assert math.fsum(rewards.leave_one_out(values)) == pytest.approx(0, abs=1e-9)
    assert math.fsum(rewards.group_advantages(values, scaled=False)) == pytest.approx(0, abs=1e-9)


def test_accumulated_progress_rewards_the_gain_of_each_turn() -> None:
    """CoCoS, two turns: 0.5 * c1 + (c2 - c1). Becoming worse costs, arriving late earns less than staying good."""
    assert rewards.accumulated([0.4, 1.0]) == pytest.approx(0.5 * 0.4 + 0.6)
    assert rewards.accumulated([1.0, 0.5]) == pytest.approx(0.0)
    assert rewards.accumulated([0.0, 0.0, 1.0]) == 1.0
    assert rewards.accumulated([0.2, 0.6, 1.0]) == pytest.approx(0.25 * 0.2 + 0.5 * 0.4 + 0.4)


CODE = """\
def total(prices, rate):
    result = 0
    for price in prices:
        result += price * rate
    return result
"""


def test_codebleu_is_one_for_equal_code_and_falls_as_code_departs() -> None:
    """Renaming costs least, since shape and data flow stay; other code costs most; what does not parse is worth 0."""
    renamed = CODE.replace("result", "amount").replace("price", "item")
    mutant = CODE.replace("+= price", "-= price")
    other = "class Door:\n    def open(self):\n        print('creak')\n"

    assert similarity(CODE, CODE) == pytest.approx(1.0)
    assert 1.0 > similarity(mutant, CODE) > similarity(renamed, CODE) > similarity(other, CODE) > 0.0
    assert similarity("def f(:", CODE) == 0.0
    assert similarity("", CODE) == 0.0
    assert mean_similarity(CODE, (CODE, "def f(:")) == pytest.approx(0.5)
    assert mean_similarity(CODE, ()) == 0.0


def test_codebleu_is_what_comes_of_it_by_hand() -> None:
    """The mean over grams, grams with `if` counted five times, subtrees and data flow, where the reference has any."""
    grams = (4 / 5 * 2 / 4 * 1 / 3 * 0.5 / 2) ** (1 / 4)  # x = a - b, of x = a + b; no gram of four
    assert similarity("x = a - b", "x = a + b") == pytest.approx((2 * grams + 3 / 6 + 2 / 2) / 4)

    short = math.exp(1 - 5 / 3)  # all grams of x = a are there, but there are too few
    assert similarity("x = a", "x = a + b") == pytest.approx((2 * short + 2 / 6 + 0 / 2) / 4)

    rest = 3 / 5 * 2 / 4 * 1 / 3  # if c: b = 1, of if a: b = 1; of grams of two and more
    plain, by_kind = (5 / 6 * rest) ** (1 / 4), ((5 + 4) / (5 + 5) * rest) ** (1 / 4)
    assert similarity("if c:\n    b = 1", "if a:\n    b = 1") == pytest.approx((plain + by_kind + 1) / 3)


@given(st.sampled_from((CODE, "x = 1\n", "def f(a):\n    return a\n")), st.text(max_size=60))
def test_codebleu_stays_within_its_range_for_any_text(reference: str, candidate: str) -> None:
    """Models write anything; a reward outside its range would be worth chasing."""
    assert 0.0 <= similarity(candidate, reference) <= 1.0 + 1e-12


A, B, GOOD = Attempt("a", 0.0, "fails 1"), Attempt("b", 0.5, "fails 2"), Attempt("good code", 1.0, "passes")


def test_each_criterion_keeps_its_own_turns() -> None:
    """all / better / best / success, over a chain that gets worse before it gets right."""
    chain = Chain("p", (B, A, GOOD))

    kept = {criterion: [example.answer for example in weighted([chain], criterion)] for criterion in Criterion}

    assert kept == {
        Criterion.ALL: ["b", "a", "good code"],
        Criterion.BETTER: ["b", "good code"],
        Criterion.BEST: ["good code"],
        Criterion.SUCCESS: ["good code"],
        Criterion.NONE: [],
    }


def test_an_example_carries_the_attempts_before_it_and_the_weight_of_its_reward_among_all_chains() -> None:
    """Mean reward (0 + 1 + 0 + 0) / 4; equal examples are given once."""
    found = weighted([Chain("p", (A, GOOD)), Chain("p", (A, A))], Criterion.ALL)

    assert [(example.before, example.answer) for example in found] == [((), "a"), ((A,), "good code"), ((A,), "a")]
    assert found[1] == Example("p", (A,), "good code", rewards.centred_weights([0, 1, 0, 0])[1])
    assert weighted([], Criterion.ALL) == ()


def test_every_failed_state_is_answered_by_a_verified_solution() -> None:
    """muCode: a chain that failed learns from one that did not; nothing is learnt where nothing was solved."""
    found = relabelled([Chain("p", (A, GOOD)), Chain("p", (B,))])

    assert [(example.before, example.answer) for example in found] == [
        ((), "good code"),
        ((A,), "good code"),
        ((B,), "good code"),
    ]
    assert relabelled([Chain("p", (A, B))]) == ()


def test_degenerate_text_is_not_learnt() -> None:
    """Loops and endless words are how small models fail."""
    looped = Attempt("again " * 151, 1.0, "passes")

    assert degenerate(looped.text)
    assert degenerate("x" * 301)
    assert not degenerate(CODE)
    assert weighted([Chain("p", (looped,))], Criterion.ALL) == ()
