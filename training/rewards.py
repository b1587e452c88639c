"""What an attempt is worth: the rewards, weights and advantages of the papers, each a pure function of numbers.

    tests passed, similarity ─▶ code / explanation reward ─▶ per-token rewards ─▶ advantages      (LEDEX)
    rewards of one prompt    ─▶ centred weights                                                  (RISE)
    progress over turns      ─▶ accumulated reward ─▶ leave-one-out advantages                   (CoCoS, RLOO)

No torch here: trainers turn these numbers into tensors, and a test can work them out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

TEMPERATURE = 0.4
"""RISE's tau: how sharply better attempts outweigh worse ones."""
LARGEST_WEIGHT = 10.0


def code_reward(similarity: float, passed: float) -> float:
    """LEDEX's reward of a refinement, in [-5, 5].

    `similarity` is the mean CodeBLEU to all correct refinements, `passed` the share of tests passed; both in [0, 1].
    """
    return 5.0 * (similarity + passed) - 5.0


def explanation_reward(similarity: float) -> float:
    """LEDEX's reward of an explanation by mean cosine to those that led to correct code: 0.4, 0.7, 1 to -5, 0, 5."""
    return (50.0 * similarity - 35.0) / 3.0


def causal_explanation_reward(repaired: int, tried: int) -> float:
    """The alternative: what the explanation brings about, as the share of refinements that it leads to passing code.

    In [-5, 5], so that it can stand where `explanation_reward` does.
    """
    return 10.0 * repaired / tried - 5.0


def token_rewards(
    kl: Sequence[float], beta: float, code: float, explanation: float | None = None, explanation_tokens: int = 0
) -> tuple[float, ...]:
    """One reward for each token of `[explanation; refinement]`.

    Every token pays `beta` times its `kl` = log pi - log pi_ref; the explanation's reward stands on its last token, the
    code's on the last token of all. LEDEX prints the penalty with the wrong sign elsewhere: corrected here.
    """
    rewards = [-beta * each for each in kl]
    if explanation is not None:
        rewards[explanation_tokens - 1] += explanation
    rewards[-1] += code
    return tuple(rewards)


def advantages(
    rewards: Sequence[float], values: Sequence[float], discount: float = 0.99, trace: float = 1.0
) -> tuple[float, ...]:
    """Generalised advantage estimates: the discounted sum of r_t + discount * V_(t+1) - V_t, with V 0 behind the end.

    LEDEX takes `trace` = 1.
    """
    found: list[float] = []
    ahead = 0.0
    for reward, value, then in zip(reversed(rewards), reversed(values), [0.0, *reversed(values[1:])], strict=True):
        ahead = reward + discount * then - value + discount * trace * ahead
        found.append(ahead)
    return tuple(reversed(found))


def centred_weights(
    rewards: Sequence[float], temperature: float = TEMPERATURE, largest: float = LARGEST_WEIGHT
) -> tuple[float, ...]:
    """RISE's weights exp((r - mean) / tau) of the attempts on one prompt, clipped from above.

    The paper centres by the prompt's mean; its published code does not, which favours easy prompts.
    """
    mean = math.fsum(rewards) / len(rewards)
    ceiling = temperature * math.log(largest)
    return tuple(largest if r - mean >= ceiling else math.exp((r - mean) / temperature) for r in rewards)


def group_advantages(rewards: Sequence[float], *, scaled: bool = True, epsilon: float = 1e-4) -> tuple[float, ...]:
    """GRPO's advantages of the completions of one prompt; unscaled, those of Dr. GRPO."""
    mean = math.fsum(rewards) / len(rewards)
    spread = math.sqrt(math.fsum((r - mean) ** 2 for r in rewards) / len(rewards)) + epsilon if scaled else 1.0
    return tuple((r - mean) / spread for r in rewards)


def leave_one_out(rewards: Sequence[float]) -> tuple[float, ...]:
    """RLOO's advantages: each reward less the mean of the others. At least two rewards."""
    total, others = math.fsum(rewards), len(rewards) - 1
    return tuple(r - (total - r) / others for r in rewards)


def accumulated(progress: Sequence[float], discount: float = 0.5) -> float:
    """CoCoS's reward of a chain of attempts: the discounted sum of what each turn gained.

    `progress` is the share of tests passed after each turn. For two turns: discount * c1 + (c2 - c1).
    """
    gains = [after - before for before, after in pairwise((0.0, *progress))]
    return math.fsum(discount ** (len(gains) - turn) * gain for turn, gain in enumerate(gains, 1))
