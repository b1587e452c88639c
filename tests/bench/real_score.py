"""Is an offered repair of a real task right? The whole upstream suite, run as it stands, and the true hunk decide."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from darner.engine.project import Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.training.product import faulty_lines
from real_fix import Answer, Laid, as_published
from real_table import NOT_SCORED, Row
from real_tasks import Task
from repair import apply, commit

_LIMIT_S = 900.0
_MOSTLY = 0.9
"""Of the tests that passed when the task was mined: a run in which fewer pass is broken and judges nothing."""

Passing = Callable[[], frozenset[str]]
"""Runs the whole suite on the project as it now stands; the tests that pass."""


def scored(task: Task, laid: Laid, answer: Answer) -> Row:
    """The first report tells what was suspected; the one whose repair is said to cure most, what was offered."""
    failures: Sequence[dict[str, Any]] = answer.report.get("failures", ())
    error = answer.report.get("error", {}).get("message", "")
    error = error or ("" if failures else "the named tests pass where the tool runs them")
    first: dict[str, Any] = failures[0] if failures else {}
    at = best_of(failures)
    one: dict[str, Any] = failures[at] if failures else {}
    verified: dict[str, Any] = one.get("verified") or {}
    row = Row(
        task=task.id,
        commit=commit(),
        status=one.get("status", "error"),
        size=task.hunk.size,
        origin=one.get("origin") or "",
        operator=one.get("operator") or "",
        description=one.get("description") or "",
        seconds=round(answer.seconds, 1),
        repair_seconds=round(sum(f["seconds"] for f in failures[: at + 1]), 1),
        tried=sum(f["candidates_tried"] for f in failures[: at + 1]),
        rank=rank_of(task, laid, first.get("suspects", ())),
        suspects=len(first.get("suspects", ())),
        passed_before=verified.get("passed_before", 0),
        uncured=len(verified.get("still_failing", ())),
        peak_mb=round(answer.peak_mb),
        assurance=verified.get("assurance", ""),
        patch=one.get("patch") or "",
        note=error or one.get("note", ""),
    )
    return judged(task, laid, row, lambda: whole_suite(laid)) if row.patch else row


def best_of(failures: Sequence[dict[str, Any]]) -> int:
    """The report to look at: one that offers a repair, and of these the one that leaves fewest tests failing."""
    offered = [n for n, one in enumerate(failures) if one["patch"]]
    return min(offered, key=lambda n: len(failures[n]["verified"]["still_failing"]), default=0)


def rank_of(task: Task, laid: Laid, suspects: Sequence[dict[str, Any]]) -> int:
    """Of the first suspect on a line of the hunk, from 1; 0 when none of the ten that are told is."""
    faulty = faulty_lines(laid.broken.decode(errors="replace"), laid.true.decode(errors="replace"))
    told = ((n, one) for n, one in enumerate(suspects, 1) if one["file"] == task.hunk.path)
    return next((n for n, one in told if any(one["line"] <= at <= one["end_line"] for at in faulty)), 0)


def judged(task: Task, laid: Laid, row: Row, passing: Passing) -> Row:
    """The patch applied: everything that passes in the release as published has to pass, the failing tests first."""
    try:
        apply(laid.root, row.patch)
    except subprocess.CalledProcessError:
        return replace(row, status="error", note="the offered patch does not apply")
    same = alike((laid.root / task.hunk.path).read_bytes(), laid.true)
    found = passing()
    as_published(task, laid.root.parents[1])  # every file: a patch may touch more than the hunk's
    wanted = passing()
    if len(wanted) < _MOSTLY * task.whole.passed or not wanted >= set(task.failing):
        note = f"{len(wanted)} of {task.whole.passed} tests pass in the release itself where the repair is judged"
        return replace(row, status=NOT_SCORED, same=same, note=note)
    lost = wanted - found
    if lost:  # once more, each from a fresh copy: a test may pass or fail by what an earlier run left, or by chance
        as_published(task, laid.root.parents[1])
        steady = passing()
        as_published(task, laid.root.parents[1])
        (laid.root / task.hunk.path).write_bytes(laid.broken)
        apply(laid.root, row.patch)
        lost = (lost & steady) - passing()
    broken = f"{len(lost)} tests of the suite fail: {min(lost)}" if lost else ""
    return replace(row, plausible=True, correct=not lost, same=same, note=row.note or broken)


def whole_suite(laid: Laid) -> frozenset[str]:
    project = Project(laid.root, find_interpreter(laid.root, str(laid.python)))
    with open_session(project, trusted=True) as session:
        return run_suite(session, (), Stop(_LIMIT_S)).passed


def alike(repaired: bytes, true: bytes) -> str:
    """`text`: byte for byte what the authors wrote; `tree`: the same program; `behaviour`: to be judged by tests."""
    if repaired == true:
        return "text"
    return "tree" if ast.dump(ast.parse(repaired)) == ast.dump(ast.parse(true)) else "behaviour"
