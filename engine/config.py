"""How much work a repair may cost. Every budget is a wall-clock promise."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import BadInput


@dataclass(frozen=True, slots=True)
class Budget:
    name: str
    seconds: float
    """Wall clock for one failing test, model loading included."""
    samples: int
    """Completions sampled from the model in one batch; 0 means search only."""
    rounds: int
    """Revisions of each sample on real feedback."""
    prose: bool = True
    """Let the model explain in words when it is done."""
    history: bool = False
    """A revision is shown every round that led to it, not the last alone."""
    search: bool = True
    """Try edits that no model made; without them, what is found is the model's own."""


QUICK = Budget("quick", 5.0, samples=0, rounds=0)
NORMAL = Budget("normal", 60.0, samples=4, rounds=2)
DEEP = Budget("deep", 300.0, samples=16, rounds=2)
_NAMED = {budget.name: budget for budget in (QUICK, NORMAL, DEEP)}


def parse_budget(text: str) -> Budget:
    """`quick`, `normal`, `deep`, or a number of seconds (normal's samples within that time)."""
    if text in _NAMED:
        return _NAMED[text]
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 86_400:
        raise BadInput(f"--budget {text!r} is not a budget; use quick, normal, deep or a number of seconds.")
    return replace(NORMAL, name=f"{seconds:g}s", seconds=seconds)
