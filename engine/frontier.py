"""The order of the search: suspicion times how often such edits are the fix, corrected by what each trial changed.

An operator or a line whose edits let the failing test come further is tried sooner, one whose edits change nothing
later. When every single edit was tried, second edits follow on top of those that came further.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from types import MappingProxyType

from ..sandbox.types import RunResult, Status, TestResult
from .errors import BadInput
from .kinds import Kinds
from .lacking import Lacking
from .mutate import Mutants, Proposal, mutants
from .source import Source
from .types import Candidate, FileChange, Patch

_MOST_PARTIAL = 12
_MOST_SECOND = 400
"""Second edits on top of one that came further."""
_AT_ONCE = 120
"""Lines whose edits are made at once: a project's thousands would take longer to make than a repair may take."""
_MUCH_LESS = 0.5
_BOTH = " + "
"""Between the operators of two edits in one candidate."""
_SHARE, _MOST_BEGUN = 3, 4
"""Every third candidate builds on a partial cure, and on at most so many of them."""
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')


class Change(Enum):
    """What a candidate did to the failing test: how much more its line, and its operator, are worth then."""

    NOTHING = (0.96, 0.99)
    """It fails as before."""
    OTHER = (1.0, 1.0)
    """It fails in another way."""
    FURTHER = (1.3, 1.05)
    """It fails at a later line of the test: more of its checks pass."""
    PASSED = (1.1, 1.0)
    """Perhaps by chance: where a test asks for yes or no, whatever turns the answer round passes, and breaks others."""
    RAN_AWAY = (0.85, 0.95)
    """It did not end, or ended the process: such trials are also the dearest."""


_LEAST, _MOST = 0.3, 4.0


@dataclass(frozen=True, slots=True)
class Failure:
    """How far a run came: the last line of the test's own file on the stack, and what was said there."""

    line: int
    said: str


def failure_of(run: RunResult, nodeid: str) -> Failure | None:
    """None when the test passed or was not reported."""
    test = next((t for t in run.tests if t.nodeid == nodeid), None)
    return failure_in(test) if test is not None else None


def failure_in(test: TestResult) -> Failure | None:
    """None when it passed."""
    if test.failure is None:
        return None
    path = test.nodeid.split("::")[0]
    lines = [int(line) for file, line in _PLACE.findall(test.failure.text) if file.endswith(path)]
    return Failure(lines[-1] if lines else 0, f"{test.failure.exception}: {test.failure.message}")


def change_of(run: RunResult, nodeid: str, before: Failure | None) -> Change:
    """Compare a candidate's run with the failure it is to repair."""
    if run.status not in (Status.PASS, Status.FAIL):
        return Change.RAN_AWAY
    now = failure_of(run, nodeid)
    if now is None:
        return Change.PASSED
    if now.said.startswith("TestTimeout"):
        return Change.RAN_AWAY
    if before is None or now == before:
        return Change.NOTHING
    return Change.FURTHER if now.line > before.line else Change.OTHER


@dataclass(slots=True)
class _Group:
    """Proposals of one operator on one line, best first."""

    maker: Mutants
    line: tuple[str, int]
    operator: str
    waiting: list[Proposal]
    """In reverse: the best one is last."""


def is_pair(candidate: Candidate) -> bool:
    """It holds two edits."""
    return _BOTH in candidate.operator


