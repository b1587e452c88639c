"""`darner write` and `darner test` on a small project, from its first run to their report. The model is scripted."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cli_runner import Bench
from darner.engine.config import NORMAL, Budget
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.stub import find
from darner.engine.suite import Suite, run_suite
from darner.engine.write import write
from darner.engine.write_test import write_test
from darner.engine.written import TestDone, TestWritten, Written, Wrote
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Detail

INI = {"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n"}
ROOMY = replace(NORMAL, seconds=600.0, samples=2, rounds=1)


@contextmanager
def opened(bench: Bench) -> Generator[tuple[Session, Suite]]:
    """The project's session, and its suite as it stands."""
    with open_session(bench.root, Path(sys.executable), trusted=True) as session:
        yield session, run_suite(session, (), Stop(), detail=Detail.COVERAGE, may_be_empty=True)


def written(bench: Bench, name: str, *answers: str, budget: Budget = ROOMY) -> Written:
    """What comes of `darner write FILE::NAME` when the model says these texts."""
    with opened(bench) as (session, suite):
        events = list(write(session, suite, find(bench.root, name), ScriptedModel(*answers), budget, Stop()))
    last = events[-1]
    assert isinstance(last, Wrote)
    return last.report


def outcome_of(bench: Bench, name: str, *answers: str) -> TestWritten:
    """What comes of `darner test FILE::NAME` when the model says these texts."""
    with opened(bench) as (session, suite):
        model = ScriptedModel(*answers) if answers else None
        events = list(write_test(session, suite, find(bench.root, name), model, ROOMY, Stop()))
    last = events[-1]
    assert isinstance(last, TestDone)
    return last.report
