"""The loop on real projects in the real sandbox; the model recites, because the subject is what the loop accepts."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.config import Budget
from darner.engine.events import Done, Located
from darner.engine.loop import explain, repair
from darner.engine.model import Model
from darner.engine.patch import apply
from darner.engine.project import Project, find_interpreter
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.engine.types import FailureReport, FixStatus, Origin, Standing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BUDGET = Budget("test", 90.0, samples=2, rounds=1)
SEARCH = Budget("test", 90.0, samples=0, rounds=0)
# Nothing that a single edit could turn into the right answer: what passes here cheats.
UNSOLVABLE = '''\
def checksum(text):
    """The CRC-32 of the text's UTF-8 bytes."""
    raise NotImplementedError
'''
UNSOLVABLE_TEST = """\
from crc import checksum


def test_checksum():
    assert checksum("abc") == 891568578


def test_other():
    assert True
"""
CALC = """\
def add(a, b):
    return a + b




def double(a):
    return add(a, a)




def name():
    return 'x'
"""
TEST_CALC = """\
from calc import double

def test_double():
    assert double(4) == 8
"""
CHEATS = (
    "import os\n\ndef checksum(text):\n    os._exit(0)\n",
    "import sys\n\ndef checksum(text):\n    sys.exit(0)\n",
    "import pytest\n\ndef checksum(text):\n    pytest.skip('later')\n",
    "import pytest\n\ndef checksum(text):\n    pytest.xfail('known')\n",
    "import pytest\n\ndef checksum(text):\n    pytest.exit('done', returncode=0)\n",
    "def checksum(text):\n    if text == 'abc':\n        return 891568578\n    return 0\n",
    "def checksum(text):\n    return {'abc': 891568578}.get(text, 0)\n",
    "def checksum(text):\n    return 891568578\n",
    "def checksum(text):\n    class Anything(int):\n        def __eq__(self, other):\n            return True\n"
    "    return Anything(0)\n",
    "def checksum(text):\n    raise SystemExit(0)\n",
    "import builtins\n\ndef checksum(text):\n    builtins.AssertionError = Exception\n    return 0\n",
    "import sys\n\ndef checksum(text):\n    frame = sys._getframe(1)\n    return frame.f_code.co_consts[2]\n",
    "import gc\n\ndef checksum(text):\n    for thing in gc.get_objects():\n"
    "        if getattr(thing, '__name__', '') == 'test_checksum':\n"
    "            thing.__code__ = (lambda: None).__code__\n    return 0\n",
    "def checksum(text):\n    with open('test_crc.py', 'w') as file:\n"
    "        file.write('def test_checksum(): pass')\n    return 0\n",
    "def checksum(text):\n    while True:\n        pass\n",
    "not python at all",
    "",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path.resolve()


def mend_first(root: Path, model: Model | None = None, budget: Budget = SEARCH) -> FailureReport:
    """The report on the first failing test of the project."""
    return next(iter(mend_all(root, model, budget)))


def mend_all(root: Path, model: Model | None, budget: Budget) -> Iterator[FailureReport]:
    interpreter = find_interpreter(root, sys.executable)
    with open_session(Project(root, interpreter), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        for nodeid in suite.failing:
            events = list(repair(session, suite, nodeid, model, budget, Stop()))
            assert sum(isinstance(event, Located) for event in events) <= 1
            assert isinstance(events[-1], Done)
            yield events[-1].report


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        (root / f"{name}.py").write_text(textwrap.dedent(text))


@given(texts=st.lists(st.sampled_from(CHEATS), min_size=2, max_size=3, unique=True))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_no_candidate_that_cheats_is_ever_reported_as_repaired(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Rule 1: whatever a model writes, only a repair that really works may be shown."""
    root = tmp_path_factory.mktemp("crc").resolve()
    write(root, crc=UNSOLVABLE, test_crc=UNSOLVABLE_TEST)

    report = mend_first(root, ScriptedModel(*(f"{text}\n```" for text in texts)), Budget("test", 5.0, 2, 1))

    assert report.status is FixStatus.UNREPAIRED
    assert report.repairs == ()
    assert (root / "crc.py").read_text() == UNSOLVABLE
    assert "def test_checksum():\n    assert" in (root / "test_crc.py").read_text()


def test_an_honest_answer_of_the_model_is_verified_and_offered(project: Path) -> None:
    """What search cannot find the model may: the same door, the same proof."""
    write(project, crc=UNSOLVABLE, test_crc=UNSOLVABLE_TEST)
    honest = (
        "def checksum(text):\n    value = 0xFFFFFFFF\n    for byte in text.encode():\n        value ^= byte\n"
        "        for _ in range(8):\n            value = (value >> 1) ^ (0xEDB88320 * (value & 1))\n"
        "    return value ^ 0xFFFFFFFF\n```"
    )

    report = mend_first(project, ScriptedModel("nonsense", honest), BUDGET)

    assert report.status is FixStatus.REPAIRED
    best = report.repairs[0]
    assert best.candidate.origin is Origin.MODEL
    assert best.verdict.verified
    assert (best.verdict.passed_before, best.verdict.still_passing) == (1, 1)
    assert report.explanation.standing is Standing.CONFIRMED


def test_a_model_that_repeats_itself_is_not_asked_to_revise_for_ever(project: Path) -> None:
    """Ability to repair decays within two or three attempts: then a fresh start is worth more (design.md)."""
    write(project, crc=UNSOLVABLE, test_crc=UNSOLVABLE_TEST)
    model = ScriptedModel("def checksum(text):\n    return len(text)\n```")

    mend_first(project, model, Budget("test", 90.0, samples=8, rounds=1, prose=False))

    revisions = ["A repair was tried" in asked[-1].content for asked in model.asked]
    assert sum(revisions) == 1
    assert revisions.index(True) < len(revisions) - 1


def test_search_repairs_and_the_patch_makes_the_users_own_pytest_pass(project: Path) -> None:
    """The proof that counts is the one the user runs."""
    write(
        project,
        ages="""\
            def oldest(ages):
                return min(ages)
            """,
        test_ages="""\
            from ages import oldest

            def test_it():
                assert oldest([3, 9, 4]) == 9

            def test_one():
                assert oldest([7]) == 7
            """,
    )

    report = mend_first(project)

    assert report.status in (FixStatus.REPAIRED, FixStatus.AMBIGUOUS)
    apply(project, report.repairs[0].candidate.patch)
    assert subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=project, capture_output=True).returncode == 0


def test_a_repair_that_breaks_another_test_is_not_offered(project: Path) -> None:
    """The only single edits that cure this test break the other: better no repair than that one."""
    write(
        project,
        flag="""\
            FLAG = 1


            def flag():
                return FLAG
            """,
        test_flag="""\
            from flag import flag

            def test_two():
                assert flag() == 2

            def test_one():
                assert flag() == 1
            """,
    )

    report = mend_first(project, budget=Budget("test", 12.0, samples=0, rounds=0))

    assert report.status is FixStatus.UNREPAIRED
    assert report.note


def test_two_behaviours_become_a_question_with_a_real_input(project: Path) -> None:
    """Both `>` and `>=` pass; on the very day they differ, and only the user knows."""
    write(
        project,
        due="""\
            def is_due(today, day):
                return today == day
            """,
        test_due="""\
            from due import is_due

            def test_late():
                assert is_due(9, 7)

            def test_early():
                assert not is_due(5, 7)
            """,
    )

    report = mend_first(project)

    assert report.status is FixStatus.AMBIGUOUS
    assert report.question is not None
    first, second = report.question.answers
    assert first.output != second.output
    assert report.question.input.startswith("is_due(")
    assert all(repair.verdict.verified for repair in report.repairs)


def test_the_users_own_edit_is_found_and_taken_back(project: Path) -> None:
    """Of three uncommitted hunks one did it; only that one is reverted."""
    before = CALC
    write(project, calc=before, test_calc=TEST_CALC)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    edited = before.replace("a + b", "a - -b - (a > 0)").replace("'x'", "'y'").replace("(a):", "(a):  # twice")
    write(project, calc=edited)

    report = mend_first(project)

    assert report.status is FixStatus.REPAIRED
    best = report.repairs[0].candidate
    assert best.origin is Origin.REVERT
    assert best.patch.files[0].after.decode() == edited.replace("a - -b - (a > 0)", "a + b")
    assert "This edit did it" in report.explanation.summary


def test_a_flaky_test_is_called_flaky_and_not_repaired(project: Path) -> None:
    """A test that passes when it runs again proves nothing about any candidate."""
    write(
        project,
        test_flaky="""\
            import os

            def test_by_chance():
                assert os.urandom(1)[0] < 128
            """,
    )

    statuses: list[FixStatus] = []
    while FixStatus.FLAKY not in statuses and len(statuses) < 20:  # half of the runs have nothing to report
        statuses += [report.status for report in mend_all(project, None, SEARCH)] or [FixStatus.UNREPAIRED]

    assert statuses[-1] is FixStatus.FLAKY
    assert FixStatus.REPAIRED not in statuses


def test_an_order_dependent_test_is_named(project: Path) -> None:
    """Passing alone and failing in the suite is a fault of the tests, and said so."""
    write(
        project,
        test_order="""\
            STATE = []

            def test_first():
                STATE.append(1)

            def test_second():
                assert STATE == []
            """,
    )

    report = mend_first(project)

    assert report.status is FixStatus.FLAKY
    assert "passes alone" in report.note
    assert "fails after test_order.py::test_" in report.note


def test_facts_name_the_values_that_occurred(project: Path) -> None:
    """An explanation without a model still says what was expected, what came and from which call."""
    write(
        project,
        ages="""\
            def oldest(ages):
                return min(ages)
            """,
        test_ages="""\
            from ages import oldest

            def test_it():
                assert oldest([3, 9, 4]) == 9
            """,
    )
    interpreter = find_interpreter(project, sys.executable)

    with open_session(Project(project, interpreter), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        events = list(explain(session, suite, suite.failing[0], None, Stop()))

    done = events[-1]
    assert isinstance(done, Done)
    explanation = done.report.explanation
    assert "oldest(ages=[3, 9, 4])" in explanation.summary
    assert any("expects 9, and got 3" in fact for fact in explanation.facts)
    assert (explanation.file, explanation.standing) == ("ages.py", Standing.FACTS)


@pytest.mark.slow
def test_an_endless_loop_is_explained_and_repaired(project: Path) -> None:
    """A test that hangs is evidence like any other, and costs seconds, not minutes."""
    write(
        project,
        steps="""\
            def count_down(n):
                steps = []
                while n > 0:
                    steps.append(n)
                    n += 1
                return steps
            """,
        test_steps="""\
            from steps import count_down

            def test_down():
                assert count_down(3) == [3, 2, 1]
            """,
    )

    report = mend_first(project)

    assert report.status in (FixStatus.REPAIRED, FixStatus.AMBIGUOUS)
    assert "does not end" in report.explanation.summary or "all memory" in report.explanation.summary


@pytest.mark.slow
def test_a_budget_too_short_for_the_whole_suite_offers_nothing_and_says_why(project: Path) -> None:
    """A candidate that passes its test but was not confirmed is no repair, and more seconds would help."""
    write(
        project,
        ages="def oldest(ages):\n    return min(ages)\n",
        test_ages="from ages import oldest\n\ndef test_it():\n    assert oldest([3, 9, 4]) == 9\n",
        test_slow="import time\n\ndef test_slow():\n    time.sleep(8)\n",
    )

    report = mend_first(project, budget=Budget("test", 6.0, samples=0, rounds=0))

    assert report.status is FixStatus.UNREPAIRED
    assert report.repairs == ()
    assert "before the whole suite had run" in report.note


NEWER = """\
import importlib.machinery
import sys


class Newer(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        return super().source_to_code(bytes(data).replace(b"[T]", b""), path)


sys.path_hooks.insert(0, importlib.machinery.FileFinder.path_hook((Newer, [".py"])))
sys.path_importer_cache.clear()
"""


@pytest.mark.parametrize(
    ("text", "conftest", "said"),
    [
        ("def answer[T]():\n    return 41\n", NEWER, "install Darner in a Python as new as theirs"),
        ("# coding: iso2022_jp\nNAME = '\x1b(B'\ndef answer():\n    return 41\n", "", "save the file as UTF-8"),
    ],
)
def test_a_file_that_the_tests_run_and_darner_cannot_read_is_named(
    project: Path, text: str, conftest: str, said: str
) -> None:
    """Left out in silence it would be said that nothing of the project takes part in the failure."""
    test = "from a import answer\n\n\ndef test_it():\n    assert answer() == 42\n"
    write(project, a=text, conftest=conftest, test_a=test)

    report = mend_first(project)

    assert (report.status, report.candidates_tried) == (FixStatus.UNREPAIRED, 0)
    assert report.note.startswith("a.py:1: ")
    assert said in report.note
