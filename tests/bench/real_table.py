"""What `make bench-real` prints: a line a task, a table a package, and the reasons for what was not repaired."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

NOT_SCORED = "not scored"
"""A patch was offered, and the release's own suite does not run where it is judged."""
_SOON_S = 120.0


@dataclass(frozen=True)
class Row:
    """One task's ending."""

    task: str
    commit: str
    status: str
    size: int
    """Lines of the true hunk."""
    origin: str = ""
    operator: str = ""
    description: str = ""
    plausible: bool = False
    """A patch was offered, and judged."""
    correct: bool = False
    """Everything that passes in the release as published passes with it."""
    same: str = ""
    """`text`, `tree` or `behaviour`: how the patched file compares with the release's."""
    seconds: float = 0.0
    """Wall clock of the whole command."""
    repair_seconds: float = 0.0
    """As the tool reports it, of all failing tests until the one that was repaired."""
    tried: int = 0
    """Candidates, of the same tests."""
    rank: int = 0
    """Of the first suspect on a line of the hunk, from 1; 0 when none of the first ten is."""
    suspects: int = 0
    passed_before: int = 0
    """Tests that the tool saw pass before the repair."""
    uncured: int = 0
    """Failing tests that the offered repair leaves failing, as the tool itself says."""
    peak_mb: int = 0
    """Of all its processes together, shared pages once."""
    assurance: str = ""
    patch: str = ""
    note: str = ""

    @property
    def package(self) -> str:
        return self.task.split("/")[0]

    @property
    def reason(self) -> str:
        """Why this is not a correct repair, in a few words."""
        if self.correct:
            return ""
        if self.plausible and self.uncured:
            return "a repair that is said to cure a part of the failing tests"
        if self.plausible:
            return "a repair that the upstream suite refuses"
        if self.status in ("error", NOT_SCORED, "flaky"):
            return self.status
        if not self.suspects:
            return "nothing suspected"
        if self.rank == 0:
            return "the hunk is not among ten suspects"
        if self.size > 2:
            return f"suspected; the true hunk has {'3 to 5' if self.size <= 5 else 'more than 5'} lines"
        return "suspected; a hunk of one or two lines was not found"


def line(row: Row) -> str:
    verdict = f"correct ({row.same})" if row.correct else "wrong" if row.plausible else "-"
    head = f"{row.task:52} {row.status:10} {verdict:19} {row.seconds:6.1f} s {row.tried:5} tried rank {row.rank:2}"
    return f"{head} {row.peak_mb:5} MB  {row.origin} {row.description or row.note}"


def table(rows: Sequence[Row]) -> str:
    if not rows:
        return "no rows"
    heads = f"\n{'package':18} {'n':>3} {'offered':>8} {'correct':>14} {'same':>5} {'top-5':>6}"
    lines = [heads + f" {'median s':>9} {'max s':>7} {'max MB':>7}"]
    for name in [*sorted({row.package for row in rows}), ""]:
        lines.append(_package(name, [row for row in rows if not name or row.package == name]))
    soon = sum(row.correct and row.repair_seconds <= _SOON_S for row in rows)
    lines.append(f"correct within {_SOON_S:g} s of repairing: {soon} of {len(rows)} ({soon / len(rows):.1%})")
    origins = Counter(f"{row.origin} {row.operator}" for row in rows if row.correct)
    lines.append("correct by origin: " + (", ".join(f"{name} {n}" for name, n in origins.most_common()) or "none"))
    lines.append(f"of the offered, ambiguous: {sum(row.status == 'ambiguous' for row in rows)}")
    reasons = Counter(row.reason for row in rows if row.reason)
    return "\n".join([*lines, "the rest:", *(f"  {n:3} {reason}" for reason, n in reasons.most_common())])


def _package(name: str, rows: Sequence[Row]) -> str:
    seconds = [row.seconds for row in rows]
    correct = sum(row.correct for row in rows)
    same = sum(row.correct and row.same != "behaviour" for row in rows)
    offered, top = sum(row.plausible for row in rows), sum(0 < row.rank <= 5 for row in rows)
    return (
        f"{name or 'all':18} {len(rows):3} {offered:8} {correct:5} ({correct / len(rows):6.1%}) {same:5} {top:6}"
        f" {statistics.median(seconds):9.1f} {max(seconds):7.1f} {max(row.peak_mb for row in rows):7}"
    )
