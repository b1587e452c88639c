"""What a person sees of written code: the body as a diff, who judged it, and how far that can be believed."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from . import show
from .patch import unified_diff
from .show import printable
from .types import Patch
from .written import TestWritten, WriteStatus, Written, evidence, tellers

_MOST_SHOWN = 6


def written(found: Written) -> RenderableType:
    good = found.status is WriteStatus.WRITTEN and found.question is None
    word, style = ("✓ written", "bold green") if good else ("✗ not written", "bold red")
    if found.question is not None:
        word, style = "? ambiguous", "bold yellow"
    parts: list[RenderableType] = []
    if found.question is not None:
        parts.append(show.question(found.question, found.repairs, "bodies pass"))
    elif found.repairs:
        parts += [
            show.diff(found.repairs[0]),
            Text(printable(evidence(found)), "green"),
            show.assurance(found.repairs[0]),
        ]
    else:
        parts.append(Text(f"{found.candidates_tried} bodies tried in {found.seconds:.1f} s.", "dim"))
    parts += [judged_by(found)] if found.judge is not None else []
    if found.tests is not None:
        parts += [Text("The model's tests that it passes; look at them, they are offered, not applied:", "dim")]
        parts += [diff_of(found.tests)]
    if found.waiting:
        parts.append(Text(f"{len(found.waiting)} tests call another stub too, and cannot pass before that is written."))
    if found.note:
        parts.append(Text(printable(found.note), "yellow"))
    head = Text.assemble((word, style), "  ", printable(found.name))
    return Group(head, *(Padding(part, (0, 0, 0, 2), expand=False) for part in parts), Text(""))


def judged_by(found: Written) -> Text:
    shown = [printable(one) for one in found.judged_by[:_MOST_SHOWN]]
    more = len(found.judged_by) - len(shown)
    lines = [f"  {one}" for one in shown] + ([f"  and {more} more"] if more else [])
    return Text("\n".join(["Judged by:", *lines]), "dim")


def test(found: TestWritten) -> RenderableType:
    """A new test as a diff, with what it was tried on and who told its values."""
    if found.patch is None:
        head = Text.assemble(("✗ no test written", "bold red"), "  ", printable(found.name))
        return Group(head, Padding(Text(printable(found.note), "yellow"), (0, 0, 0, 2), expand=False), Text(""))
    head = Text.assemble(("✓ test written", "bold green"), "  ", printable(found.nodeid))
    kills = f"kills {found.killed} of {found.mutants} mutants"
    said = f"passes on the present code; {kills} of {found.name.split('::')[-1]}; {found.seconds:.1f} s"
    parts: list[RenderableType] = [diff_of(found.patch), Text(printable(said), "green"), Text(tellers(found), "dim")]
    return Group(head, *(Padding(part, (0, 0, 0, 2), expand=False) for part in parts), Text(""))


def diff_of(patch: Patch) -> Text:
    return show.diff_text(unified_diff(patch))