class Frontier:
    """Iterate to get the next candidate; tell what it changed with `learn` before asking for the next."""

    def __init__(
        self,
        files: Sequence[tuple[Source, Mapping[int, float]]],
        kinds: Mapping[str, Mapping[str, Kinds]] = MappingProxyType({}),
        imports: Mapping[str, Mapping[str, Sequence[str]]] = MappingProxyType({}),
        lacking: Lacking | None = None,
    ) -> None:
        """`kinds`: what names were seen to hold, by path and outermost function (kinds.py). `imports` by path, and
        `lacking`: as in `Scope`.
        """
        self._kinds, self._imports, self._lacking = kinds, imports, lacking
        self._files = {source.path: (source, lines) for source, lines in files}
        self._lines: defaultdict[tuple[str, int], float] = defaultdict(lambda: 1.0)
        self._operators: defaultdict[str, float] = defaultdict(lambda: 1.0)
        self._later = _parts(files)
        self._groups: list[_Group] = []
        self._best = 0.0
        """Of the most suspicious part, as if its lines could not be more suspicious."""
        self._further: list[Candidate] = []
        self._begun: list[Iterator[Candidate]] = []
        self._built_on: set[Patch] = set()
        """Second edits on top of what cures the failing test, but not all the tests that fail with it."""
        self._turn = 0
        self._second: Iterator[Candidate] | None = None

    def _grow(self) -> None:
        """Make the edits of the next most suspicious lines."""
        part = self._later.pop()
        for path, wanted in part.items():
            self._groups += _groups(self._mutants(path, wanted))
        self._best = self._best or max((g.waiting[-1].score for g in self._groups), default=0.0) / _top(part)

    def _mutants(self, path: str, wanted: Collection[int]) -> Mutants:
        kinds, imports = self._kinds.get(path, {}), self._imports.get(path, {})
        return Mutants(*self._files[path], kinds, wanted, imports, self._lacking)

    def _is_due(self, best: _Group) -> bool:
        """What is at hand is worth much less than the best of the next lines, were they edited in the same ways."""
        return bool(self._later) and self._worth(best) < _MUCH_LESS * self._best * _top(self._later[-1])

    def __iter__(self) -> Iterator[Candidate]:
        return self

    def __next__(self) -> Candidate:
        self._turn += 1
        if self._begun and (self._turn % _SHARE == 0 or not (self._groups or self._later)):
            candidate = self._next_begun()
            if candidate is not None:
                return candidate
        while self._groups or self._later:
            group = max(self._groups, key=self._worth, default=None)
            if group is None or self._is_due(group):
                self._grow()
                continue
            candidate = group.maker.make(group.waiting.pop())
            if not group.waiting:
                self._groups.remove(group)
            if candidate is not None:
                return candidate
        if self._second is None:
            self._second = self._pairs()
        return next(self._second)

    def build_on(self, candidate: Candidate) -> None:
        """A first edit that cures some of the failing tests: second edits on top of it take turns with the rest."""
        if candidate.path not in self._files or is_pair(candidate) or candidate.patch in self._built_on:
            return
        if len(self._begun) < _MOST_BEGUN:
            self._built_on.add(candidate.patch)
            self._begun.append(islice(self._on_top(candidate), _MOST_SECOND))

    def build_no_more(self) -> None:
        """One edit cures them all: second edits on top of partial cures are wanted no longer."""
        self._begun.clear()

    def _next_begun(self) -> Candidate | None:
        while self._begun:
            stream = self._begun.pop(0)
            candidate = next(stream, None)
            if candidate is not None:
                self._begun.append(stream)
                return candidate
        return None

    def _worth(self, group: _Group) -> float:
        return group.waiting[-1].score * self._lines[group.line] * self._operators[group.operator]

    def learn(self, candidate: Candidate, change: Change, broke_others: bool = False) -> None:
        """Take a trial's outcome into account; `broke_others` when the test passed and another then failed."""
        for_line, for_operator = change.value
        place = (candidate.path, candidate.line)
        self._lines[place] = _bounded(self._lines[place] * for_line)
        self._operators[candidate.operator] = _bounded(self._operators[candidate.operator] * for_operator)
        if change is Change.FURTHER or (change is Change.PASSED and broke_others):
            self._further.append(candidate)

    def _pairs(self) -> Iterator[Candidate]:
        """Second edits of what came further, in turn, so that no first edit keeps the others waiting."""
        firsts = sorted(self._further, key=lambda c: -c.prior)[:_MOST_PARTIAL]
        streams = [islice(self._on_top(first), _MOST_SECOND) for first in firsts]
        while streams:
            for stream in list(streams):
                candidate = next(stream, None)
                if candidate is None:
                    streams.remove(stream)
                else:
                    yield candidate

    def _on_top(self, first: Candidate) -> Iterator[Candidate]:
        source, lines = self._files[first.path]
        lines = dict(sorted(lines.items(), key=lambda item: -item[1])[:_AT_ONCE])
        change = first.patch.files[0]
        try:
            edited = Source.parse(first.path, change.after)
        except BadInput:
            return
        for second in mutants(edited, _moved(source, edited, lines), self._kinds.get(first.path, {})):
            after = second.patch.files[0].after
            if after != source.data:
                yield replace(
                    second,
                    patch=Patch((FileChange(first.path, source.data, after),)),
                    description=f"{first.description}; {second.description}",
                    operator=f"{first.operator}{_BOTH}{second.operator}",
                    prior=first.prior * second.prior,
                )


def _parts(files: Sequence[tuple[Source, Mapping[int, float]]]) -> list[dict[str, dict[int, float]]]:
    """All lines in parts of at most `_AT_ONCE`, by path; in reverse: the most suspicious part is last."""
    every = [(score, source.path, line) for source, lines in files for line, score in lines.items()]
    every.sort(key=lambda one: -one[0])
    parts: list[dict[str, dict[int, float]]] = []
    for at in range(0, len(every), _AT_ONCE):
        part: dict[str, dict[int, float]] = {}
        for score, path, line in every[at : at + _AT_ONCE]:
            part.setdefault(path, {})[line] = score
        parts.append(part)
    return parts[::-1]


def _top(part: Mapping[str, Mapping[int, float]]) -> float:
    return max(score for lines in part.values() for score in lines.values())


def _groups(maker: Mutants) -> list[_Group]:
    found: dict[tuple[int, str], list[Proposal]] = {}
    path = ""
    for proposal in reversed(maker.proposals):
        path = proposal.scope.source.path
        found.setdefault((proposal.line, proposal.operator.name), []).append(proposal)
    return [_Group(maker, (path, line), operator, waiting) for (line, operator), waiting in found.items()]


def _moved(old: Source, new: Source, lines: Mapping[int, float]) -> dict[int, float]:
    """Suspicion after an edit: lines above it stay, lines below it move, its own lines are as suspicious as any."""
    before, after = old.data.split(b"\n"), new.data.split(b"\n")
    head = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    shift = len(after) - len(before)
    moved = {line if line <= head + 1 else line + shift: score for line, score in lines.items()}
    top = max(lines.values(), default=1.0)
    return {line: score for line, score in moved.items() if line > 0} | {head + 1: top}


def _bounded(worth: float) -> float:
    return min(max(worth, _LEAST), _MOST)
