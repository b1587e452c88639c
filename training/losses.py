"""What an optimiser step makes smaller: the papers' objectives over the learnt tokens of one row, as pure functions.

Every tensor has one entry for each learnt token, shape [K]. `share` says what each token counts: a record's tokens
share its weight equally, divided by the number of records, so that a sum over tokens is a mean over records of means
over tokens, whatever row a record was packed into.

    SelfCodeAlign, 8.1   L = - sum_t share_t log p_t                         weight 1
    RISE, 8.3            the same with weight exp((r - mean) / tau)          `rewards.centred_weights`
    LEDEX, 8.2           L = - sum_t share_t min(rho_t A_t, clip(rho_t) A_t) + alpha sum_t share_t (V_t - R_t)^2
    GRPO, RLOO, 8.6      the first part of that, + beta sum_t share_t k3_t   A of the whole completion
"""

from __future__ import annotations

from .libraries import Tensor


def likelihood(logprobs: Tensor, share: Tensor) -> Tensor:
    """Weighted negative log-likelihood (SelfCodeAlign; with centred weights RISE's regression)."""
    return -(share * logprobs).sum()


def surrogate(logprobs: Tensor, old: Tensor, advantages: Tensor, share: Tensor, clip: float) -> Tensor:
    """PPO's clipped objective, negated. `old` are the log-probabilities before the first step.

    The ratio is exp(log pi - log pi_old); LEDEX prints log pi / log pi_old, a misprint.
    """
    ratio = (logprobs - old).exp()
    clipped = ratio.clamp(1.0 - clip, 1.0 + clip)
    return -(share * (ratio * advantages).minimum(clipped * advantages)).sum()


def value_error(values: Tensor, returns: Tensor, share: Tensor) -> Tensor:
    """LEDEX's squared error of the value head against A + V_old, which is the discounted return."""
    return (share * (values - returns).square()).sum()


def drift(logprobs: Tensor, reference: Tensor, share: Tensor) -> Tensor:
    """The k3 estimate of KL(pi || reference): never negative, 0 where they agree; costs, so it is added."""
    gap = reference - logprobs
    return (share * (gap.exp() - gap - 1.0)).sum()
