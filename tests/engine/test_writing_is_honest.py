"""What is said of written code holds: no test of the user's is excused, and no body passes what it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cli_runner import Bench
from darner.engine.patch import unified_diff
from darner.engine.written import Judge, WriteStatus, Written, judge
from darner.sandbox.types import Assurance, Control
from scripted_writing import INI, ROOMY, written

PLAIN = replace(ROOMY, search=False, rounds=0)
HALF_RIGHT = "    return sum(prices)"
DOUBLES = {
    "a double in the test": ("class Mailer:\n    def send(self, mail): pass\n", "Mailer().send(1)", HALF_RIGHT),
    "a hook of the code": ("from shop import hook\n", "hook()", HALF_RIGHT),
    "a no-op of the body's own": ("", "0", f"    def noted(price): ...\n\n    noted(discount)\n{HALF_RIGHT}"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("head", "more", "body"), DOUBLES.values(), ids=DOUBLES)
def test_a_failing_test_that_runs_a_no_op_is_not_excused(tmp_path: Path, head: str, more: str, body: str) -> None:
    """What does nothing on purpose is no stub to wait for: two of the three tests reject this body."""
    tests = "".join(
        f"\n\ndef test_{given}():\n    {more if given else 0}\n    assert total([3], {given}) == {max(0, 3 - given)}\n"
        for given in (0, 1, 5)
    )
    bench = Bench(tmp_path).write({
        **INI,
        "shop.py": "def total(prices: list[int], discount: int) -> int: ...\n\n\ndef hook() -> None:\n    pass\n",
        "test_shop.py": f"from shop import total\n{head}{tests}",
    })  # fmt: skip

    report = written(bench, "shop.py::total", body, budget=PLAIN)

    assert (report.status, report.waiting) == (WriteStatus.UNWRITTEN, ()), judge(report)


@pytest.mark.parametrize(
    ("judged", "words"),
    [(Judge.TESTS, "your tests: 1 of 3 that call it pass"), (Judge.DOCTESTS, "its docstring: 1 of 3 examples hold")],
)
def test_what_waits_is_not_counted_as_passed(judged: Judge, words: str) -> None:
    """The sentence is the same for both judges: two of three could not judge."""
    found = Written("a.py::f", WriteStatus.WRITTEN, judged, ("1", "2", "3"), (), 1.0, 1, waiting=("2", "3"))

    assert judge(found) == f"judged by {words}"


IN_A_PACKAGE = {
    "pkg/__init__.py": "",
    "pkg/models.py": "RATE = 2\n",
    "pkg/shop.py": "from .models import RATE\n\n\ndef twice(n: int) -> int: ...\n",
}
"""No test imports it, and it cannot be loaded by its file alone."""
UNSTEADY = """
    import itertools

    COUNT = itertools.count()


    class Price:
        def __init__(self, n): self.n = n
        def __eq__(self, other): return self.n == getattr(other, "n", other)
        def __repr__(self): return f"{self.n}, shown {next(COUNT)}"


    def twice(n: int) -> Price: ...
    """
"""What its calls give shows itself in another way every time."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "name", "given", "alike"),
    [(IN_A_PACKAGE, "pkg/shop.py", "{}", 2), ({"shop.py": UNSTEADY}, "shop.py", "Price({})", 0)],
    ids=["the function of a package", "calls that tell nothing"],
)
def test_bodies_are_voices_only_for_what_they_do(
    tmp_path: Path, files: dict[str, str], name: str, given: str, alike: int
) -> None:
    """Seven wrong bodies are no second voice of the right one, whose own two are known by what they give."""
    bodies = [given.format(text) for text in ("n * 2", "n + n", *["n ** 2"] * 7)]
    asked = "twice(1) == 2\nassert twice(4) == 8\nassert twice(3) == 6"
    votes = " 2\nassert twice(4) == 8\nassert twice(3) == 6"
    bench = Bench(tmp_path).write({**INI, **files})

    report = written(bench, f"{name}::twice", *(f"    return {body}" for body in bodies), *[asked] * 4, *[votes] * 8)

    assert len(report.repairs) == bool(alike), judge(report)
    assert (report.agreement.alike if report.agreement is not None else 0) == alike


@pytest.mark.slow
def test_a_body_is_offered_where_its_tests_fit_into_no_file(tmp_path: Path) -> None:
    """The file of the tests cannot hold the letter; the body that took minutes is not thrown away for that."""
    files = {
        **INI,
        "shop.py": "def sign(n: int) -> str: ...\n\n\nRATE = 1\n",
        "test_shop.py": "# coding: latin-1\nfrom shop import RATE\n\n\ndef test_rate():\n    assert RATE\n",
    }
    bodies = ['    return "€" * n', '    return n * "€"', '    return "".join("€" for _ in range(n))']
    asked = "sign(1) == '€'\nassert sign(2) == '€€'"
    votes = " '€'\nassert sign(2) == '€€'"

    budget = replace(ROOMY, samples=8)
    report = written(
        Bench(tmp_path).write(files), "shop.py::sign", *bodies, *[bodies[0]] * 6, *[asked] * 4, votes, budget=budget
    )

    assert (report.status, report.tests) == (WriteStatus.WRITTEN, None), report.note


