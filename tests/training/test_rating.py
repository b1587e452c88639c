"""What a turn is worth by each paper, and whether one model is better than another."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from darner.training.likeness import cosine, mean_cosine
from darner.training.paired import difference, pass_at
from darner.training.rating import Settings, rated, solutions
from darner.training.trajectories import Rated, Trajectory, Try
from darner.training.turns import Criterion
from darner.training.types import Turn

ASKED = (Turn("user", "repair it"),)
RIGHT, WRONG = "def f(x):\n    return x + 1\n", "def f(x):\n    return x - 1\n"


def tried(code: str, passed: float, explanation: str = "", cured: int | None = None, said: str = "") -> Try:
    answer = f"{explanation}\n```python\n{code}```"
    return Try((*ASKED, Turn("user", said)) if said else ASKED, answer, explanation, code, passed, "it fails", cured)


def chain(number: int, *tries: Try) -> Trajectory:
    return Trajectory(f"t{number}", "m", "s", tries, 4)


def first(alone: Trajectory) -> Rated:
    return next(rated([alone], Settings()))


CHAINS = [
    chain(0, tried(WRONG, 0.5, "it adds too little"), tried(RIGHT, 1.0, "it takes one away", said="again")),
    chain(1, tried(WRONG + "\n", 0.0, "unclear"), tried(WRONG, 0.5, "it takes one away", said="once more")),
]


def of(found: list[Rated], name: str) -> list[object]:
    return [getattr(each, name) for each in found]


def test_the_advantage_is_accumulated_progress_against_the_other_chain() -> None:
    """Turn 0: 0.5 and 0, so +0.5 and -0.5. Turn 1 at discount 0.5: 0.75 and 0.5, so +0.25 and -0.25."""
    found = list(rated(CHAINS, Settings()))

    assert of(found, "advantage") == pytest.approx([0.5, 0.25, -0.5, -0.25])
    assert first(CHAINS[0]).advantage == 0.0


def test_weights_are_centred_on_all_turns_of_the_mistake_and_the_criterion_leaves_turns_out() -> None:
    """Mean 0.5: the turn that solves it weighs exp(0.5 / 0.4); `better` drops what did not improve."""
    everything = of(list(rated(CHAINS, Settings(Criterion.ALL))), "weight")
    better = of(list(rated(CHAINS, Settings(Criterion.SUCCESS))), "weight")

    assert everything == pytest.approx([1.0, math.exp(0.5 / 0.4), math.exp(-0.5 / 0.4), 1.0])
    assert better == pytest.approx([0.0, math.exp(0.5 / 0.4), 0.0, 0.0])


def test_tau_and_the_largest_weight_are_those_of_the_recipe() -> None:
    """At tau 1 the turn half a test above the mean weighs exp(0.5); nothing weighs more than the largest."""
    found = of(list(rated(CHAINS, Settings(Criterion.ALL, temperature=1.0, largest=1.2))), "weight")

    assert found == pytest.approx([1.0, 1.2, math.exp(-0.5), 1.0])


def test_groups_are_measured_by_their_mean_and_spread() -> None:
    """GRPO of two chains: the better one is a standard deviation above their mean, the other as far below."""
    found = list(rated(CHAINS, Settings()))

    assert of(found, "grouped") == pytest.approx([0.25 / 0.2501, 0.125 / 0.1251, -0.25 / 0.2501, -0.125 / 0.1251])
    assert first(CHAINS[0]).grouped == 0.0


def test_the_best_of_many_is_learnt_where_the_played_one_stood_and_the_next_state_is_the_played_ones() -> None:
    """RISE: targets 1 and 1 with their mean 1 weigh exp(0); what was played earns no weight."""
    better = replace(tried(WRONG, 0.5), best="the best", best_passed=1.0)
    (played, best, second) = rated([chain(0, better, tried(RIGHT, 1.0, said="again"))], Settings(Criterion.ALL))

    assert (played.played, best.played, second.played) == (True, False, True)
    assert of([played, best, second], "weight") == [0.0, 1.0, 1.0]
    assert best.messages == (*ASKED, Turn("assistant", "the best"))
    assert best.passed == 1.0
    assert played.messages[-1].content == better.answer
    assert second.messages[-2].content == "again"


def test_what_was_put_in_place_can_be_learnt_alone() -> None:
    """muCode without RISE: no played turn weighs anything, and every state gets the solution, its finder's too."""
    played = list(rated(CHAINS, Settings(Criterion.NONE)))
    found = list(solutions(CHAINS, own=True))

    assert of(played, "weight") == [0.0] * 4
    assert [each.messages[-2].content for each in found] == ["repair it", "again", "once more"]
    assert {each.messages[-1].content for each in found} == {CHAINS[0].tries[1].answer}


