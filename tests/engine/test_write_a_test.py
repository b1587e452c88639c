"""Writing a test for a function: kept only if it depends on the result and kills mutants, in the user's own style."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli_runner import Bench
from darner.engine.errors import BadInput
from darner.engine.patch import apply, unified_diff
from darner.engine.stop import Stop
from darner.engine.stub import find
from darner.engine.suite import run_suite
from darner.engine.types import FileChange, Patch
from darner.engine.write_test import example_test
from darner.engine.written import Check, Teller, TestWritten
from darner.sandbox.session import open_session
from darner.sandbox.types import Detail
from scripted_writing import outcome_of

INI = {"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n"}
RANGES = '''
    """Ranges of pages."""


    class Range:
        def __init__(self, first: int, last: int) -> None:
            self.first, self.last = first, last

        def pages(self) -> int:
            if self.last < self.first:
                raise ValueError("backwards")
            return self.last - self.first + 1


    def parse(text: str) -> list[int]:
        """The pages of `3-5`.

        >>> parse("3-5")
        [3, 4, 5]
        """
        first, _, last = text.partition("-")
        return list(range(int(first), int(last or first) + 1))


    def now() -> float:
        import time

        return time.time()


    def stub(text: str) -> str: ...
    '''


def lines_added(report: TestWritten) -> list[str]:
    assert report.patch is not None, report.note
    return [line[1:] for line in unified_diff(report.patch).splitlines() if line[:1] == "+" and line[:3] != "+++"]


@pytest.mark.slow
def test_a_plain_test_joins_the_file_that_calls_the_function(tmp_path: Path) -> None:
    """Placed, named and imported as the user does it; a wrong prophecy of the model is never pinned as it was."""
    bench = Bench(tmp_path).write({
        **INI,
        "ranges.py": RANGES,
        "tests/test_ranges.py": """
            from ranges import Range


            def test_pages():
                assert Range(1, 2).pages() == 2
            """,
    })  # fmt: skip

    report = outcome_of(bench, "ranges.py::parse", "parse('7') == [7]\nassert parse('1-2') == [99]")

    added = lines_added(report)
    assert report.nodeid == "tests/test_ranges.py::test_parse"
    assert "from ranges import Range, parse" in added
    assert "def test_parse():" in added
    assert not any("99" in line for line in added)
    assert any(line.startswith("    assert parse(") for line in added)
    assert 0 < report.killed <= report.mutants


@pytest.mark.slow
def test_a_unittest_class_gets_a_method(tmp_path: Path) -> None:
    """The user's assertEqual and assertRaises, the user's class, the user's name for the module."""
    bench = Bench(tmp_path).write({
        **INI,
        "book/__init__.py": "",
        "book/ranges.py": RANGES,
        "tests/test_ranges.py": """
            import unittest

            from book import ranges


            class RangeTest(unittest.TestCase):
                def test_pages(self):
                    self.assertEqual(ranges.Range(1, 2).pages(), 2)


            if __name__ == "__main__":
                unittest.main()
            """,
    })  # fmt: skip

    said = "Range(3, 5).pages() == 3\nassert Range(5, 3).pages() == 3"

    report = outcome_of(bench, "book/ranges.py::Range.pages", said)

    added = lines_added(report)
    assert report.nodeid == "tests/test_ranges.py::RangeTest::test_range_pages"
    assert "        self.assertEqual(ranges.Range(3, 5).pages(), 3)" in added
    assert "        with self.assertRaises(ValueError):" in added


@pytest.mark.slow
def test_without_a_model_the_docstring_gives_the_calls_and_a_file_is_made(tmp_path: Path) -> None:
    """A project without tests gets its first; what is written passes pytest on disk."""
    bench = Bench(tmp_path).write({**INI, "ranges.py": RANGES})

    report = outcome_of(bench, "ranges.py::parse")

    assert report.patch is not None, report.note
    assert report.nodeid == "test_ranges.py::test_parse"
    assert report.checks[0] == Check('parse("3-5")', "[3, 4, 5]", False, Teller.DOCSTRING)
    apply(bench.root, report.patch)
    with open_session(bench.root, Path(sys.executable), trusted=True) as session:
        assert run_suite(session, (), Stop()).passed == {report.nodeid}


def test_what_is_not_the_same_twice_gets_no_test(tmp_path: Path) -> None:
    """Better no test than one that fails tomorrow."""
    bench = Bench(tmp_path).write({**INI, "ranges.py": RANGES})

    report = outcome_of(bench, "ranges.py::now", "now() == 1.5", "")

    assert report.patch is None
    assert "the same twice" in report.note


def test_a_stub_has_nothing_to_test(tmp_path: Path) -> None:
    """The sentence says what to do instead."""
    bench = Bench(tmp_path).write({**INI, "ranges.py": RANGES})

    with pytest.raises(BadInput, match="darner write"):
        outcome_of(bench, "ranges.py::stub")


@pytest.mark.slow
def test_the_answer_to_a_question_becomes_a_test_that_tells_the_repairs_apart(tmp_path: Path) -> None:
    """The example passes with the chosen repair and fails with the other; a wrong example is refused."""
    bench = Bench(tmp_path).write({**INI, "ranges.py": RANGES})
    with open_session(bench.root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop(), detail=Detail.COVERAGE, may_be_empty=True)
        meant = find(bench.root, "ranges.py::parse")
        before = meant.source.data
        chosen = Patch((FileChange("ranges.py", before, before.replace(b"+ 1))", b"+ 1))[:]")),))
        other = Patch((FileChange("ranges.py", before, before.replace(b"+ 1))", b"))")),))

        def answer(value: str) -> TestWritten:
            check = Check("parse('5-5')", value, False, Teller.USER)
            return example_test(session, suite, meant, check, chosen, [other], Stop())

        right, wrong = answer("[5]"), answer("[]")

    assert "    assert parse('5-5') == [5]" in lines_added(right)
    assert (wrong.patch, "does not give [] " in wrong.note) == (None, True)


def test_calls_that_could_not_be_made_are_not_called_unsteady(tmp_path: Path) -> None:
    """The module does not load on its own: what the calls give twice is not known."""
    module = 'raise SystemExit("not here")\n\n\ndef one(n: int) -> int:\n    return 1\n'
    bench = Bench(tmp_path).write({**INI, "ranges.py": module})

    report = outcome_of(bench, "ranges.py::one", "one(2) == 1", "")

    assert (
        report.note == "No call of one could be made: ranges.py could not be imported, or the call ended the process."
    )
