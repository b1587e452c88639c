"""Writing the body of a stub: who judges, what is refused, and what reaches the file. The model is scripted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli_runner import Bench
from darner.engine.errors import BadInput
from darner.engine.patch import unified_diff
from darner.engine.reply import Reply, once
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.stub import find, must_be_stub
from darner.engine.suite import run_suite
from darner.engine.write import write
from darner.engine.written import Judge, WriteStatus, Wrote
from darner.sandbox.session import open_session
from darner.sandbox.types import Assurance, Detail
from scripted_writing import ROOMY, written

SHOP = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "shop.py": '''
        """Prices."""


        class Cart:
            def __init__(self, prices: list[int]) -> None:
                self.prices = prices

            def total(self, discount: int = 0) -> int:
                """The sum of the prices, less the discount, but never below 0."""
                # to do

            async def fetch(self) -> int:
                """How many prices there are."""
                raise NotImplementedError("later")


        def half(number: int) -> int:
            """Half of the number, rounded down.

            >>> half(7)
            3
            >>> half(8)
            4
            """
            ...


        def twice(number: int) -> int: ...


        def bare(a, b):
            pass


        def done(a):
            return a
        ''',
    "test_shop.py": """
        import asyncio
        from shop import Cart, done


        def test_sum():
            assert Cart([1, 2]).total() == 3


        def test_never_below_zero():
            assert Cart([1]).total(discount=5) == 0


        def test_fetch():
            assert asyncio.run(Cart([4]).fetch()) == 1


        def test_done():
            assert done(1) == 1
        """,
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).write(SHOP)


def test_tests_that_call_a_method_judge_its_body(bench: Bench) -> None:
    """The first of the three judges, with a body that passes one test only among the answers."""
    report = written(
        bench, "shop.py::Cart.total", "    return sum(self.prices)\n", "    return max(0, sum(self.prices) - discount)"
    )

    assert (report.status, report.judge) == (WriteStatus.WRITTEN, Judge.TESTS)
    assert report.judged_by == ("test_shop.py::test_sum", "test_shop.py::test_never_below_zero")
    best = report.repairs[0]
    assert best.verdict.verified
    assert best.verdict.proof.assurance in (Assurance.A, Assurance.B), best.verdict.proof
    assert "+        return max(0, sum(self.prices) - discount)" in unified_diff(best.candidate.patch)
    assert b"# to do" in best.candidate.patch.files[0].after


@pytest.mark.slow
def test_an_async_method_is_written(bench: Bench) -> None:
    """`async def` is a function too; the answer may be the whole function instead of its body."""
    whole = '```python\nasync def fetch(self) -> int:\n    """Other words."""\n    return len(self.prices)\n```'

    report = written(bench, "shop.py::Cart.fetch", whole)

    assert report.status is WriteStatus.WRITTEN, report.note
    diff = unified_diff(report.repairs[0].candidate.patch)
    assert "+        return len(self.prices)" in diff
    assert "Other words" not in diff


@pytest.mark.slow
def test_examples_in_the_docstring_judge_where_no_test_does(bench: Bench) -> None:
    """The second judge; each example is a test of its own, so that one of two is not enough."""
    report = written(bench, "shop.py::half", "    return number - 4", "    return number // 2")

    assert (report.status, report.judge) == (WriteStatus.WRITTEN, Judge.DOCTESTS), report.note
    assert report.judged_by == (">>> half(7) 3", ">>> half(8) 4")
    assert "+    return number // 2" in unified_diff(report.repairs[0].candidate.patch)


@pytest.mark.slow
def test_agreement_judges_last_and_is_never_believed_unasked(bench: Bench) -> None:
    """The third judge: the model's votes and bodies agree; that is said, and does not reach B."""
    bodies = [
        "    return number * 2",
        "    return number + number",
        *["    return 2 * number"] * 6,
        "    return number ** 2",
    ]
    asked = "twice(1) == 2\nassert twice(4) == 8\nassert twice(0) == 0\nassert twice(-3) == -6"
    right = " 2\nassert twice(4) == 8\nassert twice(0) == 0\nassert twice(-3) == -6"
    wrong = " 1\nassert twice(4) == 16\nassert twice(0) == 1\nassert twice(-3) == 9"

    report = written(bench, "shop.py::twice", *bodies, asked, asked, asked, asked, *[right] * 5, *[wrong] * 3)

    assert (report.status, report.judge) == (WriteStatus.WRITTEN, Judge.AGREEMENT), report.note
    assert report.agreement is not None
    assert (report.agreement.trusted, report.agreement.passed) == (4, 4)
    assert (report.agreement.alike, report.agreement.bodies) == (8, 9)
    assert report.repairs[0].verdict.proof.assurance is Assurance.C
    assert report.tests is not None
    offered = unified_diff(report.tests)
    assert "+def test_twice():" in offered
    assert "+    assert twice(-3) == -6" in offered
    assert "+from shop import Cart, done, twice" in offered


@pytest.mark.slow
def test_votes_that_disagree_judge_nothing(bench: Bench) -> None:
    """Half of eight votes is the least; a body without a judge is not offered."""
    asked = "twice(1) == 2\nassert twice(4) == 8"
    votes = [f" {n}\nassert twice(4) == {n}" for n in range(8)]

    report = written(bench, "shop.py::twice", *["    return number * 2"] * 9, asked, asked, asked, asked, *votes)

    assert (report.status, report.repairs) == (WriteStatus.UNWRITTEN, ())
    assert "votes" in report.note