def test_code_is_rewarded_beside_all_right_code_and_explanations_by_what_led_there() -> None:
    """The turn that passed is its own reference: 5 (1 + 1) - 5; its words again, elsewhere, earn as much."""
    found = list(rated(CHAINS, Settings()))

    assert found[1].code_reward == pytest.approx(5.0)
    assert found[0].code_reward < 5.0
    assert found[1].explanation_reward == pytest.approx(5.0)
    assert found[3].explanation_reward == pytest.approx(5.0)
    assert found[2].explanation_reward == -5.0
    assert first(chain(0, tried(WRONG, 0.0))).explanation_reward is None


def test_an_explanation_is_worth_the_refinements_that_it_leads_to_where_those_were_sampled() -> None:
    """3 of 4: 10 * 3/4 - 5, whatever its words are."""
    assert first(chain(0, tried(WRONG, 0.0, "off", cured=3))).explanation_reward == 2.5


def test_failed_states_are_answered_by_a_verified_solution() -> None:
    """muCode: the first prompt and the states after each failure learn the solution; nothing is made up without one."""
    found = list(solutions(CHAINS))

    assert {each.messages[-1].content for each in found} == {CHAINS[0].tries[1].answer}
    assert [each.messages[-2].content for each in found] == ["repair it", "once more"]  # in "again" it was found itself
    assert not any(each.played for each in found)
    assert not list(solutions([CHAINS[1]]))
    known = list(solutions([CHAINS[1]], "It is known."))
    assert {each.messages[-1].content for each in known} == {"It is known."}
    assert len(known) == len(CHAINS[1].tries)  # in each state of the chain that found none itself


def test_words_decide_how_alike_explanations_are() -> None:
    """Order does not count, common words neither."""
    assert cosine("the index is off by one", "off by one: the INDEX") == pytest.approx(1.0)
    assert cosine("the loop never ends", "a wrong sign") == 0.0
    assert cosine("", "anything") == 0.0
    assert mean_cosine("wrong sign", []) == 0.0
    assert mean_cosine("wrong sign", ["wrong sign", "loop"]) == pytest.approx(0.5)


def test_only_a_gain_that_cannot_be_a_loss_is_better() -> None:
    """A lucky task among many equal ones is no reason to change the weights."""
    families = [f"s{n}" for n in range(20)]
    gained, lost = [1.0] * 15 + [0.0] * 5, [0.0] * 20
    assert difference(lost, gained, families).better
    assert not difference(gained, lost, families).better
    assert not difference(lost, lost, families).better
    assert not difference(lost, [0.25] + [0.0] * 19, families).better
    assert not difference(lost[:4], [0.5, 0.0, 0.0, 0.0], ["one"] * 4).better
    mixed = difference([1.0, 0.0] * 10, [0.0, 1.0] * 9 + [1.0, 1.0], families)
    assert mixed.low < 0.0 < mixed.high
    assert difference(lost, gained, families) == difference(lost, gained, families)


def test_tasks_of_one_family_are_one_piece_of_evidence() -> None:
    """Twenty mistakes in one function that all went well say less than twenty functions."""
    lost, gained = [0.0] * 22, [1.0] * 20 + [-0.0, -1.0]
    apart = difference(lost, gained, [f"s{n}" for n in range(22)])
    together = difference(lost, gained, ["s0"] * 20 + ["s1", "s2"])

    assert apart.better
    assert not together.better


def test_pass_at_k_is_the_chance_that_one_of_k_passes() -> None:
    """Of 4 samples 1 passes: 1/4, 1/2, 3/4, 1."""
    assert [pass_at(k, 4, 1) for k in range(1, 5)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert pass_at(4, 4, 0) == 0.0
