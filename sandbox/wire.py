"""Rows written inside the sandbox, read as values outside it. A row that does not fit is tampering, not an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from .types import Activation, Call, CallResult, Failure, Frame, Outcome, Step, Swallowed, TestResult, Trace

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MODULE = re.compile(r"[A-Za-z_][\w.]{0,200}", re.ASCII)
_MAX_TEXT = 16_000
MAX_FRAME = 16 << 20
"""Bytes of one frame; the server cuts a child off long before."""
_MAX_DEPTH = 24
_MAX_DIGITS = 18


class Malformed(ValueError):
    """The text is not a row that probe.py or child.py writes."""


Row = Mapping[str, object]


def parse_line(line: str) -> Row:
    """One JSON object; raises Malformed for anything else: repeated keys, NaN, huge numbers, absurd nesting or size."""
    if len(line) > MAX_FRAME:
        raise Malformed("longer than a frame may be")
    try:
        row: object = _decoder.decode(line)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error
    if not isinstance(row, dict):
        raise Malformed("not an object")
    _refuse_depth(cast(Row, row))
    return cast(Row, row)


def _refuse_depth(row: Row) -> None:
    level: list[object] = [row]
    for _ in range(_MAX_DEPTH):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner += cast(dict[str, object], value).values()
            elif isinstance(value, list):
                inner += cast(list[object], value)
        level = inner
        if not level:
            return
    raise Malformed("nested too deeply")


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a key is there twice")
    return found


def _bounded_integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise Malformed("a number is too long")
    return int(digits)


def _bounded_number(digits: str) -> float:
    if len(digits) > 2 * _MAX_DIGITS:
        raise Malformed("a number is too long")
    return float(digits)


def _no_constant(name: str) -> float:
    raise Malformed(f"{name} is not JSON")


_decoder = json.JSONDecoder(
    object_pairs_hook=_no_repeats,
    parse_int=_bounded_integer,
    parse_float=_bounded_number,
    parse_constant=_no_constant,
)


def clean(text: str) -> str:
    """Without terminal escapes, control characters and bidirectional overrides, bounded."""
    return _HIDDEN.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))[-_MAX_TEXT:]


def end(value: object) -> Row:
    """The server's account of how a child ended."""
    row = as_object(value)
    _text(row, "why")
    for key in ("exit", "signal", "peak_kib", "cpu_s", "file_bytes", "disk_bytes", "processes", "output_bytes"):
        if row.get(key) is not None:
            _number(row, key)
    if row.get("changed") is not None and not all(isinstance(path, str) for path in _list(row["changed"])):
        raise Malformed("changed is not a list of paths")
    return row


def test_result(value: object) -> TestResult:
    row = as_object(value)
    try:
        outcome = Outcome(_text(row, "outcome"))
    except ValueError as error:
        raise Malformed(str(error)) from error
    failure = row.get("failure")
    return TestResult(
        nodeid=_text(row, "nodeid"),
        outcome=outcome,
        phase=_text(row, "phase"),
        seconds=_number(row, "seconds"),
        failure=None if failure is None else _failure(as_object(failure)),
        lines=tuple((path, tuple(_integers(found))) for path, found in as_object(row.get("lines", {})).items()),
        calls=tuple(_call(as_object(call)) for call in _list(row.get("calls", []))),
        trace=None if row.get("trace") is None else _trace(as_object(row["trace"])),
        raised=tuple(_swallowed(as_object(each)) for each in _list(row.get("raised", []))),
        kind=_optional(row, "kind") or "",
    )


def module_names(rows: Iterable[Row]) -> tuple[str, ...]:
    """What a run says that it imported; what is no dotted name is left out."""
    said = [row["imported"] for row in rows if isinstance(row.get("imported"), list)]
    names = (name for found in said for name in cast(list[object], found) if isinstance(name, str))
    return tuple(name for name in names if _MODULE.fullmatch(name))


def call_result(value: object) -> CallResult:
    row = as_object(value)
    return CallResult(_text(row, "expression"), _optional(row, "result"), _optional(row, "exception"))


def _failure(row: Row) -> Failure:
    return Failure(
        exception=_text(row, "exception"),
        message=_text(row, "message"),
        text=_text(row, "text"),
        frames=tuple(_frame(as_object(frame)) for frame in _list(row.get("frames", []))),
        operator=_optional(row, "operator"),
        left=_optional(row, "left"),
        right=_optional(row, "right"),
    )


def _frame(row: Row) -> Frame:
    return Frame(
        path=_text(row, "path"),
        line=int(_number(row, "line")),
        function=_text(row, "function"),
        source=_text(row, "source"),
        locals=_pairs(row.get("locals", [])),
    )


def _call(row: Row) -> Call:
    return Call(
        path=_text(row, "path"),
        line=int(_number(row, "line")),
        function=_text(row, "function"),
        arguments=_pairs(row.get("arguments", [])),
        text=_text(row, "text"),
        result=_optional(row, "result"),
        exception=_optional(row, "exception"),
    )


def _swallowed(row: Row) -> Swallowed:
    return Swallowed(
        path=_text(row, "path"),
        line=_whole(row, "line"),
        function=_text(row, "function"),
        exception=_text(row, "exception"),
        message=_text(row, "message"),
        catcher=_text(row, "catcher"),
        catcher_path=_text(row, "catcher_path"),
    )


def _trace(row: Row) -> Trace:
    activations = tuple(_activation(as_object(one)) for one in _list(row.get("activations")))
    steps = tuple(_step(step, len(activations)) for step in _list(row.get("steps")))
    return Trace(activations, steps, _whole(row, "dropped"), cut=row.get("cut") is True)


def _activation(row: Row) -> Activation:
    return Activation(
        path=_text(row, "path"),
        function=_text(row, "function"),
        line=_whole(row, "line"),
        caller=_whole(row, "caller"),
        at=_whole(row, "at"),
        arguments=_pairs(row.get("arguments", [])),
        result=_optional(row, "result"),
        exception=_optional(row, "exception"),
        unbroken=_whole(row, "unbroken"),
    )


def _step(value: object, activations: int) -> Step:
    match _list(value):
        case [int() as number, int() as line, values] if 0 <= number < activations:
            return Step(number, line, _pairs(values) if values else ())
        case _:
            raise Malformed("not a step")


def _whole(row: Row, key: str) -> int:
    return int(_number(row, key))


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise Malformed(f"{key} is not a text")
    return clean(value)


def _optional(row: Row, key: str) -> str | None:
    return None if row.get(key) is None else _text(row, key)


def _number(row: Row, key: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e12 < value < 1e12:
        raise Malformed(f"{key} is not a number")
    return float(value)


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise Malformed("not a list")
    return cast(Sequence[object], value)


def as_object(value: object) -> Row:
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return cast(Row, value)


def _integers(value: object) -> list[int]:
    found = [item for item in _list(value) if isinstance(item, int)]
    if len(found) != len(_list(value)):
        raise Malformed("not a list of line numbers")
    return found


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for item in _list(value):
        match _list(item):
            case [str() as name, str() as text]:
                pairs.append((clean(name), clean(text)))
            case _:
                raise Malformed("not a pair of texts")
    return tuple(pairs)
