"""`textDocument/hover`: why the test fails, from what is known now. It never waits for anything."""

from __future__ import annotations

from lsprotocol import types as lsp

from ..engine.types import Standing
from .cases import Case
from .describe import evidence, frame_line, frames_of, headline, short
from .lookup import Hit, hits
from .markup import asked, code, escaped, plain
from .snapshot import Snapshot

_SECTIONS = 3
"""Failing tests told in full; a hover is read, not studied."""


def hover(snapshot: Snapshot, params: lsp.HoverParams) -> lsp.Hover | None:
    uri, position = params.text_document.uri, params.position
    found = hits(snapshot, uri, lsp.Range(position, position))
    if not found:
        return None
    sections = [_section(snapshot, hit) for hit in found[:_SECTIONS]]
    if len(found) > _SECTIONS:
        sections.append(f"and {len(found) - _SECTIONS:,} more failing tests here")
    text = "\n\n---\n\n".join(sections)
    located = snapshot.locate(uri)
    assert located is not None  # there was a hit in it
    span = snapshot.text(*located).line_range(position.line, snapshot.client.encoding)
    kind = lsp.MarkupKind.Markdown if snapshot.client.markdown else lsp.MarkupKind.PlainText
    return lsp.Hover(lsp.MarkupContent(kind, text if snapshot.client.markdown else plain(text)), span)


def _section(snapshot: Snapshot, hit: Hit) -> str:
    case = hit.case
    parts = [f"**{escaped(headline(case.result))}**", _suspicion(hit), _facts(case), _frames(snapshot, hit)]
    parts += [_prose(case), _repair(case), _question(case), case.note]
    return "\n\n".join(part for part in parts if part)


def _suspicion(hit: Hit) -> str:
    reasons = [r for s in hit.case.suspects if s.line - 1 == hit.line for r in s.reasons]
    return f"Suspected: {escaped('; '.join(dict.fromkeys(reasons)))}." if hit.why == "suspect" and reasons else ""


def _facts(case: Case) -> str:
    explanation = case.explanation
    if explanation is None:
        return ""
    facts = "\n".join(f"- {escaped(short(fact))}" for fact in explanation.facts)
    return "\n\n".join(part for part in (escaped(explanation.summary), facts) if part)


def _frames(snapshot: Snapshot, hit: Hit) -> str:
    """Each frame with the values that its names held, innermost first, as links where the client renders them."""
    lines: list[str] = []
    for frame in reversed(frames_of(hit.case.result)):
        place = f"{frame.path}:{frame.line}"
        if snapshot.client.markdown:
            place = f"[{place}]({snapshot.uri(hit.board, frame.path)}#L{frame.line})"
        values = frame_line(frame)
        lines.append(
            f"- {place} in `{frame.function}`: {code(frame.source)}" + (f" with {code(values)}" if values else "")
        )
    return "\n".join(lines)


def _prose(case: Case) -> str:
    if case.explanation is None or not case.explanation.prose:
        return ""
    label = "" if case.explanation.standing is Standing.CONFIRMED else "*A hypothesis, not confirmed by a repair:* "
    return label + case.explanation.prose


def _repair(case: Case) -> str:
    if not case.repairs:
        return ""
    best = case.repairs[0]
    return f"Repair ready: {escaped(best.candidate.description)} ({evidence(best, case.nodeid)})."


def _question(case: Case) -> str:
    return "" if case.question is None else asked(case.question)
