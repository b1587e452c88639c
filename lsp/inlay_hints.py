"""`textDocument/inlayHint`: the values that occurred, at the end of the failing line and of suspected lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lsprotocol import types as lsp

from ..sandbox.types import Call, Frame
from .cases import Case, FileCases
from .convert import Text
from .describe import compared, frames_of, short
from .places import find_line, function_line, place_of
from .snapshot import Snapshot

_BOUND = 60
"""Characters of one value."""
_MOST_CASES = 2
"""Failing tests that speak at one line."""
_NAME = re.compile(r"[^\W\d]\w*")


def inlay_hints(snapshot: Snapshot, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    located = snapshot.locate(params.text_document.uri)
    if located is None or not located[0].settings.inlay_hints or not located[0].cases:
        return []
    board, path = located
    text = snapshot.text(board, path)
    wanted = range(params.range.start.line, params.range.end.line + 1)
    hints: list[lsp.InlayHint] = []
    for line, told in sorted(_by_line(board.cases.about(path), text).items()):
        if line in wanted:
            hints.append(_hint(snapshot, text, line, told))
    return hints


def _by_line(file: FileCases, text: Text) -> Mapping[int, Mapping[str, str]]:
    """For each line, what it says: label, and the test it comes from. The first failing tests win."""
    found: dict[int, dict[str, str]] = {}
    for case in file.by_id.values():
        for line, label in _labels(case, text, file.path):
            told = found.setdefault(line, {})
            if label not in told and len(told) < _MOST_CASES:
                told[label] = case.nodeid
    return found


def _labels(case: Case, text: Text, path: str) -> Iterator[tuple[int, str]]:
    """At most one label a line: values of the frame, else the arguments of the recorded call."""
    seen: set[int] = set()
    for frame in reversed([frame for frame in frames_of(case.result) if frame.path == path]):
        line = find_line(text, place_of(frame), case.nodeid)
        label = _frame_label(case, frame)
        if label and line not in seen:
            seen.add(line)
            yield line, label
    for call in (call for call in case.calls if call.path == path):
        line = function_line(text, call.function)
        if line is not None and line not in seen:
            seen.add(line)
            yield line, _call_label(call)
            yield from _inside(case, call, text, line - (call.line - 1), seen)


def _inside(case: Case, call: Call, text: Text, shift: int, seen: set[int]) -> Iterator[tuple[int, str]]:
    """Suspected lines of the called function, with the arguments that they name; `shift`: lines moved since the run."""
    for suspect in case.suspects:
        line = suspect.line - 1 + shift
        if (suspect.path, suspect.function) == (call.path, call.function) and line not in seen:
            values = _named(text.line(line), call.arguments)
            if values:
                seen.add(line)
                yield line, values


def _frame_label(case: Case, frame: Frame) -> str:
    """The names on the line with what they held; at the failing comparison, both sides first."""
    parts = [_named(frame.source, frame.locals)]
    failure = case.result.failure
    if failure is not None and frame is failure.frames[-1] and (values := compared(failure)) is not None:
        parts.insert(0, values)
    return "; ".join(part for part in parts if part)


def _call_label(call: Call) -> str:
    values = ", ".join(f"{name} = {short(value, _BOUND)}" for name, value in call.arguments)
    ended = (
        f"raised {call.exception}"
        if call.exception
        else f"returned {short(call.result, _BOUND)}"
        if call.result
        else ""
    )
    return "; ".join(part for part in (values, ended) if part)


def _named(source: str, values: tuple[tuple[str, str], ...]) -> str:
    names = set(_NAME.findall(source))
    return ", ".join(f"{name} = {short(value, _BOUND)}" for name, value in values if name in names)


def _hint(snapshot: Snapshot, text: Text, line: int, told: Mapping[str, str]) -> lsp.InlayHint:
    end = text.line_range(line, snapshot.client.encoding).end
    tests = "\n".join(f"In {nodeid}: {label}" for label, nodeid in told.items())
    return lsp.InlayHint(end, " | ".join(told), padding_left=True, tooltip=tests)
