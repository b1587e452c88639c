"""What is never learnt: what comes of one seed in five, by the hash of its id, in every stage and every run."""

from __future__ import annotations

import hashlib

_ONE_IN = 5


def kept_back(seed: str) -> bool:
    """Whether everything that comes of this seed, its tasks and their mistakes, is kept for measuring."""
    return int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16) % _ONE_IN == 0
