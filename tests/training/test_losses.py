"""Each objective against an example worked out by hand, and on a toy where it must raise the reward."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from darner.training import losses, rewards

torch: Any = pytest.importorskip("torch")


def numbers(*values: float) -> Any:  # noqa: ANN401 - torch's types are not at hand where it is not installed
    return torch.tensor(values, dtype=torch.float64)


def test_likelihood_is_the_weighted_mean_of_means_over_tokens() -> None:
    """Two records of weights 1 and 3, of two tokens and one: (-(ln .5 + ln .25) / 2 - 3 ln .1) / 2."""
    found = losses.likelihood(numbers(0.5, 0.25, 0.1).log(), numbers(1 / 2 / 2, 1 / 2 / 2, 3 / 2))

    assert float(found) == pytest.approx((-(math.log(0.5) + math.log(0.25)) / 2 - 3 * math.log(0.1)) / 2)


def test_the_surrogate_takes_the_smaller_of_the_ratio_and_the_clipped_one() -> None:
    """Ratios 1.5, 0.5, 1.5, 0.5 with advantages 1, 1, -1, -1 at clip 0.2: 1.2, 0.5, -1.5, -0.8."""
    old = numbers(0.2, 0.2, 0.2, 0.2).log()
    now = numbers(0.3, 0.1, 0.3, 0.1).log()
    each = [1.2, 0.5, -1.5, -0.8]
    for at, expected in enumerate(each):
        share = torch.nn.functional.one_hot(torch.tensor(at), 4).double()
        found = losses.surrogate(now, old, numbers(1, 1, -1, -1), share, 0.2)
        assert float(found) == pytest.approx(-expected)


def test_the_value_error_is_squared_and_shared() -> None:
    """(0.5 - 2)^2 / 2 + (1 - 0)^2 / 2 = 1.625."""
    assert float(losses.value_error(numbers(0.5, 1), numbers(2, 0), numbers(0.5, 0.5))) == pytest.approx(1.625)


def test_drift_costs_in_both_directions_and_a_step_against_it_goes_back() -> None:
    """LEDEX prints the penalty with the wrong sign: a model trained so would flee from where it began."""
    reference = numbers(0.2, 0.5).log()
    for moved in (numbers(0.4, 0.5).log(), numbers(0.1, 0.5).log()):
        now = moved.clone().requires_grad_()
        cost = losses.drift(now, reference, numbers(0.5, 0.5))
        cost.backward()
        assert float(cost) > 0.0
        stepped = moved - 0.1 * now.grad
        assert abs(float(stepped[0] - reference[0])) < abs(float(moved[0] - reference[0]))
    assert float(losses.drift(reference, reference, numbers(0.5, 0.5))) == 0.0
    gap = math.log(0.2 / 0.4)
    assert float(losses.drift(numbers(0.4).log(), numbers(0.2).log(), numbers(1.0))) == pytest.approx(
        math.exp(gap) - gap - 1
    )


def by_weight(found: Any, old: Any, earned: list[float]) -> Any:  # noqa: ANN401 - tensors
    return losses.likelihood(found, numbers(*rewards.centred_weights(earned)) / len(earned))


def by_leave_one_out(found: Any, old: Any, earned: list[float]) -> Any:  # noqa: ANN401 - tensors
    share = torch.full_like(found, 1 / len(earned))
    policy = losses.surrogate(found, old, numbers(*rewards.leave_one_out(earned)), share, 0.2)
    return policy + 0.01 * losses.drift(found, old, share)


def by_advantage(found: Any, old: Any, earned: list[float]) -> Any:  # noqa: ANN401 - tensors
    worth = [rewards.advantages(rewards.token_rewards([0.0], 0.05, each), [0.5])[0] for each in earned]
    return losses.surrogate(found, old, numbers(*worth), torch.full_like(found, 1 / len(earned)), 0.2)


@pytest.mark.parametrize("objective", [by_weight, by_leave_one_out, by_advantage])
def test_every_objective_raises_the_expected_reward_of_a_toy_policy(objective: Callable[..., Any]) -> None:
    """Four actions, of which one earns 1: an objective with a wrong sign or centre would lower its probability."""
    earned = [0.0, 0.0, 1.0, 0.0]
    logits = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    before = float(logits.softmax(-1)[2])
    for _ in range(20):
        old = logits.log_softmax(-1).detach()
        loss = objective(logits.log_softmax(-1), old, earned)
        (gradient,) = torch.autograd.grad(loss, logits)
        logits = (logits - 0.5 * gradient).detach().requires_grad_()

    assert float(logits.softmax(-1)[2]) > before + 0.1
