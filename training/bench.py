"""Where solutions are run: one throw-away project with `solution.py` and its tests, in the engine's sandbox.

    code, tests ─overlay─▶ fork ─▶ Ran: how it ended, which share of the tests passed, what failed

Whatever a run does, it costs no more than its own result: it is confined, bounded in time, memory and disk, and what
it writes is gone with it.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ..engine.errors import BadEnvironment
from ..engine.project import Project, find_interpreter, preferred
from ..engine.stop import Stop
from ..engine.trial import open_session
from ..sandbox.session import Session
from ..sandbox.types import Limits, Outcome, RunResult, Status, TestResult

EACH = Limits(wall_s=30.0, cpu_s=10.0, test_wall_s=20.0, test_cpu_s=5.0, memory_bytes=2 << 30, disk_bytes=64 << 20)
"""Processor time is what ends a solution that loops: a busy machine must not look like a slow solution."""
_LONGEST = 1_500
_MOST_CHECKS = 40
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_DOCTEST = re.compile(r'^ *File "[^"\n]*doctest\.py".*\n(?:(?! *File ) {6,}.*\n)*', re.MULTILINE)
"""Its own lines of a traceback, with a path of this machine."""
MODULE, TESTS = "solution.py", "test_solution.py"


@dataclass(frozen=True, slots=True)
class Ran:
    status: Status
    passed: bool
    """Every test ran and passed; a skipped one proves nothing."""
    share: float
    """Of the tests, those that passed; below 1 unless `passed`."""
    feedback: str
    """What failed first, or how the run ended; empty when all passed."""
    reached: bool
    """The solution was loaded, and a test of it ran."""
    good: frozenset[str] = frozenset()
    """Names of the tests that passed."""

    @property
    def judged(self) -> bool:
        """The tests themselves said whether the code is right."""
        return self.status in (Status.PASS, Status.FAIL)


@dataclass(frozen=True, slots=True)
class Bench:
    """Usable from several threads: runs take turns."""

    session: Session
    stop: Stop
    turn: Lock

    def run(self, code: str, tests: str, limits: Limits = EACH) -> Ran:
        """`tests` is a pytest module that imports `solution`. When the run's `stop` came, the result means nothing."""
        edits = {MODULE: code.encode("utf-8", "replace"), TESTS: tests.encode("utf-8", "replace")}
        with self.turn:
            ran = self._run(edits, limits)
            if ran.status is Status.INFRA and (sound := self._run({}, EACH)).status is Status.INFRA:
                raise BadEnvironment(f"The sandbox does not work any more ({sound.detail}); run `darner doctor`.")
        return _ran(ran, self.session.root)

    def _run(self, edits: dict[str, bytes], limits: Limits) -> RunResult:
        return self.session.run([TESTS], edits, limits=limits, cancelled=lambda: bool(self.stop))


@contextmanager
def opened(stop: Stop, *, trusted: bool) -> Generator[Bench]:
    """Raises BadEnvironment without pytest in this interpreter, or without a sandbox unless `trusted`."""
    with project("", "def test_nothing():\n    pass\n", trusted=trusted) as session:
        yield Bench(session, stop, Lock())


