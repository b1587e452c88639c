"""Which tasks are never learnt: one in five, by the hash of its id, the same in every stage and every run."""

from __future__ import annotations

import hashlib

_ONE_IN = 5


def kept_back(task: str) -> bool:
    """Whether everything that comes of this task is kept for measuring."""
    return int(hashlib.sha256(task.encode()).hexdigest()[:8], 16) % _ONE_IN == 0
