"""Bodies for a stub: sampled from a model, tried by whoever judges, searched near by, revised on what really happened.

Greedy first, then a batch of samples; then single edits of the drafts that came nearest; then revisions with only the
last round in context, the draft to revise drawn by Thompson sampling as for repairs (sample.py).
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..sandbox.session import Session
from ..sandbox.types import Detail, Limits, TestResult
from .config import Budget
from .errors import BadInput
from .gate import refuses_writing
from .jury import AT_ONCE, Jury, lines_of_body, outcomes
from .model import Completion, Message, Model, Role, Sampling
from .mutate import mutants
from .parse import Unusable, body_from, is_hole
from .prompt import Attempt
from .prompt_write import implement
from .protected import is_test_path
from .rulings import obeys, with_ruling
from .search import identity
from .source import Function, Source
from .stop import Stop
from .stub import Meant, is_stub, plain
from .suite import kind_of
from .trial import edits_of, ended_by_itself
from .types import Candidate, FileChange, Origin, Patch, Ruling

LIMITS = Limits(wall_s=60.0, cpu_s=30.0, test_wall_s=12.0, test_cpu_s=3.0)
_C = 20.0
_TEMPERATURE = 0.8
_MOST_TOKENS = 640
_NEAREST = 2
_MOST_MUTANTS = 200
_ENDS = ("\n```", "\nprint(", "\nassert ", "\nif __name__", "\n# Test", "\n# Example")


@dataclass(frozen=True, slots=True)
class Mark:
    """What the jury says of one body."""

    passed: tuple[str, ...]
    failed: tuple[TestResult, ...]
    broken: tuple[str, ...]
    """Tests that called the stub and passed, and fail now."""
    waiting: tuple[str, ...] = ()
    """Failed, but in another stub that they also call: they cannot judge yet."""
    trouble: str = ""
    """How the run ended, when it did not end by itself."""

    @property
    def accepts(self) -> bool:
        return bool(self.passed) and not (self.failed or self.broken or self.trouble)

    @property
    def share(self) -> float:
        whole = len(self.passed) + len(self.failed) + len(self.broken)
        return len(self.passed) / whole if whole and not self.trouble else 0.0


@dataclass(slots=True)
class Draft:
    candidate: Candidate
    text: str
    """The function, as the model wrote it."""
    mark: Mark | None = None
    revised: int = 0
    voices: int = 1
    """Completions that came to the same body."""
    overruled: bool = False
    """It contradicts what the user said."""


@dataclass
class Drafts:
    """Every different body so far. One at a time is tried."""

    session: Session
    meant: Meant
    model: Model
    budget: Budget
    stop: Stop
    seed: int = 0
    jury: Jury | None = None
    found: dict[tuple[tuple[str, bytes], ...], Draft] = field(
        default_factory=dict[tuple[tuple[str, bytes], ...], Draft]
    )
    rubbish: list[str] = field(default_factory=list[str])
    """Why completions held no body."""
    tried: int = 0
    rulings: tuple[Ruling, ...] = ()
    """What the user said of calls of this code."""

    @property
    def accepted(self) -> list[Draft]:
        return [draft for draft in self.passing if not draft.overruled]

    @property
    def passing(self) -> list[Draft]:
        """Also those that the user does not want."""
        return [draft for draft in self.found.values() if draft.mark is not None and draft.mark.accepts]

    def hear(self, ruling: Ruling) -> None:
        """The user said something: what passed and contradicts it is accepted no longer."""
        self.rulings = with_ruling(self.rulings, ruling)
        for draft in self.passing:
            self._overrule(draft)

    def _overrule(self, draft: Draft) -> None:
        obeying = not self.rulings or obeys(self.session, draft.candidate, self.rulings, "", self.stop)
        draft.overruled = not obeying

    def sample(self) -> None:
        """One greedy completion and a batch; each body is tried as soon as it is there, when there is a jury."""
        asked = self._ask(None)
        self._sample(asked, 1, 0.0)
        if not self.stop:
            self._sample(asked, max(self.budget.samples, 1), _TEMPERATURE)

    def revise(self) -> None:
        """Until one is accepted or the rounds are used."""
        chance = random.Random(self.seed)
        for _ in range(self.budget.rounds * max(self.budget.samples // 2, 1)):
            open_ones = [d for d in self.found.values() if d.mark is not None and not d.mark.accepts]
            if self.stop or self.accepted or not open_ones:
                return

            def drawn(draft: Draft) -> float:
                share = draft.mark.share if draft.mark else 0.0
                return chance.betavariate(1 + _C * share, 1 + _C * (1 - share) + draft.revised)

            draft = max(open_ones, key=drawn)
            draft.revised += 1
            self._sample(self._ask(Attempt(draft.text, feedback(draft.mark))), 2, _TEMPERATURE)

    def search(self) -> None:
        """Single edits of the drafts that came nearest, until one is accepted."""
        tried = [d for d in self.found.values() if d.mark is not None and d.candidate.origin is Origin.MODEL]
        for draft in sorted(tried, key=lambda d: -(d.mark.share if d.mark else 0.0))[:_NEAREST]:
            for candidate in self._near(draft):
                if self.stop or self.accepted:
                    return
                self._add(candidate, draft.text)

    def _near(self, draft: Draft) -> Iterator[Candidate]:
        change = draft.candidate.patch.files[0]
        source = Source.parse(change.path, change.after)
        own = source.same(self.meant.function, self.meant.source)
        lines = dict.fromkeys(range(own.body_line, own.end_line + 1), 1.0)
        for count, mutant in enumerate(mutants(source, lines)):
            if count >= _MOST_MUTANTS:
                return
            patch = Patch((FileChange(change.path, change.before, mutant.patch.files[0].after),))
            yield replace(
                draft.candidate,
                patch=patch,
                prior=0.2,
                description=f"{draft.candidate.description}, with {mutant.description}",
            )

    def _ask(self, last: Attempt | None) -> tuple[Message, ...]:
        tests = self.jury.text if self.jury is not None else ""
        real = self.jury is not None
        return implement(self.meant, tests, real=real, last=last)

    def _sample(self, messages: Sequence[Message], n: int, temperature: float) -> None:
        self.seed += 1_000
        beginning = f"```python\n{self.meant.header}\n"
        sampling = Sampling(
            n=n,
            temperature=temperature,
            max_tokens=_MOST_TOKENS,
            seed=self.seed,
            stop=_ENDS,
            prefill=beginning,
            role=Role.REPAIRER,
        )
        self.model.sample(messages, sampling, self.stop, on_completion=lambda _, c: self._read(beginning, c))

    def _read(self, beginning: str, completion: Completion) -> None:
        """A model continues the given beginning, or begins again."""
        trouble = ""
        for text in (beginning + completion.text, completion.text):
            try:
                patch, code = body_from(text, self.meant.source, self.meant.function)
            except Unusable as why:
                trouble = trouble or str(why)
                continue
            self._add(self._candidate(patch), code)
            return
        self.rubbish.append(trouble)

    def _candidate(self, patch: Patch) -> Candidate:
        name = plain(self.meant.function.qualname)
        line = self.meant.function.def_line
        told = f"`{name}` written by {self.model.name}"
        return Candidate(patch, Origin.MODEL, told, self.model.name, 0.5, self.meant.path, line)

    def _add(self, candidate: Candidate, text: str) -> None:
        key = identity(candidate.patch)
        if key in self.found:
            self.found[key].voices += 1
            return
        if refused := refuses_writing(candidate):
            self.rubbish.append(f"A body was not run: {refused}.")
            return
        draft = self.found[key] = Draft(candidate, text)
        if self.jury is not None:
            self.judge(draft, self.jury)

    def judge(self, draft: Draft, jury: Jury) -> Mark:
        """Run the jury's tests on the body, some at once, as long as it passes them; kept in the draft."""
        self.tried += 1
        edits = {**edits_of(draft.candidate.patch), **jury.files}
        mark = self._tried(edits, jury.nodeids[:AT_ONCE], jury.keeping, ())
        for at in range(AT_ONCE, len(jury.nodeids), AT_ONCE):
            if mark.accepts:
                more = self._tried(edits, jury.nodeids[at : at + AT_ONCE], (), mark.passed)
                mark = replace(more, waiting=(*mark.waiting, *more.waiting))
        draft.mark = mark
        self._overrule(draft)
        return mark

    def _tried(
        self, edits: dict[str, bytes], nodeids: Sequence[str], keeping: Sequence[str], before: tuple[str, ...]
    ) -> Mark:
        """What one run of these tests says, of a body that passed those `before`."""
        run = self.session.run((*nodeids, *keeping), edits, limits=LIMITS, cancelled=lambda: bool(self.stop))
        own = list(outcomes(run.tests, nodeids))
        failed = [test for test, passed in own if not passed]
        kept = {test.nodeid for test, passed in outcomes(run.tests, keeping) if passed}
        passed = (*before, *(test.nodeid for test, ok in own if ok))
        waiting = self._waiting(edits, failed) if passed and failed else ()
        return Mark(
            passed=passed,
            failed=tuple(test for test in failed if test.nodeid not in waiting),
            broken=tuple(nodeid for nodeid in keeping if nodeid not in kept),
            waiting=waiting,
            trouble="" if ended_by_itself(run) else run.detail or str(run.status),
        )

    def _waiting(self, edits: dict[str, bytes], failed: Sequence[TestResult]) -> tuple[str, ...]:
        """Of the failing tests, those that run into another stub: they say nothing of this body.

        What a test brings along, a double say, is no stub.
        """
        names = [test.nodeid for test in failed]
        stop = self.stop
        run = self.session.run(names, edits, limits=LIMITS, detail=Detail.COVERAGE, cancelled=lambda: bool(stop))
        own = {test.nodeid.partition("::")[0] for test in failed if kind_of(test) == "test"}
        paths = {path for test in run.tests for path, _ in test.lines if not is_test_path(path)} - own
        owed = [hole for path in paths for hole in self._owed(path, edits)]
        return tuple(t.nodeid for t in run.tests if t.nodeid in names and any(hole.stops(t) for hole in owed))

    def _owed(self, path: str, edits: dict[str, bytes]) -> Iterator[_Hole]:
        """What the file lacked before the candidate and lacks now."""
        try:
            before = Source.parse(path, (self.session.root / path).read_bytes())
            now = Source.parse(path, edits.get(path, before.data))
        except (OSError, BadInput):
            return
        known = {f.qualname for f in before.functions() if is_stub(Meant(before, f))}
        yield from (_Hole(path, f) for f in now.functions() if f.qualname in known and is_hole(f.node))


