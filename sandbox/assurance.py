"""How far a pass from cold can be believed, from what the twin, the split and the second backend showed.

What the levels mean for a user stands in docs/sandbox.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .split import Split
from .types import Assurance, Control, Status

_NO_CONTROL = {
    Control.EQUAL: "its result equals whatever it is compared with",
    Control.NONE: "no mutated test could be made that must fail",
}
OPPOSITE = "the candidate passes the opposite of the test as well"


@dataclass(frozen=True, slots=True)
class Second:
    """The whole suite from cold in another backend than the search's."""

    backend: str = ""
    """Where it passed."""
    trouble: str = "not tried"
    """One clause, when it passed nowhere else."""


def assured(
    control: Control, apart: Split, second: Second, doubts: Sequence[str] = (), *, confined: bool = True
) -> tuple[Assurance, tuple[str, ...]]:
    """The level and, below A, the reasons. A: nothing is left to doubt. B: only the process that judges was shared.

    B without a split run needs a second backend: one fault of one sandbox is then not enough to be fooled.
    """
    if control is Control.FOOLED:
        return Assurance.D, (OPPOSITE,)
    shared = [] if apart.status is Status.PASS else [f"not judged from a process of its own: {apart.detail}"]
    shared += [] if confined else ["nothing confines the candidate here"]
    found = [_NO_CONTROL[control]] if control in _NO_CONTROL else []
    found += doubts
    if apart.status is Status.UNSUPPORTED and not second.backend:
        found += [f"not confirmed in a second backend: {second.trouble}"]
    if found or apart.status not in (Status.PASS, Status.UNSUPPORTED):
        return Assurance.C, (*found, *shared)
    return (Assurance.B if shared else Assurance.A), tuple(shared)
