"""A project's failing tests, and by file those that it has to do with: kept up with the news, not found anew.

Thousands of tests may fail within seconds, each of them makes another snapshot, and every request is about one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..engine.types import Explanation, Patch, Question, Repair, Suspect
from ..sandbox.types import Call, TestResult
from .places import Place, places, project_frames, stands_for, test_path


@dataclass(frozen=True, slots=True)
class Example:
    """A question, as the user answered it."""

    input: str
    output: str
    """A value, or `raises ValueError`."""
    path: str = ""
    """Of the repaired function, with a line in it."""
    line: int = 0
    others: tuple[Patch, ...] = ()
    """The repairs that answer otherwise."""
    module: str = ""
    """The file in whose names the input is written."""


@dataclass(frozen=True)
class Case:
    """One failing test and what is known about it so far."""

    result: TestResult
    suspects: tuple[Suspect, ...] = ()
    explanation: Explanation | None = None
    repairs: tuple[Repair, ...] = ()
    """Verified only, best first."""
    question: Question | None = None
    answered: Example | None = None
    """What the user said in their own words; no repair that was known then agreed."""
    note: str = ""
    calls: tuple[Call, ...] = ()
    """One call of each suspected function, with the values that the failing test gave it."""

    @property
    def nodeid(self) -> str:
        return self.result.nodeid

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where it shows, as it was when the test ran."""
        return places(self.result)

    @cached_property
    def files(self) -> frozenset[str]:
        """Those that it has to do with: they hold the test, ran in vain, show the failure, or are suspected."""
        told = (*project_frames(self.result), *self.places, *self.suspects, *self.calls)
        return frozenset([test_path(self.nodeid), *(each.path for each in told)])


@dataclass(frozen=True, eq=False)
class FileCases:
    """The cases that one file has to do with. Equal only to itself, so that what was made of it can be kept by it."""

    path: str
    by_id: Mapping[str, Case]

    @cached_property
    def shown(self) -> tuple[tuple[Case, Place], ...]:
        """What shows in this file."""
        return tuple((case, place) for case in self.by_id.values() for place in case.places if place.path == self.path)


_NOTHING = FileCases("", {})


class Cases(Mapping[str, Case]):
    """By node id. Never changed: news makes another one, which shares the files that it does not touch."""

    def __init__(self, cases: Iterable[Case] = ()) -> None:
        self.files: Mapping[str, FileCases] = {}
        """By path; only files that have something to do with a case. A test's own file is one."""
        self._count = 0
        self._take(cases, ())

    def __getitem__(self, nodeid: str) -> Case:
        return self.files[test_path(nodeid)].by_id[nodeid]

    def __iter__(self) -> Iterator[str]:
        for path, file in self.files.items():
            yield from (nodeid for nodeid in file.by_id if test_path(nodeid) == path)

    def __len__(self) -> int:
        return self._count

    def meant(self, nodeid: str) -> str:
        """The failing test that a node id stands for, which editors may cut before the parameters: the first of which a
        search has told something, else the first; itself, when none of them fails.
        """
        if nodeid in self:
            return nodeid
        held = [case for each, case in self.about(test_path(nodeid)).by_id.items() if stands_for(nodeid, each)]
        return max(held, key=lambda case: bool(case.repairs or case.note)).nodeid if held else nodeid

    def about(self, path: str) -> FileCases:
        return self.files.get(path, _NOTHING)

    def changed(self, news: Iterable[Case], gone: Iterable[str] = ()) -> Cases:
        """With these in place of what was known of the same tests, and without those that are gone."""
        other = Cases()
        other.files, other._count = self.files, self._count
        other._take(news, gone)
        return other

    def _take(self, news: Iterable[Case], gone: Iterable[str]) -> None:
        touched: dict[str, dict[str, Case]] = {}

        def file(path: str) -> dict[str, Case]:
            if path not in touched:
                touched[path] = dict(self.about(path).by_id)
            return touched[path]

        for nodeid in gone:
            for path in file(test_path(nodeid))[nodeid].files:
                del file(path)[nodeid]
            self._count -= 1
        for case in news:
            old = file(test_path(case.nodeid)).get(case.nodeid)
            for path in old.files - case.files if old is not None else ():
                del file(path)[case.nodeid]
            for path in case.files:
                file(path)[case.nodeid] = case
            self._count += old is None
        files = {**self.files, **{path: FileCases(path, cases) for path, cases in touched.items()}}
        self.files = {path: file for path, file in files.items() if file.by_id}