@dataclass(frozen=True, slots=True)
class _Hole:
    """A body that is still to be written."""

    path: str
    function: Function

    def stops(self, test: TestResult) -> bool:
        """The test ended in it; or ran through it, where it gives nothing and says nothing."""
        lines = lines_of_body(self.function)
        if any(isinstance(statement, ast.Raise) for statement in self.function.node.body):
            frames = test.failure.frames[-1:] if test.failure is not None else ()
            return any(frame.path == self.path and frame.line in lines for frame in frames)
        return any(path == self.path and not lines.isdisjoint(run) for path, run in test.lines)


def feedback(mark: Mark | None) -> str:
    """What the first failing tests say, with the innermost values."""
    if mark is None:
        return ""
    if mark.trouble:
        return mark.trouble
    said: list[str] = []
    for test in mark.failed[:2]:
        failure = test.failure
        if failure is None:
            continue
        said.append(f"{test.nodeid.split('::')[-1]}: {failure.exception}: {failure.message}"[:600])
        for frame in failure.frames[-1:]:
            values = ", ".join(f"{name} = {value}" for name, value in frame.locals[:8])
            said.append(f"at line `{frame.source}` in {frame.function}{f', where {values}' if values else ''}"[:400])
    return "\n".join(said) or "A test that passed before fails now."
