"""Sentences about a failing test and its repairs, in one place, so that every surface says the same."""

from __future__ import annotations

import re

from ..engine.types import Origin, Repair
from ..sandbox.types import Failure, Frame, TestResult
from .places import levels, project_frames

_WHERE = re.compile(r"\n\s*\+\s+(where|and)\s+")
"""How pytest starts the lines that say where a compared value came from."""
_MOST_NAMES = 3
_BOUND = 200
"""Characters of one value; a hover is read, not studied."""


def short(text: str, bound: int = _BOUND) -> str:
    line = " ".join(text.split())
    return line if len(line) <= bound else f"{line[: bound - 1]}…"


def test_name(nodeid: str) -> str:
    return levels(nodeid)[-1]


def headline(result: TestResult) -> str:
    """One line: what failed and why, with the real values."""
    name, failure = test_name(result.nodeid), result.failure
    where = {"collect": "could not be collected", "setup": "failed in set-up", "teardown": "failed in tear-down"}
    verb = where.get(result.phase, "failed")
    if failure is None:
        return f"{name} {verb}."
    if (values := compared(failure)) is not None:
        return f"{name} {verb}: {values}"
    message = _WHERE.sub(r", \1 ", failure.message)
    return f"{name} {verb}: {short(': '.join(part for part in (failure.exception, message) if part))}"


def compared(failure: Failure) -> str | None:
    """The operands of the failing assert, when it was a comparison."""
    if failure.operator is None or failure.left is None or failure.right is None:
        return None
    if failure.operator == "==":
        return f"got {short(failure.left)}, expected {short(failure.right)}"
    return f"{short(failure.left)} {failure.operator} {short(failure.right)} does not hold"


def frame_line(frame: Frame) -> str:
    """`a = 1, b = 2`: what a frame's names held."""
    return ", ".join(f"{name} = {short(value, 80)}" for name, value in frame.locals[:8])


def frames_of(result: TestResult) -> tuple[Frame, ...]:
    """The project's frames, innermost last, bounded: the last ones say most."""
    return project_frames(result)[-6:]


def evidence(repair: Repair, nodeid: str) -> str:
    """What running it showed: `passes test_total; 41 of 41 others still pass; assurance A`."""
    verdict = repair.verdict
    passed = f"passes {test_name(nodeid)}" if verdict.target_passed else f"does not pass {test_name(nodeid)}"
    others = f"{verdict.still_passing} of {verdict.passed_before} others still pass"
    names = [test_name(other) for other in verdict.uncured]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    others += f"; still failing: {', '.join(names[:_MOST_NAMES])}{more}" if names else ""
    return f"{passed}; {others}; assurance {verdict.proof.assurance}"


def doubt(repair: Repair) -> str:
    """Why a repair is not applied without being asked; empty when it may be."""
    proof = repair.verdict.proof
    return "" if proof.believed else "; ".join(proof.reasons) or "it was not confirmed"


def repair_title(repair: Repair, nodeid: str) -> str:
    by = (
        f" by {repair.candidate.operator}"
        if repair.candidate.origin is Origin.MODEL and repair.candidate.operator
        else ""
    )
    return f"Apply repair{by}: {short(repair.candidate.description, 100)} ({evidence(repair, nodeid)})"
