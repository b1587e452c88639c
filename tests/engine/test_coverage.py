"""An editor's gutter must not call a line untested that no interpreter executes, nor count what no test did."""

from __future__ import annotations

from pathlib import Path

from darner.engine.coverage import FileCoverage, Statement, coverage
from darner.engine.stop import Stop
from darner.engine.warm import WarmProject
from darner.sandbox.types import Outcome, TestResult

SHOP = '''\
RATE = 2


def total(prices):
    """Words."""
    found: list
    try:
        if not prices:
            return 0
    finally:
        found = [
            sum(prices),
        ]
    return found[0] * RATE


class Cart:
    size = 0

    def add(self):
        self.size += 1
'''


def test_statements_of_functions_are_counted_by_the_tests_that_came_there(tmp_path: Path) -> None:
    """A head is executed by whoever was in its body; docstrings, declarations and imports are nobody's."""
    (tmp_path / "shop.py").write_text(SHOP)
    results = [
        TestResult("a", Outcome.PASSED, "call", 0.0, None, (("shop.py", (8, 12, 14)),)),
        TestResult("b", Outcome.PASSED, "call", 0.0, None, (("shop.py", (8, 9, 12)), ("gone.py", (1,)))),
    ]

    (found,) = coverage(tmp_path, ["shop.py", "test_shop.py", "conftest.py", "gone.py"], results)

    assert found == FileCoverage(
        "shop.py",
        (
            Statement(7, 7, 2),
            Statement(8, 8, 2),
            Statement(9, 9, 1),
            Statement(11, 13, 2),
            Statement(14, 14, 1),
            Statement(21, 21, 0),
        ),
    )


def test_a_traced_run_covers_what_the_named_tests_entered(tmp_path: Path) -> None:
    """With the real sandbox: one test of two, then both."""
    (tmp_path / "shop.py").write_text("def one():\n    return 1\n\n\ndef two():\n    return 2\n")
    tests = "from shop import one, two\n\n\ndef test_one():\n    assert one()\n\n\ndef test_two():\n    assert two()\n"
    (tmp_path / "test_shop.py").write_text(tests)
    warm, stop = WarmProject(tmp_path, None), Stop()
    try:
        with warm.use(stop) as project:
            names = ("test_shop.py::test_two",)
            first = project.coverage(project.run_named(names, stop, lambda _: None, trace=True), names)
            both = project.coverage(project.run(stop, lambda _: None, trace=True), ())
            second = project.coverage(project.run_named(names, stop, lambda _: None, trace=True), names)
    finally:
        warm.close()

    assert first == second == (FileCoverage("shop.py", (Statement(2, 2, 0), Statement(6, 6, 1))),)
    assert both == (FileCoverage("shop.py", (Statement(2, 2, 1), Statement(6, 6, 1))),)
