"""The must-fail control of a passing test: its twins (twin.py), run with the same candidate under the same name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .twin import NO_TWINS, Twins, doctest_twin, twins
from .types import Control, Outcome, RunResult, Status

Run = Callable[[Mapping[str, bytes]], RunResult]
"""One run of the test alone, with these files in place of the project's."""


def must_fail(root: Path, nodeid: str, edits: Mapping[str, bytes], run: Run) -> Control:
    """What the test's twins say of a candidate (`edits`) that passes the test. At most two runs."""
    path, _, name = nodeid.partition("::")
    text = edits.get(path) or _read(root / path)
    made = _twins(path, name, text)
    if made.value is None:
        return Control.NONE
    passed = _passed(run({**edits, path: made.value}), nodeid)
    if passed is None or not passed:
        return Control.NONE if passed is None else Control.HELD
    if made.negated is None:
        return Control.NONE
    passed = _passed(run({**edits, path: made.negated}), nodeid)
    if passed is None or not passed:
        return Control.NONE if passed is None else Control.EQUAL
    return Control.FOOLED if made.certain else Control.NONE


def _twins(path: str, name: str, text: bytes) -> Twins:
    """Of the function; of the examples where there is no such function, for then it is a doctest."""
    made = twins(text, name.split("[")[0].split("::")) if path.endswith(".py") else NO_TWINS
    return made if made.value is not None or "::" in name else Twins(doctest_twin(text), None, False)


def _passed(run: RunResult, nodeid: str) -> bool | None:
    """None when the run says nothing: it was cut off, or the test was skipped or could not be set up."""
    if run.status not in (Status.PASS, Status.FAIL):
        return None
    outcome = next((test.outcome for test in run.tests if test.nodeid == nodeid), None)
    if outcome is Outcome.PASSED:
        return True
    return False if outcome in (Outcome.FAILED, Outcome.XFAILED) else None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
