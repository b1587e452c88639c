"""The bug factory: single edits of seeds, kept only when running the seed's own examples shows that they are wrong.

The edits are the engine's own search operators, so a mistake's repair is one edit away and known. A seed takes part
when its examples pass twice as it is; a mutant is a mistake when the same examples then fail. Both run in the sandbox.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..engine.mutate import mutants
from ..engine.project import Project, find_interpreter
from ..engine.source import Source
from ..engine.stop import Stop
from ..engine.trial import open_session
from ..engine.types import Candidate
from ..sandbox.session import Session
from ..sandbox.types import Limits, Outcome, RunResult, Status
from .job import sha256
from .stages import Context, RecordStage
from .store import Work
from .types import Dropped, Mistake, Seed

_EVIDENCE = 2000
_EACH = Limits(wall_s=5.0, cpu_s=5.0)
_TEST = """\
import doctest
import {module}


def test_examples():
    said = []
    runner = doctest.DocTestRunner(verbose=False)
    for case in doctest.DocTestFinder(recurse=False).find({module}.{name}, "{name}", globs=dict(vars({module}))):
        case.filename = "{name}.py"
        runner.run(case, out=said.append)
    assert not runner.failures, "".join(said)
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [mistakes]."""

    per_seed: int = 3
    """Most mistakes made from one seed, one for each operator."""
    tries: int = 40
    """Most mutants of one seed that are run."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """A throw-away project with one module and one test for each seed that has examples, in a sandbox."""

    session: Session
    modules: Mapping[str, str]
    """Module of each seed that has examples, by the seed's id."""
    sound: frozenset[str]
    """Ids of the seeds whose examples pass."""
    stop: Stop

    @staticmethod
    @contextmanager
    def opened(seeds: Sequence[Seed], stop: Stop, *, trusted: bool) -> Generator[Workbench]:
        """Raises BadEnvironment without pytest in this interpreter, or without a sandbox unless `trusted`."""
        with_examples = {seed.id: seed for seed in seeds if seed.examples}
        modules = {identity: f"seed_{number:05}" for number, identity in enumerate(with_examples)}
        with tempfile.TemporaryDirectory(prefix="darner-train-") as folder:
            root = Path(folder).resolve()
            _write(root, with_examples, modules)
            project = Project(root, find_interpreter(root, sys.executable))
            with open_session(project, trusted=trusted) as session:
                sound = _sound(session, modules, stop)
                yield Workbench(session, modules, sound, stop)

    def mistakes(self, seed: Seed, settings: Settings) -> Iterator[Mistake | Dropped]:
        """At most `per_seed` mistakes, one for each operator, likelier edits first."""
        if not seed.examples:
            yield Dropped("seed has no examples")
            return
        if seed.id not in self.sound:
            yield Dropped("seed fails its own examples")
            return
        kept: set[str] = set()
        for candidate in islice(_first(seed, f"{self.modules[seed.id]}.py"), settings.tries):
            if len(kept) == settings.per_seed:
                return
            if candidate.operator in kept:
                continue
            found = self._judge(seed, candidate)
            if isinstance(found, Mistake):
                kept.add(candidate.operator)
                yield found
            else:
                yield Dropped(found)

    def _judge(self, seed: Seed, candidate: Candidate) -> Mistake | str:
        """The mistake, or the reason why the mutant is none."""
        change = candidate.patch.files[0]
        run = self._run(seed, change.path, change.after)
        if run.status is Status.PASS:
            return "mutant passes the examples"
        failed = next((t for t in run.tests if t.outcome is Outcome.FAILED and t.failure is not None), None)
        if run.status is not Status.FAIL:
            return f"mutant ends with {run.status.lower()}"
        if failed is None or failed.failure is None:
            return "mutant cannot be imported"
        wrong = change.after.decode("utf-8")
        evidence = failed.failure.message.lstrip("*\n ")[:_EVIDENCE]
        identity = sha256(wrong.encode())[:16]
        edit = (candidate.operator, candidate.description.rsplit(" at ", 1)[0])
        return Mistake(identity, seed.id, seed.name, wrong, seed.code, *edit, evidence, seed.licence)

    def _run(self, seed: Seed, path: str, after: bytes) -> RunResult:
        nodeid = _nodeid(self.modules[seed.id])
        run = self.session.run([nodeid], {path: after}, limits=_EACH, cancelled=lambda: bool(self.stop))
        if self.stop:
            raise KeyboardInterrupt
        return run


def _write(root: Path, seeds: Mapping[str, Seed], modules: Mapping[str, str]) -> None:
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for identity, module in modules.items():
        seed = seeds[identity]
        (root / f"{module}.py").write_text(seed.code, encoding="utf-8")
        test = _TEST.format(module=module, name=seed.name)
        (root / f"test_{module}.py").write_text(test, encoding="utf-8")


def _sound(session: Session, modules: Mapping[str, str], stop: Stop) -> frozenset[str]:
    """Ids of the seeds that pass twice, each in a run of its own: one that hangs must not decide about the others."""
    sound: set[str] = set()
    for identity, module in modules.items():
        passes = True
        for _ in range(2):
            run = session.run([_nodeid(module)], limits=_EACH, cancelled=lambda: bool(stop))
            passes = passes and run.status is Status.PASS
        if stop:
            raise KeyboardInterrupt
        if passes:
            sound.add(identity)
    return frozenset(sound)


def _first(seed: Seed, path: str) -> Iterator[Candidate]:
    """The likeliest mutants of the seed's own statements, the docstring excepted."""
    source = Source.parse(path, seed.code.encode())
    function = next(f for f in source.functions() if f.qualname == seed.name)
    docstring = function.node.body[0]
    lines = range((docstring.end_lineno or docstring.lineno) + 1, function.end_line + 1)
    yield from mutants(source, dict.fromkeys((*lines, function.def_line), 1.0))


def _nodeid(module: str) -> str:
    return f"test_{module}.py::test_examples"


def _units(context: Context, settings: Settings) -> Sequence[Seed]:
    return context.read("seeds", Seed)


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Seed]) -> Generator[Work]:
    with Workbench.opened(units, context.stop, trusted=context.trusted) as bench:
        yield lambda seed, index: bench.mistakes(seed, settings)


STAGE = RecordStage("mistakes", Settings, ("seeds",), units=_units, opened=_opened)
