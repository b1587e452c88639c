"""Before a candidate is shown: the whole suite from cold, then all that could show that it only seems to pass."""

from __future__ import annotations

from dataclasses import replace

from ..sandbox.assurance import OPPOSITE, assured
from ..sandbox.controls import must_fail
from ..sandbox.split import split
from ..sandbox.types import Control, RunResult, Status
from .case import Case
from .gate import doubts
from .overfit import overfit
from .stop import Stop
from .trial import edits_of
from .types import Candidate, Proof, Verdict


def confirm(case: Case, candidate: Candidate, stop: Stop) -> Verdict:
    """The verdict that makes a repair, or says why there is none; its proof says how far it can be believed."""
    verdict = case.trial.confirm(candidate, stop)
    if not verdict.verified:
        return verdict
    trial, edits = case.trial, edits_of(candidate.patch)
    control = must_fail(trial.session.root, trial.nodeid, edits, lambda files: trial.alone(files, stop))
    if control is Control.FOOLED:
        return replace(verdict, complete=False, run=_tampered(verdict.run))
    apart = split(trial.session, trial.nodeid, edits, trial.patient, lambda: bool(stop))
    found = [*doubts(candidate, case.examined), *overfit(case, candidate, stop)]
    assurance, reasons = assured(control, apart, trial.session.report, found)
    return replace(verdict, proof=Proof(assurance, control, apart.status, reasons))


def _tampered(run: RunResult) -> RunResult:
    return replace(run, status=Status.TAMPERED, detail=f"It proves nothing: {OPPOSITE}.")
