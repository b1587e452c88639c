"""Before a candidate is shown: the whole suite from cold, then all that could show that it only seems to pass."""

from __future__ import annotations

from dataclasses import replace

from ..sandbox.backend import Tier
from ..sandbox.controls import must_fail
from ..sandbox.split import Split, split
from ..sandbox.types import Assurance, Control, RunResult, Status
from .case import Case
from .gate import doubts
from .overfit import overfit
from .stop import Stop
from .trial import edits_of
from .types import Candidate, Proof, Verdict

_NO_CONTROL = {
    Control.EQUAL: "its result equals whatever it is compared with",
    Control.NONE: "no mutated test could be made that must fail",
}


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
    confined = trial.session.report.tier is not Tier.NONE
    return replace(verdict, proof=_proof(control, apart, found, confined))


def _proof(control: Control, apart: Split, doubts: list[str], confined: bool) -> Proof:
    """A: nothing is left to doubt. B: only the process that judges was shared. C: anything else that passed."""
    shared = [] if apart.status is Status.PASS else [f"not judged from a process of its own: {apart.detail}"]
    shared += [] if confined else ["nothing confines the candidate here"]
    doubts = [*([] if control is Control.HELD else [_NO_CONTROL[control]]), *doubts]
    if doubts or apart.status not in (Status.PASS, Status.UNSUPPORTED):
        return Proof(Assurance.C, control, apart.status, (*doubts, *shared))
    return Proof(Assurance.B if shared else Assurance.A, control, apart.status, tuple(shared))


def _tampered(run: RunResult) -> RunResult:
    return replace(run, status=Status.TAMPERED, detail="The candidate passes the opposite of the test as well.")
