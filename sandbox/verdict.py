"""From what a run said and what the kernel saw to a status. Only a complete, consistent, clean run is a PASS."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from . import wire
from .types import Limits, Outcome, RunResult, Status, TestResult
from .wire import Row

_ACCEPTED = frozenset((Outcome.PASSED, Outcome.SKIPPED, Outcome.XFAILED))

End = Mapping[str, object]
"""The server's account of a child: `exit`, `signal`, `why` (timeout, cancel, oom, flood, forged, infra), `output`."""


def judge(
    nodeids: Sequence[str], tests: Sequence[TestResult], rows: Sequence[Row], end: End, seconds: float, limits: Limits
) -> RunResult:
    """The kernel's facts come first; then the report must be whole and agree with itself; then the outcomes count."""
    status, detail = _killed(end, limits) or _unfinished(rows, end) or _contradiction(tests, rows, end) or (None, "")
    if status is None:
        status = Status.PASS if _all_passed(nodeids, tests, end) else Status.FAIL
    return RunResult(
        status=status,
        tests=tuple(tests),
        exit_code=_integer(end.get("exit")),
        signal=_integer(end.get("signal")),
        seconds=seconds,
        output=wire.clean(str(end.get("output", ""))),
        detail=detail,
        cpu_s=_number(end.get("cpu_s")),
        peak_bytes=int(1024 * _number(end.get("peak_kib"))),
        mapped_bytes=_mapped(rows),
        file_bytes=int(_number(end.get("file_bytes"))),
        disk_bytes=int(_number(end.get("disk_bytes"))),
        processes=int(_number(end.get("processes"))),
        output_bytes=int(_number(end.get("output_bytes"))),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _mapped(rows: Sequence[Row]) -> int:
    said = next((row["finished"] for row in rows if "finished" in row), None)
    return int(_number(cast(Row, said).get("mapped_bytes"))) if isinstance(said, dict) else 0


def _killed(end: End, limits: Limits) -> tuple[Status, str] | None:
    match end["why"]:
        case "infra":
            return Status.INFRA, str(end.get("detail", "The sandbox failed."))
        case "cancel":
            return Status.ABORT, "The run was cancelled."
        case "timeout":
            return Status.TIMEOUT, f"The run did not end within {limits.wall_s:g} s."
        case "oom":
            return Status.OOM, "The memory limit was reached."
        case "crowd":
            return Status.CRASH, f"The run had more than {limits.processes} processes at once."
        case "disk":
            return Status.CRASH, f"The run wrote more than {limits.disk_bytes >> 20} MiB."
        case "noise":
            return Status.CRASH, f"The run printed more than {limits.output_bytes >> 20} MiB."
        case "flood":
            return Status.TAMPERED, "The run reported more than a report can hold."
        case "rewrote":
            return Status.TAMPERED, str(end["detail"])
        case "lost":
            return Status.CRASH, "The run ended the process that watched it."
        case "forged":
            return Status.TAMPERED, "The run's report holds rows that the probe did not write."
        case _:
            return _signalled(_integer(end.get("signal")), limits)


def _signalled(number: int | None, limits: Limits) -> tuple[Status, str] | None:
    if number is None:
        return None
    if number == signal.SIGXCPU:
        return Status.TIMEOUT, f"The run used more than {limits.cpu_s:g} s of CPU time."
    if number == signal.SIGKILL:
        return Status.OOM, "The system killed the run, most likely because memory ran out."
    return Status.CRASH, f"The interpreter died by {_signal_name(number)}."


def _signal_name(number: int) -> str:
    """Real-time signals have no name of their own."""
    return signal.Signals(number).name if number in {s.value for s in signal.Signals} else f"signal {number}"


def _unfinished(rows: Sequence[Row], end: End) -> tuple[Status, str] | None:
    if any("finished" in row for row in rows):
        return None
    return (
        Status.CRASH,
        f"The run ended with exit code {end.get('exit')} before it had reported (os._exit or the like).",
    )


def passes(nodeid: str, tests: Iterable[TestResult]) -> bool:
    """The test passed; of a file that could not be imported and now can, a test that it holds, and none failed."""
    below = "\0" if "::" in nodeid else f"{nodeid}::"
    own = [test.outcome for test in tests if test.nodeid == nodeid or test.nodeid.startswith(below)]
    return Outcome.PASSED in own and _ACCEPTED.issuperset(own)


def _contradiction(tests: Sequence[TestResult], rows: Sequence[Row], end: End) -> tuple[Status, str] | None:
    finished = [row["finished"] for row in rows if "finished" in row]
    last = finished[0]
    if len(finished) != 1 or "finished" not in rows[-1] or not isinstance(last, dict):
        return Status.TAMPERED, "The run reported its end more than once."
    said = cast(Row, last)
    if said.get("code") != end.get("exit") or said.get("ids") != [test.nodeid for test in tests]:
        return Status.TAMPERED, "The run's report does not agree with how the run ended."
    return None


def _all_passed(nodeids: Sequence[str], tests: Sequence[TestResult], end: End) -> bool:
    seen = Counter(test.nodeid for test in tests)
    once = all(count == 1 for count in seen.values())
    good = all(test.outcome in _ACCEPTED for test in tests)
    return end.get("exit") == 0 and once and good and _reached(seen).issuperset(nodeids)


def _reached(seen: Iterable[str]) -> set[str]:
    """The items, and the files, classes and parametrised functions that stand for them."""
    found = set(seen)
    for nodeid in seen:
        function = nodeid.split("[")[0]
        parts = function.split("::")
        found |= {function, *("::".join(parts[:n]) for n in range(1, len(parts)))}
    return found


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None