def test_rubbish_from_the_model_is_told_in_one_sentence(bench: Bench) -> None:
    """Another language, an empty block, the stub again: nothing is run, and the first reason is given."""
    report = written(bench, "shop.py::half", "function half(n) { return n / 2 }", "```python\n```", "    ...", "")

    assert report.status is WriteStatus.UNWRITTEN
    assert report.candidates_tried == 0
    assert "wrote no body that could be tried" in report.note


@pytest.mark.slow
def test_a_body_that_would_leave_the_test_run_is_not_run(bench: Bench) -> None:
    """The gate of repairs guards writing too."""
    report = written(bench, "shop.py::half", "    import os\n    os._exit(0)")

    assert (report.status, report.candidates_tried) == (WriteStatus.UNWRITTEN, 0)
    assert "was not run" in report.note


@pytest.mark.slow
def test_a_near_miss_is_finished_by_search(bench: Bench) -> None:
    """Search first, model second: a single edit of what a small model wrote is often right."""
    report = written(bench, "shop.py::half", "    return number // 3")

    assert report.status is WriteStatus.WRITTEN, report.note
    assert "+    return number // 2" in unified_diff(report.repairs[0].candidate.patch)


@pytest.mark.slow
def test_a_test_that_also_needs_another_stub_waits(tmp_path: Path) -> None:
    """Two stubs are written one after the other: what cannot pass yet says nothing of the first."""
    bench = Bench(tmp_path).write({
        "pyproject.toml": SHOP["pyproject.toml"],
        "shop.py": "def one(n: int) -> int: ...\n\n\ndef two(n: int) -> int: ...\n",
        "test_shop.py": """
            from shop import one, two

            def test_one():
                assert one(1) == 2

            def test_both():
                assert two(one(1)) == 4
            """,
    })  # fmt: skip

    report = written(bench, "shop.py::one", "    return n + 1")

    assert report.status is WriteStatus.WRITTEN, report.note
    assert report.waiting == ("test_shop.py::test_both",)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shop.py", "names no function"),
        ("shop.py::halv", "did you mean half?"),
        ("shop.py::done", "has a body"),
        ("test_shop.py::test_done", "holds tests"),
        ("gone.py::f", "There is no file gone.py"),
        ("../out.py::f", "There is no file ../out.py"),
    ],
)
def test_what_is_no_stub_is_refused_in_one_sentence(bench: Bench, target: str, said: str) -> None:
    """A typing mistake must not start a model."""
    with pytest.raises(BadInput) as caught:
        must_be_stub(find(bench.root, target))

    assert said in str(caught.value) or "outside" in str(caught.value)


@pytest.mark.parametrize(
    ("definitions", "meant"),
    [
        (["@property", "def f(self): ...", "@f.setter", "def f(self, value): self.a = value"], 2),
        (["@property", "def f(self): ...", "@f.setter", "def f(self, value): ..."], 2),
        (["@property", "def f(self): return 1", "@f.setter", "def f(self, value): ..."], 4),
        (["@property", "def f(self): return 1", "@f.deleter", "def f(self): del self.a"], 2),
        (["def f(self): ...", "def f(self, value): return value"], 2),
    ],
)
def test_of_definitions_of_one_name_accessors_are_all_there(tmp_path: Path, definitions: list[str], meant: int) -> None:
    """A setter does not replace the getter; any other second definition replaces the first."""
    text = "class A:\n" + "".join(f"    {line}\n" for line in definitions)

    found = find(Bench(tmp_path).write({"a.py": text}).root, "a.py::A.f")

    assert found.function.def_line == 1 + meant


def test_a_stub_of_which_nothing_is_known_is_refused(bench: Bench) -> None:
    """Without docstring, hints or tests a model could only guess."""
    with pytest.raises(BadInput, match="nothing says what bare should do"):
        written(bench, "shop.py::bare", "    return a")


@pytest.mark.parametrize("reply", [Reply(), Reply(right="9")], ids=["neither", "9"])
def test_a_body_that_the_user_does_not_want_is_set_aside_and_others_are_written(tmp_path: Path, reply: Reply) -> None:
    """Sum and product pass; the power, which the model writes when it is asked again, is the one."""
    bench = Bench(tmp_path).write(
        {
            "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
            "area.py": "def area(a: int, b: int) -> int:\n    ...\n",
            "test_area.py": "from area import area\n\n\ndef test_square():\n    assert area(2, 2) == 4\n",
        }
    )
    with open_session(bench.root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop(), detail=Detail.COVERAGE, may_be_empty=True)
        model = ScriptedModel("    return a + b", "    return a * b", "    return a * b", "    return a ** b")
        meant = find(bench.root, "area.py::area")
        asked = list(write(session, suite, meant, ScriptedModel("    return a + b", "    return a * b"), ROOMY, Stop()))
        *_, last = write(session, suite, meant, model, ROOMY, Stop(), ask=once(reply))

    assert isinstance(asked[-1], Wrote)
    assert isinstance(last, Wrote)
    question, report = asked[-1].report.question, last.report
    assert question is not None
    assert (question.input, question.path) == ("area(3, 2)", "area.py")
    assert (report.status, report.question) == (WriteStatus.WRITTEN, None), report.note
    assert "+    return a ** b" in unified_diff(report.repairs[0].candidate.patch)
    assert report.note.startswith("As you said: area(3, 2) gives ")
