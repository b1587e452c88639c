"""Before a candidate is shown: the oracle's verdict (sandbox/oracle.py), with doubts that only the engine has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..sandbox.assurance import OPPOSITE
from ..sandbox.oracle import verdict
from ..sandbox.types import Control, Outcome, RunResult, Status
from .case import Case
from .gate import doubts
from .overfit import overfit
from .stop import Stop
from .trial import Trial
from .types import Candidate, Proof, Verdict


def confirm(case: Case, candidate: Candidate, stop: Stop) -> Verdict:
    """The verdict that makes a repair, or says why there is none; its proof says how far it can be believed."""
    trial = case.trial
    said = verdict(
        trial.session,
        trial.claim(candidate),
        lambda: bool(stop),
        lambda: [*_uncounted(trial), *doubts(candidate, case.examined), *overfit(case, candidate, stop)],
    )
    found = trial.whole(said.run)
    if said.control is Control.FOOLED:
        tampered = replace(said.run, status=Status.TAMPERED, detail=f"It proves nothing: {OPPOSITE}.")
        return replace(found, complete=False, run=tampered)
    proof = Proof(said.assurance, said.control, said.split.status, said.reasons, said.second)
    return replace(found, proof=proof, uncured=_uncured(said.run, (*trial.related, *trial.kindred)))


def _uncounted(trial: Trial) -> Iterator[str]:
    """What could not be held against the candidate is a doubt of it."""
    if trial.forgiven:
        yield f"tests that fail from cold without it, too, were not counted ({len(trial.forgiven)})"


def _uncured(run: RunResult, wanted: Sequence[str]) -> tuple[str, ...]:
    failed = {test.nodeid for test in run.tests if test.outcome in (Outcome.FAILED, Outcome.ERROR)}
    failed |= {nodeid.partition("::")[0] for nodeid in failed}  # a file that could not be imported stands for its tests
    return tuple(nodeid for nodeid in dict.fromkeys(wanted) if nodeid in failed)
