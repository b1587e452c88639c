"""Figures that tests note are printed at the end: they are worth knowing and no reason to fail on a slow machine."""

from __future__ import annotations

import pytest

_FIGURES: list[str] = []


@pytest.fixture
def figures() -> list[str]:
    return _FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _FIGURES:
        terminalreporter.section("figures")
        for figure in _FIGURES:
            terminalreporter.write_line(figure)
