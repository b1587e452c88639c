"""The values of writing: who judged, and what came of it. Frozen; no behaviour beyond small derivations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .types import Patch, Question, Repair, Ruling


class Judge(StrEnum):
    """Who decided that a body is right."""

    TESTS = "tests"
    """The project's own tests that call the function."""
    DOCTESTS = "doctests"
    """The examples in its docstring."""
    AGREEMENT = "agreement"
    """Tests that a model wrote, and bodies that agree with them and with each other."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well the model's tests and the model's bodies agree (CodeT; papers.md 8.5)."""

    trusted: int
    """Calls of which at least half of the votes named one result."""
    passed: int
    """Of those, how many the chosen body satisfies."""
    alike: int
    """Sampled bodies that do the same as the chosen one, itself included."""
    bodies: int
    """Sampled bodies in all."""


class WriteStatus(StrEnum):
    WRITTEN = "written"
    UNWRITTEN = "unwritten"


@dataclass(frozen=True, slots=True)
class Written:
    """Everything that is known about one stub when its budget ends."""

    name: str
    """`shop/cart.py::Cart.total`."""
    status: WriteStatus
    judge: Judge | None
    """None when nothing could judge."""
    judged_by: tuple[str, ...]
    """Node ids of the tests that judged; for examples and votes, their text."""
    repairs: tuple[Repair, ...]
    """Verified bodies that behave differently, best first. The first is the one to offer."""
    seconds: float
    candidates_tried: int
    agreement: Agreement | None = None
    tests: Patch | None = None
    """The model's tests that the offered body passes, as a test of the project: for the user to look at and keep."""
    waiting: tuple[str, ...] = ()
    """Tests that also call another stub, and so cannot pass yet."""
    question: Question | None = None
    rulings: tuple[Ruling, ...] = ()
    """What the user had said of calls of this code; every body obeys it."""
    note: str = ""
    """Why there is nothing, or what was special, in one sentence."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """The last event of writing."""

    report: Written


class Teller(StrEnum):
    """Who says what the call gives, the most trustworthy first."""

    USER = "user"
    DOCSTRING = "docstring"
    MODEL = "model"
    CODE = "code"
    """Recorded: what the code gives today, right or wrong."""


@dataclass(frozen=True, slots=True)
class Check:
    call: str
    """An expression in the names of the function's module."""
    value: str
    """What it gives, as Python text; for an exception the name of its type."""
    raises: bool
    teller: Teller


@dataclass(frozen=True, slots=True)
class TestWritten:
    """A test that was run and told right from wrong; or why there is none."""

    __test__ = False

    name: str
    """`shop/cart.py::Cart.total`."""
    patch: Patch | None
    nodeid: str
    """Of the new test; empty without one."""
    checks: tuple[Check, ...]
    killed: int
    mutants: int
    """Single edits of the function on which the test was tried."""
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class TestDone:
    """The last event of writing a test."""

    __test__ = False

    report: TestWritten


def evidence(found: Written) -> str:
    """`judged by your tests: 3 of 3 pass; 41 of 41 others still pass; 8.2 s; `total` written by …`."""
    verdict = found.repairs[0].verdict
    others = f"{verdict.still_passing} of {verdict.passed_before} others still pass"
    told = f"{judge(found)}; {others}" if verdict.passed_before else judge(found)
    return f"{told}; {found.seconds:.1f} s; {found.repairs[0].candidate.description}"


def judge(found: Written) -> str:
    """Which of the three judged, in words."""
    count, waiting = len(found.judged_by), len(found.waiting)
    if found.judge is Judge.TESTS:
        return f"judged by your tests: {count - waiting} of {count} that call it pass"
    if found.judge is Judge.DOCTESTS:
        return f"judged by its docstring: {count - waiting} of {count} examples hold"
    agreed = found.agreement
    if agreed is None:
        return "judged by tests that the model wrote"
    return (
        f"judged by tests that the model wrote, not by yours: {agreed.passed} of {agreed.trusted} pass, and "
        f"{agreed.alike} of {agreed.bodies} bodies do the same"
    )


def tellers(found: TestWritten) -> str:
    """Who says what the calls give: a recorded value keeps what the code does today, be it right or wrong."""
    words = {
        Teller.USER: "by you",
        Teller.DOCSTRING: "by the docstring",
        Teller.MODEL: "by the model, and seen to hold",
        Teller.CODE: "recorded from the code as it is: check them",
    }
    counts = {teller: sum(one.teller is teller for one in found.checks) for teller in Teller}
    told = [f"{count} {words[teller]}" for teller, count in counts.items() if count]
    return f"{len(found.checks)} expected value{'s' * (len(found.checks) > 1)}: {'; '.join(told)}"
