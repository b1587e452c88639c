"""The values of the repair loop, in the order of the data. Frozen; no behaviour beyond small derivations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..sandbox.types import Assurance, Control, RunResult, Status, TestResult


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a patch, as exact bytes."""

    path: str
    """Relative to the project root, with `/`."""
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Patch:
    """Exact bytes before and after, so that applying it can be checked and undone."""

    files: tuple[FileChange, ...]


class Origin(StrEnum):
    REVERT = "revert"
    MUTATION = "mutation"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one failing test showed when it ran under the probe."""

    nodeid: str
    failing: TestResult
    passing: tuple[TestResult, ...]
    """Tests that passed in the same traced run: the other half of the spectrum."""
    related: tuple[TestResult, ...]
    """Other failing tests that execute about the same code: most likely the same fault."""
    output: str
    seconds: float
    """Plain run time of the failing test."""
    trouble: str = ""
    """Set when the test did not end by itself: the sentence of the timeout, crash or out-of-memory."""
    again: TestResult | None = None
    """How it failed when it ran once more, told as briefly as a candidate's run."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A span of project source that may hold the fault."""

    path: str
    line: int
    end_line: int
    function: str
    """Qualified name of the enclosing function, or `` at module level."""
    score: float
    """In [0, 1], comparable within one failing test only."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A patch that somebody proposes. It is nothing until a trial has passed."""

    patch: Patch
    origin: Origin
    description: str
    """`` `<` → `<=` at cart.py:14 ``"""
    operator: str = ""
    """Mutation operator's name, or the model's name."""
    prior: float = 0.0
    """How promising it looked before any trial; larger first."""
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """What was tried to show that a passing candidate only seems to pass."""

    assurance: Assurance = Assurance.D
    control: Control = Control.NONE
    """Of the failing test's twin."""
    split: Status = Status.UNSUPPORTED
    """PASS when the test also passes in a process that holds no candidate code (sandbox/split.py)."""
    reasons: tuple[str, ...] = ()
    """Why it is not A, each one clause."""
    second: str = ""
    """Another backend than the search's, in which it also passed from cold; asked where the split says nothing."""

    @property
    def believed(self) -> bool:
        """May be applied without being asked."""
        return self.assurance in (Assurance.A, Assurance.B)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What running a candidate showed."""

    target_passed: bool
    passed_before: int
    still_passing: int
    broken: tuple[str, ...]
    run: RunResult
    """The decisive run, whose failures become feedback."""
    complete: bool = False
    """The whole set that passed before was run again, in a fresh interpreter."""
    proof: Proof = Proof()
    uncured: tuple[str, ...] = ()
    """Tests that fail in the same code or raise the same at the same line, ran with the candidate too, and still fail.
    """

    @property
    def verified(self) -> bool:
        """Only this makes a candidate a repair (design.md, rule 1)."""
        return self.complete and self.target_passed and not self.broken


@dataclass(frozen=True, slots=True)
class Repair:
    """A verified candidate."""

    candidate: Candidate
    verdict: Verdict


class Standing(StrEnum):
    FACTS = "facts"
    HYPOTHESIS = "hypothesis"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the test fails: facts from execution, then prose."""

    summary: str
    file: str
    line: int
    facts: tuple[str, ...]
    prose: str = ""
    standing: Standing = Standing.FACTS
    """CONFIRMED when a repair at the named place was verified."""
    trace: tuple[str, ...] = ()
    """The first and last blocks of project code that the test ran, with the values they left."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One behaviour on the distinguishing input."""

    output: str
    candidate: int
    """Index into `FailureReport.repairs`."""


@dataclass(frozen=True, slots=True)
class Question:
    """Two verified repairs differ on this input: which is right?"""

    input: str
    answers: tuple[Answer, ...]
    path: str = ""
    """The module in whose names the input is written."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the user said that one call gives, or does not give."""

    path: str
    """The module in whose names the call is written."""
    call: str
    right: str = ""
    """As `Answer.output`: a value, or `raises ValueError`; empty while only wrong ones are known."""
    wrong: tuple[str, ...] = ()
    """Set aside: it gives none of these."""


class FixStatus(StrEnum):
    REPAIRED = "repaired"
    AMBIGUOUS = "ambiguous"
    UNREPAIRED = "unrepaired"
    FLAKY = "flaky"


@dataclass(frozen=True, slots=True)
class FailureReport:
    """Everything that is known about one failing test when its budget ends."""

    nodeid: str
    status: FixStatus
    repairs: tuple[Repair, ...]
    """Verified, best first. The first is the one to offer."""
    explanation: Explanation
    seconds: float
    """Until the repairs were verified; the model's prose comes after."""
    candidates_tried: int
    question: Question | None = None
    suspects: tuple[Suspect, ...] = ()
    related: tuple[str, ...] = ()
    """Other failing tests that need no search: this one's had nothing left to try, and they enter no other code."""
    rulings: tuple[Ruling, ...] = ()
    """What the user had said of calls of this code; every repair obeys it."""
    note: str = ""
    """Why there is no repair, or what was wrong with the run, in one sentence."""
    untold: str = ""
    """Why what passes was told apart by the tests alone, in a sentence; empty where it was compared."""
    forgiven: tuple[str, ...] = ()
    """Tests that passed and fail from cold with the code as it stands, too: the repairs are not held to them."""
