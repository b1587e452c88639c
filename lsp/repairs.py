"""`darner.showRepairs`: the verified repairs of one test, for a client that shows them before one is applied."""

from __future__ import annotations

from lsprotocol import types as lsp

from ..engine.types import Question
from .cases import Case
from .describe import doubt, evidence, short
from .edits import workspace_edit
from .snapshot import Board, Snapshot


def repairs_of(snapshot: Snapshot, board: Board, nodeid: str) -> dict[str, object]:
    """Best first. `edit` is the edit that `darner.applyRepair` sends; `refused` says why there is none now."""
    case = board.cases.get(nodeid)
    return {
        "nodeid": nodeid,
        "root": str(board.root),
        "repairs": _repairs(snapshot, board, case) if case is not None else [],
        "question": _question(case.question) if case is not None and case.question is not None else None,
        "note": case.note if case is not None else "",
    }


def _repairs(snapshot: Snapshot, board: Board, case: Case) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for index, repair in enumerate(case.repairs):
        edit = workspace_edit(snapshot, board, repair.candidate.patch)
        found.append(
            {
                "index": index,
                "description": short(repair.candidate.description, 100),
                "evidence": evidence(repair, case.nodeid),
                "assurance": repair.verdict.proof.assurance.value,
                "doubt": doubt(repair),
                "origin": repair.candidate.origin.value,
                "edit": edit if isinstance(edit, lsp.WorkspaceEdit) else None,
                "refused": edit if isinstance(edit, str) else "",
            }
        )
    return found


def _question(question: Question) -> dict[str, object]:
    """`repair` of an answer is the index of a repair that behaves so."""
    answers = [{"output": short(answer.output), "repair": answer.candidate} for answer in question.answers]
    return {"input": short(question.input), "answers": answers}
