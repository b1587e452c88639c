"""How far a pass from cold can be believed, from what the twin and the split run showed (docs/sandbox.md)."""

from __future__ import annotations

from collections.abc import Sequence

from .backend import Report, Tier
from .split import Split
from .types import Assurance, Control, Status

_NO_CONTROL = {
    Control.EQUAL: "its result equals whatever it is compared with",
    Control.NONE: "no mutated test could be made that must fail",
}
OPPOSITE = "the candidate passes the opposite of the test as well"


def assured(
    control: Control, apart: Split, report: Report, doubts: Sequence[str] = ()
) -> tuple[Assurance, tuple[str, ...]]:
    """The level and, below A, the reasons. A: nothing is left to doubt. B: only the process that judges was shared."""
    if control is Control.FOOLED:
        return Assurance.D, (OPPOSITE,)
    shared = [] if apart.status is Status.PASS else [f"not judged from a process of its own: {apart.detail}"]
    shared += [] if report.tier is not Tier.NONE else ["nothing confines the candidate here"]
    found = [_NO_CONTROL[control]] if control in _NO_CONTROL else []
    found += doubts
    if found or apart.status not in (Status.PASS, Status.UNSUPPORTED):
        return Assurance.C, (*found, *shared)
    return (Assurance.B if shared else Assurance.A), tuple(shared)
