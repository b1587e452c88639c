"""What crosses the sandbox's boundary: frozen values, no behaviour.

A `Session` (session.py) runs a project's tests, with a candidate's files in place of the user's,
and answers with a `RunResult`. How a run ended is a value, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a run ended, decided by the kernel and the supervisor, never by the candidate."""

    PASS = "PASS"
    """Every requested test was reported passed (or skipped / xfailed), exactly once, and the process exited 0."""
    FAIL = "FAIL"
    """At least one requested test failed, errored, or could not be collected."""
    CRASH = "CRASH"
    """The process died by a signal, or exited before it had reported (a segfault, `os._exit`)."""
    TIMEOUT = "TIMEOUT"
    """The wall-clock or CPU limit was reached."""
    OOM = "OOM"
    """The memory limit was reached."""
    ABORT = "ABORT"
    """The caller cancelled the run."""
    TAMPERED = "TAMPERED"
    """The report contradicts itself, or was written by someone who did not know the nonce."""
    UNSUPPORTED = "UNSUPPORTED"
    """The request cannot be served for this project."""
    INFRA = "INFRA"
    """The sandbox itself failed. Never a PASS and never a FAIL of the candidate."""


class Outcome(StrEnum):
    """What pytest said of one test."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """A fixture or the collection failed, not the test's own body."""
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"


class Preference(StrEnum):
    """Where the user wants candidates to run (the setting `sandbox`); choice.py follows it."""

    AUTO = "auto"
    """The strongest for each purpose: the fastest that holds for the search, a container to confirm."""
    NO_DOCKER = "no-docker"
    """As `auto`, and no container engine is ever spoken to."""
    DOCKER = "docker"
    NAMESPACES = "namespaces"
    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    SEATBELT = "seatbelt"
    """A name: candidates run there, or nowhere. A container engine is asked only when it is the one that is named."""


class Assurance(StrEnum):
    """How far a PASS can be believed. Nothing is applied without being asked below B."""

    A = "A"
    """Judged by a process that the candidate never ran in, on mutated tests too, and from cold."""
    B = "B"
    """The candidate ran beside pytest, but could not pass a mutated test, and passed from cold."""
    C = "C"
    """It passed beside pytest; something that would prove more was not possible, or left a doubt."""
    D = "D"
    """Not run, or did not pass."""


class Control(StrEnum):
    """What became of the twin of a test that passed: the same test, made so that it must fail."""

    HELD = "held"
    """The twin failed, as it must."""
    EQUAL = "equal"
    """Only the twin that compares with something unequal passed: the result equals everything."""
    FOOLED = "fooled"
    """The opposite of the test passed as well."""
    NONE = "none"
    """There is no twin, or it did not end: nothing is known."""


class Detail(StrEnum):
    """How much a run records besides outcomes."""

    VERDICTS = "verdicts"
    """Outcomes and messages only, and the run stops at the first failure. The cheapest: for search."""
    OUTCOMES = "outcomes"
    """Outcomes and, for failures, frames with locals."""
    COVERAGE = "coverage"
    """Also the project lines that each test executed."""
    EVIDENCE = "evidence"
    """Also the calls of project functions, with arguments and results. The dearest."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run. Each is enforced by the kernel or by the supervisor."""

    wall_s: float = 20.0
    """The whole run, start to end."""
    cpu_s: float = 20.0
    test_wall_s: float = 15.0
    """One test that runs longer is interrupted where it stands, and fails as `TestTimeout` with its frames."""
    test_cpu_s: float = 10.0
    memory_bytes: int = 4 << 30
    """Address space; generous, because numeric libraries map far more than they touch."""
    file_bytes: int = 64 << 20
    """Largest file a run may write."""
    processes: int = 64
    disk_bytes: int = 256 << 20
    """All that a run writes; where a layer or a container bounds it, that bound holds instead."""
    output_bytes: int = 256 << 20
    """All that a run prints; only the end of it is kept."""
    trace_s: float = 0.25
    trace_wall_s: float = 0.0
    """CPU and wall-clock time of a test after which (both) its steps and calls are no longer recorded. Its lines are;
    before Python 3.12 only a quarter longer."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One level of a failing test's stack, outermost first."""

    path: str
    """Relative to the project root with `/`, or absolute when outside the project."""
    line: int
    function: str
    source: str
    """The text of the line, stripped."""
    locals: tuple[tuple[str, str], ...]
    """Names and bounded reprs, as they were when the exception passed through."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a project function while a test ran."""

    path: str
    line: int
    """Line of the `def`."""
    function: str
    """Qualified name, as in `Cart.total`."""
    arguments: tuple[tuple[str, str], ...]
    """Parameter names and bounded reprs, in order of the signature."""
    text: str
    """An expression in the module's names that makes the same call again; empty where there is none."""
    result: str | None
    exception: str | None


