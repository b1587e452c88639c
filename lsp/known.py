"""What is known about failing tests, kept up to date while the engine answers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from ..engine.events import Located, Offered, Seen
from ..engine.types import Explanation, FailureReport, Standing
from ..engine.wire import Ran
from ..sandbox.types import Outcome, Status, TestResult
from .cases import Case
from .places import stands_for
from .session import Session

BAD = frozenset({Outcome.FAILED, Outcome.ERROR})
_WHOLE = frozenset({Status.PASS, Status.FAIL, Status.CRASH, Status.OOM, Status.TIMEOUT})
"""Runs after which every test has an outcome: after a crash the engine asks the tests one by one."""


def note(session: Session, root: Path, result: TestResult) -> None:
    """One test's outcome, as it is reported. What is known about an unchanged failure stays."""
    board = session.board(root)
    old = board.cases.get(result.nodeid)
    if result.outcome not in BAD:
        if old is None:
            return
        session.put(board.without(frozenset({result.nodeid})))
    elif old is not None and old.result.failure == result.failure:
        session.put(board.with_case(replace(old, result=result)))
    else:
        session.put(board.with_case(Case(result)))
    session.changed()


def settle(session: Session, root: Path, ran: Ran, nodeids: tuple[str, ...]) -> None:
    """The end of a run: what it did not report any more is gone, if it was asked for and the run was whole."""
    if ran.status not in _WHOLE:
        return
    failing = frozenset(ran.failing)
    board = session.board(root)
    gone = frozenset(known for known in board.cases if known not in failing and _asked(known, nodeids))
    if gone:
        session.put(board.without(gone))
        session.changed()


def seen(session: Session, root: Path, found: Seen) -> None:
    """The first facts are there; what is known already knows more."""
    case = session.board(root).cases.get(found.nodeid)
    if case is not None and case.explanation is None:
        update(session, root, found.nodeid, explanation=_with_prose(session, found.nodeid, found.explanation))


def located(session: Session, root: Path, found: Located) -> None:
    """The facts are there; the prose too, when the same facts were explained before."""
    explanation = _with_prose(session, found.nodeid, found.explanation)
    update(session, root, found.nodeid, suspects=found.suspects, explanation=explanation, calls=found.calls)


def offered(session: Session, root: Path, found: Offered) -> None:
    """Of a search that was cancelled: what it had verified. What an earlier one found stays in its place."""
    case = session.board(root).cases.get(found.nodeid)
    if case is not None and not case.repairs:
        update(session, root, found.nodeid, repairs=found.repairs, question=found.question, note="")


def keep(session: Session, root: Path, report: FailureReport, *, sought: bool) -> None:
    """What a repair found replaces what was known; only the explanation does when nothing was sought."""
    nodeid = report.nodeid
    explanation = _with_prose(session, nodeid, report.explanation)
    update(session, root, nodeid, suspects=report.suspects, explanation=explanation)
    if sought:
        verified = tuple(repair for repair in report.repairs if repair.verdict.verified)
        update(session, root, nodeid, repairs=verified, question=report.question, note=report.note)


def update(session: Session, root: Path, nodeid: str, **news: object) -> None:
    board = session.board(root)
    if (case := board.cases.get(nodeid)) is not None:
        session.put(board.with_case(replace(case, **news)))
        session.changed()


def _with_prose(session: Session, nodeid: str, explanation: Explanation) -> Explanation:
    """A model's words are kept by what they are about: asking again for the same evidence would say the same."""
    key = hashlib.sha256(repr((nodeid, explanation.summary, explanation.facts)).encode("utf-8", "replace")).hexdigest()
    if explanation.prose:
        session.prose[key] = explanation.prose
        return explanation
    prose = session.prose.get(key, "")
    standing = Standing.HYPOTHESIS if prose and explanation.standing is Standing.FACTS else explanation.standing
    return replace(explanation, prose=prose, standing=standing)


def _asked(nodeid: str, asked: tuple[str, ...]) -> bool:
    return not asked or any(stands_for(each, nodeid) for each in asked)
