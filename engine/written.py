"""The values of writing: who judged, and what came of it. Frozen; no behaviour beyond small derivations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .types import Patch, Question, Repair


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
    note: str = ""
    """Why there is nothing, or what was special, in one sentence."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """The last event of writing."""

    report: Written
