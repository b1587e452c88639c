"""Makes what `darner fix --json` and `darner explain --json` print (answers.py)."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase
from typing import Literal

from ..sandbox.types import Guarantees
from .answers import Alternative, Asked, Explain, Explained, Failed, Failure, Fix, Ruled, Sandbox, Suspected, Verified
from .patch import unified_diff
from .types import Explanation, FailureReport, FixStatus, Patch, Question, Repair, Ruling, Suspect, Verdict

VERSION: Literal[1] = 1
_MOST_SUSPECTS = 10


def fixes(model: str | None, guarantees: Guarantees, reports: Iterable[FailureReport], written: Patch | None) -> Fix:
    """The whole answer of `darner fix`; `model` is None when only search was used."""
    return {
        "version": VERSION,
        "model": model,
        "sandbox": sandbox(guarantees),
        "failures": [failure(report) for report in reports],
        "applied": [change.path for change in written.files] if written else [],
    }


def explained(found: FailureReport) -> Explain:
    """The answer of `darner explain`."""
    shown = [suspect(one) for one in found.suspects[:_MOST_SUSPECTS]]
    return {
        "version": VERSION,
        "nodeid": found.nodeid,
        "explanation": explanation(found.explanation),
        "suspects": shown,
    }


def failed(message: str, code: int) -> Failed:
    """A command that ended without an answer; `code` is its exit code."""
    return {"version": VERSION, "error": {"message": message, "code": code}}


def sandbox(guarantees: Guarantees) -> Sandbox:
    return {
        "backend": guarantees.backend,
        "tier": guarantees.tier,
        "probes": dict(guarantees.probes),
        "holds": list(guarantees.holds),
        "gaps": list(guarantees.gaps),
    }


def failure(report: FailureReport) -> Failure:
    """One failing test. `patch`, `origin`, `operator` and `verified` are null unless a repair was verified."""
    best = report.repairs[0] if report.repairs else None
    return {
        "nodeid": report.nodeid,
        "status": report.status,
        "patch": unified_diff(best.candidate.patch) if best else None,
        "origin": best.candidate.origin if best else None,
        "operator": best.candidate.operator if best else None,
        "description": best.candidate.description if best else None,
        "verified": verified(best.verdict) if best else None,
        "seconds": round(report.seconds, 3),
        "candidates_tried": report.candidates_tried,
        "explanation": explanation(report.explanation),
        "suspects": [suspect(one) for one in report.suspects[:_MOST_SUSPECTS]],
        "alternatives": [alternative(repair) for repair in report.repairs[1:]],
        "question": question(report.question) if report.question else None,
        "rulings": rulings(report.rulings),
        "note": report.note,
        "not_compared": report.untold or None,
    }


def verified(verdict: Verdict) -> Verified:
    return {
        "target": verdict.target_passed,
        "passed_before": verdict.passed_before,
        "still_passing": verdict.still_passing,
        "broken": list(verdict.broken),
        "still_failing": list(verdict.uncured),
        "assurance": verdict.proof.assurance,
        "control": verdict.proof.control,
        "split": verdict.proof.split,
        "reasons": list(verdict.proof.reasons),
        "second": verdict.proof.second,
        "confirmed_in": verdict.run.backend,
        "confirmed_note": verdict.run.note,
    }


def explanation(why: Explanation) -> Explained:
    return {
        "summary": why.summary,
        "file": why.file,
        "line": why.line,
        "facts": list(why.facts),
        "prose": why.prose,
        "standing": why.standing,
        "trace": list(why.trace),
    }


def suspect(one: Suspect) -> Suspected:
    return {
        "file": one.path,
        "line": one.line,
        "end_line": one.end_line,
        "function": one.function,
        "score": one.score,
        "reasons": list(one.reasons),
    }


def alternative(repair: Repair) -> Alternative:
    return {
        "patch": unified_diff(repair.candidate.patch),
        "origin": repair.candidate.origin,
        "description": repair.candidate.description,
        "verified": verified(repair.verdict),
    }


def question(asked: Question) -> Asked:
    """The letters are what `--answer` takes; `repair` 0 is `patch`, 1 the first of `alternatives`, and so on."""
    answers = zip(ascii_uppercase, asked.answers, strict=False)
    return {
        "input": asked.input,
        "answers": [{"letter": letter, "output": a.output, "repair": a.candidate} for letter, a in answers],
    }


def rulings(said: Iterable[Ruling]) -> list[Ruled]:
    return [{"call": one.call, "right": one.right or None, "wrong": list(one.wrong)} for one in said]


def exit_code(reports: Iterable[FailureReport]) -> int:
    """0 when every failing test is repaired, else 1."""
    return 0 if all(report.status is FixStatus.REPAIRED for report in reports) else 1
