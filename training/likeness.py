"""How alike two explanations are: the cosine of their words' counts, logarithmic, without the commonest words.

It stands where LEDEX takes the cosine of sentence embeddings of a model with 355 million weights: no network, no torch.
Where what an explanation brings about can be measured, `rewards.causal_explanation_reward` says more.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[A-Za-z_]+|\d+|[<>=!+*/%-]+")
_COMMON = re.compile(
    r"an?|and|are|as|be|but|by|do|does|for|from|has|have|i[fnst]|its|o[fnr]|so|that|the|then|this|to|was|with"
)


def cosine(one: str, other: str) -> float:
    """In [0, 1]; 0 when either has no word."""
    ours, theirs = _weights(one), _weights(other)
    length = math.sqrt(sum(w * w for w in ours.values())) * math.sqrt(sum(w * w for w in theirs.values()))
    return sum(weight * theirs.get(word, 0.0) for word, weight in ours.items()) / length if length else 0.0


def mean_cosine(text: str, references: Sequence[str]) -> float:
    """LEDEX's S_ex: the mean over explanations that led to correct code; 0 without any."""
    return math.fsum(cosine(text, each) for each in references) / len(references) if references else 0.0


def _weights(text: str) -> dict[str, float]:
    words = Counter(word.lower() for word in _WORD.findall(text))
    return {word: 1.0 + math.log(count) for word, count in words.items() if not _COMMON.fullmatch(word)}
