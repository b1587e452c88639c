"""Everything that is known about one failing test, as a document: for `workspace/textDocumentContent` and commands."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from ..engine.patch import unified_diff
from ..engine.types import Standing
from .cases import Case
from .describe import evidence, frames_of, headline, test_name
from .initialize import SCHEME
from .markup import asked, block, code, escaped
from .snapshot import Board, Snapshot

_INVALID_PARAMS = -32602


def content(snapshot: Snapshot, params: lsp.TextDocumentContentParams) -> lsp.TextDocumentContentResult:
    """`workspace/textDocumentContent`."""
    root, nodeid = _asked(urlsplit(params.uri).query)
    board = snapshot.boards.get(Path(root))
    case = board.cases.get(nodeid) if board is not None else None
    if board is None or not nodeid:
        raise JsonRpcException(f"{params.uri} is no document of Darner's.", _INVALID_PARAMS)
    if case is None:
        return lsp.TextDocumentContentResult(f"# {escaped(nodeid)}\n\nThis test does not fail any more.\n")
    return lsp.TextDocumentContentResult(markdown(snapshot, board, case))


def uri(board: Board, nodeid: str) -> str:
    """`darner:/explanation/test_total.md?…`: ends in .md, so that editors render it.

    Clients write an address anew, each in its own way (VS Code makes `=` of a query `%3D`): only letters, digits, `-`
    and `_` are safe from that, so the query is base64.
    """
    name = quote(test_name(nodeid), safe="")
    query = base64.urlsafe_b64encode(json.dumps([str(board.root), nodeid]).encode()).decode().rstrip("=")
    return f"{SCHEME}:/explanation/{name}.md?{query}"


def _asked(query: str) -> tuple[str, str]:
    """Root and node id, both empty for a query that is none of ours."""
    try:
        root, nodeid = json.loads(base64.urlsafe_b64decode(query + "=" * (-len(query) % 4)))
    except (ValueError, TypeError):
        return "", ""
    return str(root), str(nodeid)


def shown(snapshot: Snapshot, board: Board, nodeid: str) -> dict[str, object]:
    """`darner.showExplanation`, and the notification `darner/explanation`."""
    case = board.cases.get(nodeid)
    text = markdown(snapshot, board, case) if case is not None else ""
    return {
        "root": str(board.root),
        "nodeid": nodeid,
        "title": headline(case.result) if case is not None else f"{test_name(nodeid)} does not fail.",
        "markdown": text,
        "uri": uri(board, nodeid),
    }


def markdown(snapshot: Snapshot, board: Board, case: Case) -> str:
    parts = [f"# {escaped(headline(case.result))}", code(case.nodeid)]
    parts += [*_why(case), *_values(snapshot, board, case), *_suspects(snapshot, board, case), *_repairs(case)]
    parts += [case.note] if case.note else []
    if case.result.failure is not None and case.result.failure.text.strip():
        parts += ["## What pytest says", block(case.result.failure.text, "text")]
    return "\n\n".join(parts) + "\n"


def _why(case: Case) -> Iterator[str]:
    explanation = case.explanation
    if explanation is None:
        return
    yield escaped(explanation.summary)
    if explanation.facts:
        yield "## Facts"
        yield "\n".join(f"- {escaped(fact)}" for fact in explanation.facts)
    if explanation.prose:
        confirmed = explanation.standing is Standing.CONFIRMED
        yield "## In words" if confirmed else "## A hypothesis, not confirmed by a repair"
        yield explanation.prose


def _values(snapshot: Snapshot, board: Board, case: Case) -> Iterator[str]:
    """Each frame, innermost first, with all that was recorded of its names."""
    frames = frames_of(case.result)
    if frames:
        yield "## Values"
    for frame in reversed(frames):
        yield f"{_link(snapshot, board, frame.path, frame.line)} in {code(frame.function)}: {code(frame.source)}"
        if frame.locals:
            yield "\n".join(f"- {code(name)} = {code(value)}" for name, value in frame.locals)


def _suspects(snapshot: Snapshot, board: Board, case: Case) -> Iterator[str]:
    if not case.suspects:
        return
    yield "## Suspects"
    yield "\n".join(
        f"- {_link(snapshot, board, s.path, s.line)} {code(s.function or 'module')}: {escaped('; '.join(s.reasons))}"
        for s in case.suspects[:8]
    )


def _repairs(case: Case) -> Iterator[str]:
    for number, repair in enumerate(case.repairs, 1):
        yield f"## Repair {number}: {escaped(repair.candidate.description)}"
        yield f"{evidence(repair, case.nodeid)}."
        yield block(unified_diff(repair.candidate.patch), "diff")
    if case.question is not None:
        yield asked(case.question)


def _link(snapshot: Snapshot, board: Board, path: str, line: int) -> str:
    return f"[{path}:{line}]({snapshot.uri(board, path)}#L{line})"
