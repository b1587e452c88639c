"""A pytest plugin that writes how every test ended to the file named by DARNER_OUTCOMES. Imports nothing of ours."""

from __future__ import annotations

import json
import os

import pytest

_ended: dict[str, str] = {}
_uncollected: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst phase tells."""
    before = _ended.get(report.nodeid, "passed")
    if before == "passed":
        _ended[report.nodeid] = report.outcome


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _uncollected.append(report.nodeid)


def pytest_sessionfinish() -> None:
    with open(os.environ["DARNER_OUTCOMES"], "w", encoding="utf-8") as file:
        json.dump({"ended": _ended, "uncollected": _uncollected}, file)
