"""Candidates without a model: reversal of the user's edits, then mutants of suspicious lines, best first."""

from __future__ import annotations

from collections.abc import Sequence

from .case import Case
from .culprit import OutOfTries, culprits
from .frontier import Frontier
from .gate import check, keeps_examples
from .history import Edits, Hunk
from .kinds import seen_kinds
from .siblings import offered_beside
from .stop import Stop
from .types import Candidate, Origin, Patch

_MOST_REVERTS = 48


def reversal(case: Case, stop: Stop) -> Candidate | None:
    """The smallest reversal of the user's own edits that passes the failing test and breaks none that covers it.

    Edits since the test last passed come first; those since the last commit are many more.
    """
    recent = _culprits(case, case.recent, "your edit since the test last passed", stop)
    if recent is not None or case.recent.hunks == case.edits.hunks:
        return recent
    return _culprits(case, case.edits, "your uncommitted edit", stop)


def _culprits(case: Case, edits: Edits, what: str, stop: Stop) -> Candidate | None:
    tries = 0

    def passes(hunks: Sequence[Hunk]) -> bool:
        nonlocal tries
        tries += 1
        if stop or tries > _MOST_REVERTS:
            raise OutOfTries
        verdict = case.trial.quick(Candidate(edits.revert(hunks), Origin.REVERT, ""), stop)
        good = verdict.target_passed and not verdict.broken
        if stop and not good:  # it was cut short
            raise OutOfTries
        return good

    try:
        return culprits(edits, passes, what)
    except OutOfTries:
        return None


def mutations(case: Case) -> Frontier:
    """Mutants of every suspicious file, best first; lazily, for most are never tried."""
    files = [(source, case.lines_of(path)) for path, source in case.sources.items()]
    root = case.trial.session.root
    beside = {path: offered_beside(root, source) for path, source in case.sources.items()}
    return Frontier(files, seen_kinds(case.evidence), beside, case.lack)


def allowed(case: Case, candidate: Candidate) -> bool:
    """The static gate lets it be run (engine/gate.py)."""
    doctests = [change for change in candidate.patch.files if change.path in case.doctested]
    if not all(keeps_examples(change) for change in doctests):
        return False
    return check(candidate, case.originals, case.test, case.examined) is None


def identity(patch: Patch) -> tuple[tuple[str, bytes], ...]:
    """Equal for candidates that leave equal files behind: each is tried once."""
    return tuple((change.path, change.after) for change in patch.files)