@contextmanager
def project(code: str, tests: str, *, trusted: bool) -> Generator[Session]:
    """A sandbox of a folder of its own, with a solution and, where there are any, its tests. Raises as `opened`."""
    with tempfile.TemporaryDirectory(prefix="darner-train-") as folder:
        root = Path(folder).resolve()
        (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (root / MODULE).write_text(code, encoding="utf-8")
        if tests:
            (root / TESTS).write_text(tests, encoding="utf-8")
        project = Project(root, find_interpreter(root, sys.executable), preferred(None))
        with open_session(project, trusted=trusted) as session:
            yield session


def statements_as_tests(code: str, tests: str) -> str:
    """A test module of tests as models write them: test functions as they are, each statement that checks by itself.

    Names come from the solution, whichever module the tests import them from. Raises ValueError, with the reason as
    its text, when either does not parse or nothing is checked.
    """
    solution, given = _parsed(code, "code does not parse"), _parsed(tests, "tests do not parse")
    used = {node.id for node in ast.walk(given) if isinstance(node, ast.Name)}
    names = _defined(solution)
    body = [node for node in given.body if not _is_main_block(node) and not _imports_solution(node, names)]
    heads = [node for node in body if isinstance(node, _HEADS)]
    statements = [node for node in body if not isinstance(node, _HEADS)]
    callers = {node.name for node in heads if isinstance(node, ast.FunctionDef) and _asserts(node)}
    collected = {name for name in callers if name.startswith("test")}
    parts = [f"from solution import {', '.join(sorted(names & used))}"] if names & used else []
    parts += [ast.unparse(node) for node in heads]
    parts += _checks(statements, callers, collected)
    if len(parts) == len(heads) + bool(names & used) and not collected and not any(map(_is_case, heads)):
        raise ValueError("tests check nothing")
    return "\n\n\n".join(parts) + "\n"


_HEADS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def _parsed(text: str, trouble: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(trouble) from None


def _checks(statements: list[ast.stmt], callers: set[str], collected: set[str]) -> list[str]:
    """A test for each statement that checks something, behind the statements before it that do not."""
    before: list[ast.stmt] = []
    found: list[str] = []
    for node in statements:
        called = set(_called(node))
        if isinstance(node, ast.Expr) and called & collected:
            continue
        if _asserts(node) or called & callers:
            if len(found) < _MOST_CHECKS:
                found.append(_check(len(found) + 1, [*before, node]))
        else:
            before.append(node)
    return found


def _check(number: int, statements: list[ast.stmt]) -> str:
    """Names are assigned in the module, where the tests' own functions look for them."""
    assigned = sorted({n.id for s in statements for n in ast.walk(s) if isinstance(n, ast.Name) and _stored(n)})
    lines = [f"global {', '.join(assigned)}"] if assigned else []
    lines += [line for statement in statements for line in ast.unparse(statement).splitlines()]
    return f"def test_{number}():\n" + "\n".join(f"    {line}" for line in lines)


def _stored(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _called(node: ast.stmt) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
            yield inner.func.id


def _asserts(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node))


def _is_case(node: ast.stmt) -> bool:
    """A class of tests: pytest's own, or unittest's."""
    return isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or bool(node.bases))


def _is_main_block(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _imports_solution(node: ast.stmt, names: set[str]) -> bool:
    return isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} <= {*names, "*"}


def _defined(tree: ast.Module) -> set[str]:
    """Names that a module's top level gives, imports included."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names} - {"*"}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and _stored(inner)}
    return found


def _ran(run: RunResult, root: Path) -> Ran:
    passed = run.status is Status.PASS and all(test.outcome is Outcome.PASSED for test in run.tests)
    good = frozenset(test.nodeid.rpartition("::")[2] for test in run.tests if test.outcome is Outcome.PASSED)
    share = len(good) / len(run.tests) if run.tests and run.status is Status.FAIL else 0.0
    hung = any(test.failure is not None and test.failure.exception == "TestTimeout" for test in run.tests)
    status = Status.TIMEOUT if hung else run.status
    reached = any(test.outcome in (Outcome.PASSED, Outcome.FAILED) for test in run.tests)
    feedback = "" if passed else _steady(_feedback(run), root)
    return Ran(status, passed, 1.0 if passed else min(share, 0.99), feedback, reached, good)


def _steady(text: str, root: Path) -> str:
    """Without what differs from run to run: where the project is, where objects are, and how doctest called it."""
    return _ADDRESS.sub("0x…", _DOCTEST.sub("", text.replace(f"{root}/", "")))[:_LONGEST]


def _feedback(run: RunResult) -> str:
    failed = next((test for test in run.tests if test.outcome in (Outcome.FAILED, Outcome.ERROR)), None)
    if failed is None or failed.failure is None:
        return run.detail or "A test was skipped."
    return _said(failed)


def _said(test: TestResult) -> str:
    failure = test.failure
    assert failure is not None
    lines = [f"{failure.exception}: {failure.message.lstrip('* ').strip()}"]
    for frame in failure.frames[-2:]:
        if frame.path == MODULE or "examples" not in test.nodeid:
            values = ", ".join(f"{name} = {value}" for name, value in frame.locals[:6])
            lines.append(f"at `{frame.source}` in {frame.function}" + (f", where {values}" if values else ""))
    return "\n".join(lines)