@pytest.mark.slow
@pytest.mark.parametrize(("body", "passing"), [("n % 55", 0), ("n + 0", 60)])
def test_every_failing_test_that_calls_the_stub_judges(tmp_path: Path, body: str, passing: int) -> None:
    """However many there are: a few are tried first, and none is left out of the verdict."""
    bench = Bench(tmp_path).write({
        **INI,
        "shop.py": "def same(n: int) -> int: ...\n",
        "test_shop.py": """
            import pytest
            from shop import same


            @pytest.mark.parametrize("n", range(60))
            def test_same(n):
                assert same(n) == n
            """,
    })  # fmt: skip

    report = written(bench, "shop.py::same", f"    return {body}", budget=PLAIN)

    assert len(report.repairs) == bool(passing), judge(report)
    assert judge(report) == "judged by your tests: 60 of 60 that call it pass"


@pytest.mark.slow
@pytest.mark.parametrize("example", ["half(7)  # doctest: +SKIP\n    3", "str(half)[:9]\n    '<function'"])
def test_examples_that_the_stub_satisfies_judge_nothing(tmp_path: Path, example: str) -> None:
    """What is skipped, and what holds without a body, holds for any body."""
    module = f'def half(n: int) -> int:\n    """Half of it.\n\n    >>> {example}\n    """\n'

    report = written(Bench(tmp_path).write({**INI, "shop.py": module}), "shop.py::half", "    return 99", "")

    assert (report.status, report.judge) == (WriteStatus.UNWRITTEN, None), judge(report)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "believed"), [("    return n // 2", True), ("    if n == 7:\n        return 3\n    return 4", False)]
)
def test_a_body_that_examples_judge_is_believed_unless_it_holds_their_answers(
    tmp_path: Path, body: str, believed: bool
) -> None:
    """Examples are tests: their twins must fail. The words of a docstring are the user's, its examples are asked."""
    module = 'def half(n: int) -> int:\n    """Half.\n\n    >>> half(7)\n    3\n    >>> half(8)\n    4\n    """\n'

    report = written(Bench(tmp_path).write({**INI, "shop.py": module}), "shop.py::half", body)

    proof = report.repairs[0].verdict.proof
    assert report.judge is Judge.DOCTESTS
    assert proof.control is Control.HELD
    assert (proof.assurance <= Assurance.B) is believed, proof


@pytest.mark.slow
def test_examples_of_the_class_judge_a_method_that_nothing_else_judges(tmp_path: Path) -> None:
    """pytest runs them with --doctest-modules: they are tests of the project that fail."""
    ini = "[tool.pytest.ini_options]\npythonpath = ['.']\naddopts = '--doctest-modules'\n"
    module = """
        class Pair:
            '''Two numbers.

            >>> Pair().total(1, 2)
            3
            '''

            def total(self, a: int, b: int) -> int: ...
        """
    bench = Bench(tmp_path).write({"pyproject.toml": ini, "shop.py": module})

    report = written(bench, "shop.py::Pair.total", "    return a * b", "    return a + b")

    assert (report.status, report.judged_by) == (WriteStatus.WRITTEN, ("shop.py::shop.Pair",)), report.note
    assert report.repairs[0].verdict.proof.assurance <= Assurance.B


SHAPE = """
    class Shape:
        def __init__(self, side: int) -> None:
            self.side = side

        @property
        def area(self) -> int: ...

        @area.setter
        def area(self, area: int) -> None:
            self.side = int(area ** 0.5)
    """
FETCH = "async def fetch(n: int) -> int: ...\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "bodies", "asked", "offered"),
    [
        (SHAPE, "Shape.area", ["self.side ** 2", "self.side * self.side"], "Shape({}).area", "Shape(3).area"),
        (FETCH, "fetch", ["n ** 2", "n * n"], "fetch({})", "asyncio.run(fetch(3))"),
        (FETCH, "fetch", ["n ** 2", "n * n"], "asyncio.run(fetch({}))", "asyncio.run(fetch(3))"),
        (FETCH, "fetch", ["n ** 2", "n * n"], "await fetch({})", "asyncio.run(fetch(3))"),
    ],
    ids=["a property", "async", "async, run", "async, awaited"],
)
def test_agreement_judges_what_is_no_plain_call(
    tmp_path: Path, module: str, name: str, bodies: list[str], asked: str, offered: str
) -> None:
    """A property is read and a coroutine is run, in the model's words or not; its tests are offered as such."""
    calls = "\nassert ".join(f"{asked.format(n)} == 0" for n in (1, 2, 3))
    votes = "\nassert ".join(f"{asked.format(n)} == {n * n}" for n in (1, 2, 3))
    answers = [f"        return {bodies[at % 2]}" for at in range(9)]
    bench = Bench(tmp_path).write({**INI, "shop.py": module})

    report = written(bench, f"shop.py::{name}", *answers, *[calls] * 4, f" 1\nassert {votes}")

    assert (report.status, report.judge) == (WriteStatus.WRITTEN, Judge.AGREEMENT), report.note
    assert report.tests is not None
    assert f"+    assert {offered} == 9" in unified_diff(report.tests)


@pytest.mark.slow
def test_no_votes_are_not_called_votes_that_disagree(tmp_path: Path) -> None:
    """The model named no call; nothing was voted on."""
    bench = Bench(tmp_path).write({**INI, "shop.py": SHAPE})

    report = written(bench, "shop.py::Shape.area", *["        return self.side"] * 9, "what?")

    assert (report.status, report.note) == (WriteStatus.UNWRITTEN, "The model named no use of Shape.area to vote on.")
