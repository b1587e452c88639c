"""Where solutions run: what passes really passes, and what misbehaves costs one result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from darner.engine.stop import Stop
from darner.sandbox.types import Status
from darner.training import bench, doctests
from darner.training.bench import EACH, Bench, statements_as_tests

CODE = "LIMIT = 3\n\ndef total(numbers):\n    return sum(numbers[:LIMIT])\n"
TESTS = """\
from my_solution import total
numbers = [1, 2, 3, 4]
assert total(numbers) == 6
assert total([]) == 0

def check(expected):
    assert total(numbers) == expected

def test_negative():
    assert total([-1]) == -1

check(6)
test_negative()
if __name__ == "__main__":
    main()
"""
QUICK = replace(EACH, cpu_s=3.0, test_cpu_s=2.0, wall_s=120.0, test_wall_s=100.0)


@pytest.fixture(scope="module")
def place() -> Iterator[Bench]:
    with bench.opened(Stop(), trusted=True) as opened:
        yield opened


def test_each_statement_that_checks_is_a_test_of_its_own(place: Bench) -> None:
    """So that a share of tests means something, and one broken check hides no other."""
    tests = statements_as_tests(CODE, TESTS)

    right = place.run(CODE, tests)
    wrong = place.run(CODE.replace("sum(numbers[:LIMIT])", "sum(numbers)"), tests)
    half = place.run(CODE.replace("sum(numbers[:LIMIT])", "6"), tests)

    assert tests.count("def test_") == 4
    assert (right.passed, right.share, right.feedback) == (True, 1.0, "")
    assert (wrong.passed, wrong.share, wrong.judged) == (False, 0.5, True)
    assert half.share == 0.5
    assert "total" in wrong.feedback
    assert "10" in wrong.feedback


@pytest.mark.parametrize(
    ("code", "tests", "why"),
    [
        (CODE, "total([1])\n", "tests check nothing"),
        (CODE, "def test_total(:\n", "tests do not parse"),
        ("def total(:\n", "assert total([]) == 0\n", "code does not parse"),
        (CODE, "def helper():\n    return total([])\n", "tests check nothing"),
    ],
)
def test_tests_that_prove_nothing_are_refused(code: str, tests: str, why: str) -> None:
    """A solution that passes them would count as right."""
    with pytest.raises(ValueError, match=why):
        statements_as_tests(code, tests)


HOSTILE = {
    "loops": ("def total(numbers):\n    while True:\n        pass\n", {Status.TIMEOUT}),
    "leaves": ("import os\n\ndef total(numbers):\n    os._exit(0)\n", {Status.CRASH}),
    "leaves on import": ("import os\nos._exit(0)\n\ndef total(numbers):\n    return 0\n", {Status.CRASH}),
    "kills": ("import os\n\ndef total(numbers):\n    os.kill(os.getppid(), 9)\n    return 0\n", set(Status)),
    "fills": ("def total(numbers):\n    return [0] * 10**11\n", {Status.FAIL, Status.OOM, Status.CRASH}),
    "skips": ("import pytest\n\ndef total(numbers):\n    pytest.skip('no')\n", {Status.PASS, Status.FAIL}),
    "is missing": ("", {Status.FAIL}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_solution_costs_one_result(place: Bench, name: str) -> None:
    """The next solution is judged as if it had never run."""
    code, statuses = HOSTILE[name]
    tests = statements_as_tests(CODE, TESTS)

    ran = place.run(code, tests, QUICK)

    assert ran.status in statuses
    assert not ran.passed
    assert ran.share < 1.0
    assert ran.feedback
    assert place.run(CODE, tests).passed


def test_what_the_tests_say_is_the_same_in_every_run(place: Bench) -> None:
    """Neither the project's folder nor an object's address: records would differ, and a model would learn noise."""
    code = "class Odd:\n    pass\n\ndef total(numbers):\n    return Odd()\n"

    for wrong in (code, "import missing_module\n"):
        ran = place.run(wrong, statements_as_tests(CODE, TESTS))
        assert ran.feedback
        assert str(place.session.root) not in ran.feedback
        assert ran == place.run(wrong, statements_as_tests(CODE, TESTS))


def test_what_a_solution_writes_is_gone_with_its_run(place: Bench, tmp_path: Path) -> None:
    """Neither the user's files nor the next solution may see it."""
    outside = tmp_path / "written"
    writes = (
        "from pathlib import Path\n"
        "Path('left.txt').write_text('x')\n"
        "Path('test_solution.py').write_text('def test_nothing(): pass')\n"
        f"try:\n    Path({str(outside)!r}).write_text('x')\nexcept OSError:\n    pass\n" + CODE
    )
    reads = "from pathlib import Path\nassert not Path('left.txt').exists()\n" + CODE
    tests = statements_as_tests(CODE, TESTS)

    place.run(writes, tests)

    assert place.run(reads, tests).passed
    assert not outside.exists() or not place.session.confined


def test_examples_judge_code_that_lost_its_docstring(place: Bench) -> None:
    """A model's solution rarely repeats the examples that it is judged by."""
    tests = doctests.as_one("double", "Twice.\n\n>>> double(2)\n4\n>>> double('a')\n'aa'\n")

    assert place.run("def double(value):\n    return value * 2\n", tests).passed
    wrong = place.run("def double(value):\n    return value + 2\n", tests)
    assert wrong.judged
    assert "double('a')" in wrong.feedback
    assert not place.run("", tests).passed


DOCSTRING = """Twice.

>>> double(2)
4
>>> print(double("a"))
aa
>>> found = double([1])
>>> found
[1, 1]
>>> double({})
Traceback (most recent call last):
TypeError: unsupported operand
>>> double(Ellipsis and 1j)
2j
"""


def test_examples_become_the_asserts_that_a_user_would_write(place: Bench) -> None:
    """A model that is only ever shown doctests learns to repair for doctests."""
    code = "def double(value):\n    return value * 2\n"
    tests = doctests.as_asserts(code, DOCSTRING)

    assert "assert double(2) == 4" in tests
    assert "assert str(double('a')) == 'aa'" in tests
    assert "found = double([1])\n    assert found == [1, 1]" in tests
    assert tests.count("def test_") == 4
    assert place.run(code, tests).passed
    assert place.run(code.replace("* 2", "+ value + value"), tests).share == 0.0


@pytest.mark.parametrize("example", [">>> for n in [1]: print(n)\n1\n", ">>> double(2)  # doctest: +ELLIPSIS\n4\n"])
def test_examples_that_no_assert_says_stay_a_doctest(example: str) -> None:
    """Half of what an example says would pass half of the wrong solutions."""
    with pytest.raises(ValueError, match=r"prints|directives"):
        doctests.as_asserts("def double(value):\n    return value * 2\n", example)
