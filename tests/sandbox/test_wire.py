"""What a child writes is data of a stranger: whatever it is, it is read or refused, and only a true report passes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from darner.sandbox import wire
from darner.sandbox.types import Limits, Status, TestResult
from darner.sandbox.verdict import judge
from darner.sandbox.wire import Malformed, Row
from hypothesis import example, given, settings
from hypothesis import strategies as st

IDS = ("test_a.py::test_one", "test_a.py::test_two")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def passed(nodeid: str, **more: object) -> dict[str, object]:
    test = {"nodeid": nodeid, "outcome": "passed", "phase": "call", "seconds": 0.1, "failure": None}
    return {"test": {**test, **more}}


def honest() -> list[dict[str, object]]:
    return [*(passed(nodeid) for nodeid in IDS), {"finished": {"code": 0, "ids": list(IDS)}}]


def read(lines: Sequence[str], end: Mapping[str, object]) -> Status:
    """As a session does: rows in order, the first that does not fit makes the whole report a forgery."""
    rows: list[Row] = []
    tests: list[TestResult] = []
    forged = False
    for line in lines:
        try:
            row = wire.parse_line(line)
            rows.append(row)
            if "test" in row:
                tests.append(wire.test_result(row["test"]))
        except Malformed:
            forged = True
    end = {**end, "why": "forged"} if forged else end
    return judge(IDS, tests, rows, end, 0.1, Limits()).status


CLEAN = {"exit": 0, "signal": None, "why": "", "output": ""}


def test_a_true_report_of_a_clean_run_passes() -> None:
    """The other tests here would prove nothing if nothing passed."""
    assert read([json.dumps(row) for row in honest()], CLEAN) is Status.PASS


@pytest.mark.parametrize(
    "line",
    [
        '{"test": NaN}',
        '{"test": 1e999999999999999999999999999999999999999}',
        '{"n": ' + "9" * 5_000 + "}",
        '{"a": 1, "a": 2}',
        '{"test": {"outcome": "failed", "outcome": "passed"}}',
        '{"a": ' + "[" * 60 + "]" * 60 + "}",
        "[" * 100_000,
        '{"a": "' + "x" * wire.MAX_FRAME + '"}',
        '{"a": 1} {"b": 2}',
        "[]",
        "",
        '{"truncated": "te',
    ],
    ids=lambda line: line[:30],
)
def test_a_line_that_no_probe_writes_is_refused(line: str) -> None:
    """Ambiguous or boundless JSON is where two readers disagree."""
    with pytest.raises(Malformed):
        wire.parse_line(line)
    assert read([line, *(json.dumps(row) for row in honest())], CLEAN) is Status.TAMPERED


@settings(deadline=None)
@given(text=st.text(max_size=300) | VALUES.map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    """The supervisor outlives everything that a candidate may write."""
    try:
        row = wire.parse_line(text)
    except Malformed:
        return
    assert isinstance(row, dict)


@settings(deadline=None)
@given(value=VALUES)
def test_any_value_as_a_test_is_read_or_refused(value: object) -> None:
    """A row of the wrong shape is tampering, not an error."""
    for reading in (wire.test_result, wire.call_result, wire.end):
        try:
            reading(value)
        except Malformed:
            continue


CHANGES = st.sampled_from(("drop", "repeat", "swap", "cut", "extra", "rename", "worse"))


@settings(deadline=None)
@given(change=CHANGES, at=st.integers(0, 2), other=st.integers(0, 2), extra=VALUES, cut=st.integers(1, 40))
@example(change="extra", at=2, other=0, extra={"finished": {"code": 0, "ids": list(IDS)}}, cut=1)
def test_a_report_that_was_changed_never_passes(change: str, at: int, other: int, extra: object, cut: int) -> None:
    """Dropped, repeated, truncated, out of order or added to: none of it is the report of a clean run."""
    rows: list[object] = list(honest())
    lines = [json.dumps(row) for row in rows]
    match change:
        case "drop":
            del lines[at]
        case "repeat":
            lines.insert(other, lines[at])
        case "swap":
            if at == other:
                return
            lines[at], lines[other] = lines[other], lines[at]
        case "cut":
            lines[at] = lines[at][:-cut]
        case "extra":
            lines.append(json.dumps(extra))
        case "rename":
            lines[at] = lines[at].replace("test_a.py", "test_b.py")
        case _:
            lines[at] = lines[at].replace('"passed"', '"failed"').replace('"code": 0', '"code": 1')
    assert read(lines, CLEAN) is not Status.PASS


ENDS = st.fixed_dictionaries({
    "exit": st.none() | st.integers(-5, 300),
    "signal": st.none() | st.integers(1, 70),
    "why": st.sampled_from(("", "timeout", "cancel", "flood", "forged", "infra")),
    "output": st.text(max_size=20),
})  # fmt: skip


@settings(deadline=None)
@given(end=ENDS, rows=st.lists(VALUES, max_size=4), whole=st.booleans())
def test_the_kernels_account_wins_over_the_report(end: dict[str, object], rows: list[object], whole: bool) -> None:
    """A perfect report beside a signal, a limit or another exit code is no pass, and nothing raises."""
    lines = [json.dumps(row) for row in (honest() if whole else rows)]
    clean = whole and end["exit"] == 0 and end["signal"] is None and not end["why"]
    assert (read(lines, end) is Status.PASS) == clean
