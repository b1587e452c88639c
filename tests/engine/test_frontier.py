"""The order of the search: static at first, then better by what the trials showed; second edits only at the end."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from darner.engine.config import parse_budget
from darner.engine.events import Done
from darner.engine.frontier import Change, Failure, Frontier, change_of, failure_of, is_pair
from darner.engine.loop import repair
from darner.engine.mutate import Mutants, mutants
from darner.engine.search import identity
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.types import Candidate, FixStatus
from darner.sandbox.session import open_session
from darner.sandbox.types import Failure as Told
from darner.sandbox.types import Outcome, RunResult, Status, TestResult

TEXT = b"def f(a, b):\n    c = a + b\n    d = a * b\n    return c < d\n"
SOURCE = Source.parse("m.py", TEXT)
LINES = {2: 0.5, 3: 0.5, 4: 0.5}
NODE = "test_m.py::test_f"


def run(line: int | None, said: str = "1 == 2", status: Status = Status.FAIL) -> RunResult:
    """A run whose failing assert stands at this line of the test; None for a pass."""
    failure = None
    if line is not None:
        failure = Told(
            "AssertionError", said, f'File "/p/test_m.py", line {line}, in test_f\nAssertionError: {said}', ()
        )
    outcome = Outcome.PASSED if line is None else Outcome.FAILED
    return RunResult(status, (TestResult(NODE, outcome, "call", 0.0, failure),), 1, None, 0.0, "")


def test_without_trials_the_order_is_that_of_the_priors() -> None:
    """Nothing is learnt from nothing."""
    frontier = Frontier([(SOURCE, LINES)])

    singles = list(mutants(SOURCE, LINES))
    assert [c.prior for c in islice(frontier, len(singles))] == [c.prior for c in singles]
    assert next(frontier, None) is None, "no edit came further, so there are no second edits"


def test_a_line_whose_edits_come_further_is_tried_sooner() -> None:
    """Suspicion alone cannot tell three lines of one block apart."""
    frontier = Frontier([(SOURCE, LINES)])
    for candidate in islice(frontier, 30):
        frontier.learn(candidate, Change.FURTHER if candidate.line == 3 else Change.NOTHING)

    lines = [candidate.line for candidate in islice(frontier, 20)]
    assert lines[:6].count(3) >= 4


def test_no_candidate_is_lost_or_tried_twice_whatever_is_learnt() -> None:
    """Learning changes the order and nothing else."""
    frontier = Frontier([(SOURCE, LINES)])
    found: list[Candidate] = []
    for candidate in frontier:
        found.append(candidate)
        frontier.learn(candidate, list(Change)[len(found) % 2])

    assert {c.patch for c in found} == {c.patch for c in mutants(SOURCE, LINES)}
    assert len(found) == len({c.patch for c in found})


def test_second_edits_start_from_those_that_came_further_and_keep_the_rest() -> None:
    """Both edits stand in the file; nothing equals the original."""
    frontier = Frontier([(SOURCE, LINES)])
    firsts: list[Candidate] = []
    for candidate in frontier:
        if " + " in candidate.operator:
            break
        if candidate.line == 2 and not firsts:
            firsts.append(candidate)
            frontier.learn(candidate, Change.FURTHER)
    seconds = list(islice(frontier, 50))

    assert len(seconds) == 50
    assert all(c.description.startswith(firsts[0].description) for c in seconds)
    assert all(c.patch.files[0].before == TEXT != c.patch.files[0].after for c in seconds)


def test_a_later_failing_line_is_progress_and_a_hang_is_not() -> None:
    """Each ending is told apart by the run alone."""
    before = failure_of(run(3), NODE)
    assert before == Failure(3, "AssertionError: 1 == 2")

    assert change_of(run(3), NODE, before) is Change.NOTHING
    assert change_of(run(3, "2 == 2"), NODE, before) is Change.OTHER
    assert change_of(run(4), NODE, before) is Change.FURTHER
    assert change_of(run(None, status=Status.PASS), NODE, before) is Change.PASSED
    assert change_of(run(3, status=Status.TIMEOUT), NODE, before) is Change.RAN_AWAY


@pytest.mark.slow
def test_a_bug_that_takes_two_edits_is_repaired(tmp_path: Path) -> None:
    """Neither edit alone makes the test pass; one lets it come further."""
    (tmp_path / "box.py").write_text("def span(a, b):\n    c = b + a\n    return c\n")
    asserts = "    assert span(5, 5) == 0\n    assert span(9, 2) == 7 == span(2, 9)\n"
    test = f"from box import span\n\ndef test_span():\n{asserts}"
    (tmp_path / "test_box.py").write_text(test)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with open_session(tmp_path.resolve(), Path(sys.executable), trusted=True) as session:
        stop = Stop()
        suite = run_suite(session, (), stop)
        events = list(repair(session, suite, suite.failing[0], None, parse_budget("300"), stop))

    done = events[-1]
    assert isinstance(done, Done)
    assert done.report.status in (FixStatus.REPAIRED, FixStatus.AMBIGUOUS)


def test_a_file_of_many_lines_is_searched_in_parts_and_nothing_is_left_out() -> None:
    """A real module has thousands of suspicious lines: to make all edits before the first trial took a whole budget."""
    source = Source.parse("a.py", "".join(f"assert {n}\n" for n in range(1, 151)).encode())
    lines = {n: 1.0 if n == 140 else 0.2 for n in range(1, 151)}

    found = list(Frontier([(source, lines)]))

    singles = [candidate for candidate in found if not is_pair(candidate)]
    assert singles[0].line == 140
    assert {identity(c.patch) for c in singles} == {identity(c.patch) for c in mutants(source, lines)}
    assert len({identity(c.patch) for c in singles}) == len(singles)


def test_an_edit_belongs_to_one_part_of_its_file() -> None:
    """A long statement stands in many parts: its edits would else be made, and weighed, once for each."""
    source = Source.parse("a.py", b"TABLE = {\n" + b"".join(b"    'k%d': %d,\n" % (n, n) for n in range(20)) + b"}\n")
    lines = dict.fromkeys(range(1, 23), 0.5)
    parts = (range(1, 8), range(8, 15), range(15, 23))

    def made(part: range) -> list[str]:
        return [repr((p.operator.name, p.edit)) for p in Mutants(source, lines, part=part).proposals]

    assert sorted(text for part in parts for text in made(part)) == sorted(made(range(1, 23)))
