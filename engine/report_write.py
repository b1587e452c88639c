"""Makes what `darner write --json` and `darner test --json` print (answers.py)."""

from __future__ import annotations

from ..sandbox.types import Guarantees
from . import report
from .answers import Test, Write
from .patch import unified_diff
from .types import Patch
from .written import TestWritten, WriteStatus, Written


def written(model: str, guarantees: Guarantees, found: Written, applied: Patch | None) -> Write:
    best = found.repairs[0] if found.repairs else None
    agreed = found.agreement
    return {
        "version": report.VERSION,
        "model": model,
        "sandbox": report.sandbox(guarantees),
        "name": found.name,
        "status": found.status,
        "judge": found.judge,
        "judged_by": list(found.judged_by),
        "agreement": None
        if agreed is None
        else {"trusted": agreed.trusted, "passed": agreed.passed, "alike": agreed.alike, "bodies": agreed.bodies},
        "patch": unified_diff(best.candidate.patch) if best else None,
        "description": best.candidate.description if best else None,
        "verified": report.verified(best.verdict) if best else None,
        "alternatives": [report.alternative(repair) for repair in found.repairs[1:]],
        "question": report.question(found.question) if found.question else None,
        "rulings": report.rulings(found.rulings),
        "tests": unified_diff(found.tests) if found.tests else None,
        "waiting": list(found.waiting),
        "seconds": round(found.seconds, 3),
        "candidates_tried": found.candidates_tried,
        "note": found.note,
        "applied": [change.path for change in applied.files] if applied else [],
    }


def test(model: str | None, guarantees: Guarantees, found: TestWritten, applied: Patch | None) -> Test:
    """The answer of `darner test`; `model` is None when calls came from the docstring alone."""
    return {
        "version": report.VERSION,
        "model": model,
        "sandbox": report.sandbox(guarantees),
        "name": found.name,
        "status": WriteStatus.WRITTEN if found.patch else WriteStatus.UNWRITTEN,
        "nodeid": found.nodeid or None,
        "patch": unified_diff(found.patch) if found.patch else None,
        "checks": [
            {"call": one.call, "value": one.value, "raises": one.raises, "told_by": one.teller} for one in found.checks
        ],
        "mutants": {"tried": found.mutants, "killed": found.killed},
        "seconds": round(found.seconds, 3),
        "note": found.note,
        "applied": [change.path for change in applied.files] if applied else [],
    }
