"""What every command's `--json` prints, as types: pyright holds the code to them, docs/json.md is made from them."""

from __future__ import annotations

from typing import Literal, TypedDict

from ..sandbox.types import Assurance, Control, Status
from .types import FixStatus, Origin, Standing
from .written import Judge, Teller, WriteStatus


class Sandbox(TypedDict):
    backend: str
    """`namespaces`, `bubblewrap`, `docker`, `landlock`, `seatbelt` or `process`."""
    tier: str
    """`none`, `filter`, `namespaces`, `container` or `kernel`."""
    probes: dict[str, bool]
    """What the self-test tried on this machine, and whether it held."""
    holds: list[str]
    gaps: list[str]


class Verified(TypedDict):
    target: bool
    """The failing test passes."""
    passed_before: int
    still_passing: int
    broken: list[str]
    still_failing: list[str]
    """Tests that fail in the same code, or alike at the same line, and that this repair does not cure."""
    assurance: Assurance
    control: Control
    """What became of the failing test's twin, which must fail."""
    split: Status
    """`PASS`: it also passes where tests and candidate run in two sandboxes."""
    reasons: list[str]
    """Why the assurance is not A, each one clause."""
    second: str
    """The second backend in which it passed from cold, else empty."""
    confirmed_in: str
    confirmed_note: str


class Explained(TypedDict):
    summary: str
    file: str
    line: int
    facts: list[str]
    prose: str
    """The model's words; empty without one."""
    standing: Standing
    """`facts`: from execution only; `hypothesis`: prose without a verified repair; `confirmed`."""
    trace: list[str]
    """The first and last blocks of your code that the test ran, with the values they left."""


class Suspected(TypedDict):
    file: str
    line: int
    end_line: int
    function: str
    score: float
    """In [0, 1], comparable within one failing test only."""
    reasons: list[str]


class Alternative(TypedDict):
    patch: str
    """A unified diff."""
    origin: Origin
    description: str
    verified: Verified


class Lettered(TypedDict):
    letter: str
    """What `--answer` takes; it also takes `neither`, or what is right: a literal, or `raises` and an exception."""
    output: str
    repair: int
    """0 is `patch`, 1 the first of `alternatives`, and so on."""


class Asked(TypedDict):
    input: str
    """An input on which the repairs differ."""
    answers: list[Lettered]


class Ruled(TypedDict):
    call: str
    right: str | None
    """What the user said that it gives: a value, or `raises ValueError`; null while only wrong ones are known."""
    wrong: list[str]
    """What they set aside."""


class Failure(TypedDict):
    nodeid: str
    status: FixStatus
    patch: str | None
    """A unified diff of the best verified repair; null, like the next four, when there is none."""
    origin: Origin | None
    operator: str | None
    """Which edit of the search, else empty."""
    description: str | None
    verified: Verified | None
    seconds: float
    candidates_tried: int
    explanation: Explained
    suspects: list[Suspected]
    """At most ten, best first."""
    alternatives: list[Alternative]
    """Further verified repairs."""
    question: Asked | None
    rulings: list[Ruled]
    """What the user answered, now and before; every repair obeys it."""
    note: str
    """Why there is no repair, or what was special about the run, in one sentence."""
    not_compared: str | None
    """Why the repairs were told apart by the tests alone; null where calls told what each does."""


class Fix(TypedDict):
    version: Literal[1]
    model: str | None
    """Null when only search was used."""
    sandbox: Sandbox
    failures: list[Failure]
    applied: list[str]
    """Files that `--apply` wrote."""


class Explain(TypedDict):
    version: Literal[1]
    nodeid: str
    explanation: Explained
    suspects: list[Suspected]


class Agreed(TypedDict):
    trusted: int
    """Calls of which at least half of the votes named one result."""
    passed: int
    alike: int
    bodies: int


class Write(TypedDict):
    version: Literal[1]
    model: str
    sandbox: Sandbox
    name: str
    """`shop/cart.py::Cart.total`."""
    status: WriteStatus
    judge: Judge | None
    """Null when nothing could judge."""
    judged_by: list[str]
    """Node ids, examples or assert statements."""
    agreement: Agreed | None
    patch: str | None
    description: str | None
    verified: Verified | None
    alternatives: list[Alternative]
    question: Asked | None
    rulings: list[Ruled]
    """What the user answered, now and before; every body obeys it."""
    tests: str | None
    """A diff that adds the model's tests."""
    waiting: list[str]
    """Node ids that need another stub first."""
    seconds: float
    candidates_tried: int
    note: str
    applied: list[str]


class Checked(TypedDict):
    call: str
    value: str
    raises: bool
    told_by: Teller


class Mutants(TypedDict):
    tried: int
    killed: int


class Test(TypedDict):
    version: Literal[1]
    model: str | None
    sandbox: Sandbox
    name: str
    status: WriteStatus
    nodeid: str | None
    patch: str | None
    checks: list[Checked]
    mutants: Mutants
    seconds: float
    note: str
    applied: list[str]


class Examined(TypedDict):
    name: str
    ok: bool
    text: str
    fix: str
    """What to do; empty when nothing is wrong."""
    details: list[str]


class Doctor(TypedDict):
    version: Literal[1]
    ok: bool
    checks: list[Examined]


class Known(TypedDict):
    name: str
    bytes: int
    sha256: str
    licence: str
    default: bool
    installed: bool
    path: str
    adapter: str
    """SHA-256 of the adopted adapter that it answers through; empty for the bare model."""
    form: Literal["engine", "brief"]
    """In which it is asked for a repair."""


class ModelList(TypedDict):
    version: Literal[1]
    models: list[Known]


class ModelPull(TypedDict):
    version: Literal[1]
    name: str
    path: str


class Compared(TypedDict):
    name: str
    ok: bool
    trouble: str


class ModelVerify(TypedDict):
    version: Literal[1]
    models: list[Compared]


class ModelWhere(TypedDict):
    version: Literal[1]
    folder: str


class TraceList(TypedDict):
    version: Literal[1]
    on: bool
    folder: str
    traces: list[str]
    """Newest first."""


class TraceShow(TypedDict):
    version: Literal[1]
    start: dict[str, object]
    """What was asked for, and the project's file hashes."""
    rows: list[dict[str, object]]
    """Requests to the model with its answers, events, reports; what they hold may change with any version."""


class TraceReplay(TypedDict):
    version: Literal[1]
    trace: str
    changed: list[str]
    """Python files that are not as they were."""
    unknown_requests: int
    """Requests to the model that were not made then."""
    different: list[str]
    """Tests that ended differently."""


class Trouble(TypedDict):
    message: str
    code: int
    """The exit code: 2, 3 or 130."""


class Failed(TypedDict):
    version: Literal[1]
    error: Trouble