@dataclass(frozen=True, slots=True)
class Activation:
    """One running of a project function, from its call to its end."""

    path: str
    function: str
    line: int
    """First line of the code: of its first decorator, else of the `def`."""
    caller: int
    """Index of the calling activation; -1 when something outside the project called."""
    at: int
    """Line in the caller."""
    arguments: tuple[tuple[str, str], ...]
    result: str | None
    exception: str | None
    unbroken: int = -1
    """How many of its steps, from the first, the trace holds without a gap; -1: it holds all that there were."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line that was run, and the names whose values differ after it."""

    activation: int
    line: int
    values: tuple[tuple[str, str], ...]
    """`x` or `self.x`, and a short repr."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The order of a test's steps: its first and its last ones, `dropped` in the middle."""

    activations: tuple[Activation, ...]
    steps: tuple[Step, ...]
    dropped: int
    cut: bool = False
    """The steps at its end are missing, and calls with them: their time was over, or a passing test was long."""


@dataclass(frozen=True, slots=True)
class Swallowed:
    """An exception that a function of the project met and did not let through."""

    path: str
    line: int
    """Where it was raised, or where the project called what raised it."""
    function: str
    exception: str
    message: str
    """Where it is one of Python's own and holds a text alone."""
    catcher: str
    """The function that ended it: the same one, or a caller."""
    catcher_path: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one test failed."""

    exception: str
    """Type name, as in `AssertionError`."""
    message: str
    text: str
    """pytest's own rendering, bounded."""
    frames: tuple[Frame, ...]
    operator: str | None = None
    """Comparison of the failing assert (`==`), when there was one."""
    left: str | None = None
    right: str | None = None


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test of one run."""

    __test__ = False

    nodeid: str
    outcome: Outcome
    phase: str
    """`collect`, `setup`, `call` or `teardown`: where the outcome was decided."""
    seconds: float
    failure: Failure | None = None
    lines: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Executed lines by project-relative path (COVERAGE and EVIDENCE)."""
    calls: tuple[Call, ...] = ()
    """In order of entry, bounded (EVIDENCE)."""
    trace: Trace | None = None
    """EVIDENCE only. Of a test that passed: the beginning, without values."""
    raised: tuple[Swallowed, ...] = ()
    """Exceptions that never reached the test, each place at most a few times (EVIDENCE)."""
    kind: str = ""
    """`test`, `doctest` or `other` (a linter's item); empty where its process did not live to say."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run, complete. `tests` holds what was reported before the end, whatever the end was."""

    status: Status
    tests: tuple[TestResult, ...]
    exit_code: int | None
    signal: int | None
    seconds: float
    output: str
    """Tail of stdout and stderr, without terminal escapes."""
    detail: str = ""
    """One sentence for CRASH, TIMEOUT, OOM, TAMPERED, UNSUPPORTED and INFRA."""
    backend: str = ""
    """Where it ran; a confirming run may take another backend than the search."""
    note: str = ""
    """Why it ran there, when it was meant to run in a stronger one."""
    cpu_s: float = 0.0
    """Processor time of the run, as the kernel counts it."""
    peak_bytes: int = 0
    """Its largest resident size."""
    mapped_bytes: int = 0
    """Its largest address space, as the run itself says, so of use only where no candidate ran; 0: unknown."""
    file_bytes: int = 0
    disk_bytes: int = 0
    """The largest file it wrote and all that it wrote, where a backend can see them; else 0."""
    processes: int = 0
    """The most at once that were seen."""
    output_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one call expression gave (`Session.call`)."""

    expression: str
    result: str | None
    """Canonical repr: sets and dicts sorted, floats rounded to 12 digits. None when it raised or did not end."""
    exception: str | None
    """Type name of the exception, with what the call did before it, or `Timeout`, `Crash`, `NotDeterministic`."""


@dataclass(frozen=True, slots=True)
class Guarantees:
    """What holds while a candidate runs, said plainly."""

    backend: str
    """`namespaces`, `bubblewrap`, `docker`, `landlock`, `seatbelt` or `process`."""
    holds: tuple[str, ...]
    gaps: tuple[str, ...]
    tier: str = ""
    """`none`, `filter`, `namespaces`, `container` or `kernel`: how much stands between a candidate and the machine."""
    probes: tuple[tuple[str, bool], ...] = ()
    """What the self-test tried on this machine, and whether the sandbox held."""
