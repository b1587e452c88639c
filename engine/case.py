"""One failing test under repair: everything that search, model, selection and explanation look at."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from ..sandbox.session import Session
from ..sandbox.types import Call
from . import traced
from .dataflow import statements
from .departure import departure
from .errors import BadInput, BadSyntax
from .examination import examination
from .explain import from_facts
from .history import Edits, since, uncommitted
from .lacking import Lacking, defined_in, suppliers
from .localise import LineScore, gather_signals, score_lines, suspects
from .meaning import edited as blamed
from .meaning import meaning
from .memory import files_when_passed
from .prompt import Target
from .protected import is_protected
from .reply import told
from .source import Function, Source
from .suite import Suite
from .swallowed import missing, swallowed, told_of
from .trial import Trial, trial_for
from .types import Evidence, Explanation, Ruling, Suspect
from .withheld import variables_read

_MOST_FILES = 40
_MOST_BYTES = 2 << 20
_NEWER = (
    "{}, says the Python that Darner runs on ("
    + ".".join(map(str, sys.version_info[:2]))
    + "), though the tests run this file: install Darner in a Python as new as theirs."
)


@dataclass(frozen=True, slots=True)
class Case:
    evidence: Evidence
    edits: Edits
    """Since the last commit."""
    recent: Edits
    """Since the test last passed, where that is remembered."""
    sources: Mapping[str, Source]
    """Project files that the failing test executes or that are on its stack, parsed."""
    unread: tuple[str, ...]
    """Why files among them could not be: a sentence each."""
    lines: Mapping[tuple[str, int], LineScore]
    suspects: tuple[Suspect, ...]
    explanation: Explanation
    """Facts only."""
    test: str
    """Source of the failing test."""
    examined: str
    """That and everything it draws on: the gate looks for these literals in a candidate."""
    variables: Mapping[str, str]
    """Environment variables that what failed was made of, and where each is read."""
    trial: Trial
    doctested: frozenset[str] = frozenset()
    """Sources whose docstrings are tests: their examples are read-only."""
    lack: Lacking | None = None
    """What an exception says is missing."""
    required: tuple[str, ...] = ()
    """What the user said besides, as sentences for a model."""

    def heeding(self, rulings: Sequence[Ruling]) -> Case:
        """The same case, with what the user said of its calls."""
        return replace(self, required=tuple(f"The user says: {told(each)}." for each in rulings))

    @property
    def originals(self) -> dict[str, bytes]:
        return {path: source.data for path, source in self.sources.items()} | self.edits.now | self.recent.now

    @property
    def suspected_calls(self) -> tuple[Call, ...]:
        """The failing test's first call of each suspected function."""
        wanted = {(suspect.path, suspect.function) for suspect in self.suspects}
        first = {(call.path, call.function): call for call in reversed(self.evidence.failing.calls)}
        return tuple(call for key, call in first.items() if key in wanted)[::-1]

    def lines_of(self, path: str) -> dict[int, float]:
        return {line: found.score for (where, line), found in self.lines.items() if where == path}

    def target(self, path: str, function: Function) -> Target:
        return Target(self.sources[path], function, self.test, self.explanation.facts, self.required)

    def targets(self, most: int) -> list[Target]:
        """The most suspicious functions, by the mean of their best lines."""
        scores: dict[tuple[str, int], list[float]] = defaultdict(list)
        functions: dict[tuple[str, int], Function] = {}
        owners = {path: _owners(source) for path, source in self.sources.items()}
        for (path, line), found in self.lines.items():
            function = owners[path].get(line) if path in owners else None
            if function is not None:
                functions[path, function.def_line] = function
                scores[path, function.def_line].append(found.score)
        ranked = sorted(scores, key=lambda key: -sum(sorted(scores[key])[-3:]) / 3)
        return [self.target(path, functions[path, line]) for path, line in ranked[:most]]


def _owners(source: Source) -> dict[int, Function]:
    """The innermost function of every line that is in one."""
    return {n: f for f in source.functions() for n in range(f.first_line, f.end_line + 1)}


def open_case(session: Session, suite: Suite, evidence: Evidence, before: Case | None = None) -> Case:
    """Parse what the test touched and rank its lines. Files that do not parse or may not be touched are left out.

    `before`: of the same test a moment ago; git is not asked again.
    """
    tests = suite.test_files
    if before is not None:
        edits, recent = before.edits, before.recent
    else:
        edits = uncommitted(session.root, besides=tests)
        recent = since(session.root, files_when_passed(session.root, evidence.nodeid), besides=tests)
    touched = [path for path in _touched(evidence, edits, recent) if path not in tests][:_MOST_FILES]
    sources, unread = _parsed(session, touched, {path for path, _ in evidence.failing.lines})
    caught = swallowed(evidence, sources, tests)
    lack = missing(evidence, caught)
    sources |= _supplying(session, lack, sources, tests)
    own_tests, _ = _parsed(session, sorted(tests & _on_path(evidence)))
    edited = dict.fromkeys(edits.lines(), "you changed it since the last commit")
    edited |= dict.fromkeys(recent.lines(), "you changed it since this test last passed")
    known = {**own_tests, **sources}
    signals = gather_signals(evidence, edited, known, caught, lack)
    lines = score_lines(signals, sources)
    ranked = suspects(lines, sources)
    tables = {path: statements(source) for path, source in sources.items()}
    said = (
        *told_of(caught, sources),
        *meaning(evidence, known),
        *blamed(evidence, edited),
        *traced.born(evidence, signals.slice, tables, sources),
        *traced.left(departure(evidence.failing, evidence.passing), tables, sources),
        *traced.unordered(evidence, signals.slice, tables),
    )
    blocks = traced.blocks(evidence.failing.trace, tables)
    return Case(
        evidence=evidence,
        edits=edits,
        recent=recent,
        sources=sources,
        unread=unread,
        lines=lines,
        suspects=ranked,
        explanation=from_facts(evidence, ranked, said, blocks),
        test=_test_source(session, evidence.nodeid),
        examined=examination(session.root, evidence.nodeid),
        variables=variables_read(signals.slice, known),
        trial=trial_for(session, suite, evidence),
        doctested=suite.doctested,
        lack=lack,
    )


def _supplying(
    session: Session, lack: Lacking | None, sources: Mapping[str, Source], tests: Set[str]
) -> dict[str, Source]:
    """Files that define what could supply what is missing, where none of those that ran does."""
    if lack is None or any(suppliers(lack, source) for source in sources.values()):
        return {}
    return _parsed(session, [path for path in defined_in(lack, session.root) if path not in tests][:_MOST_FILES])[0]


def _on_path(evidence: Evidence) -> frozenset[str]:
    trace = evidence.failing.trace
    return frozenset(one.path for one in trace.activations) if trace is not None else frozenset()


def _touched(evidence: Evidence, edits: Edits, recent: Edits) -> list[str]:
    failure = evidence.failing.failure
    stack = [frame.path for frame in failure.frames] if failure is not None else []
    executed = [path for path, _ in evidence.failing.lines]
    every = dict.fromkeys([*reversed(stack), *executed, *edits.now, *recent.now])
    return [path for path in every if not path.startswith("/") and not is_protected(path)]


def _parsed(
    session: Session, paths: Iterable[str], executed: Set[str] = frozenset()
) -> tuple[dict[str, Source], tuple[str, ...]]:
    """The files that parse, and why others do not. One that was executed is right for a Python newer than this one."""
    sources: dict[str, Source] = {}
    unread: list[str] = []
    for path in paths:
        try:
            data = _data(session, path)
            if data is not None:
                sources[path] = Source.parse(path, data)
        except BadSyntax as e:
            unread.append(_NEWER.format(e.fault) if path in executed else str(e))
        except BadInput as e:
            unread.append(str(e))
    return sources, tuple(unread)


def _data(session: Session, path: str) -> bytes | None:
    file = session.root / path
    try:
        inside = file.resolve().is_relative_to(session.root)
        return file.read_bytes() if inside and file.stat().st_size <= _MOST_BYTES else None
    except OSError:
        return None


def _test_source(session: Session, nodeid: str) -> str:
    """The failing test's function, or the file's beginning when it cannot be found."""
    path, *names = nodeid.split("[")[0].split("::")
    source = _parsed(session, [path])[0].get(path)
    if source is None:
        return ""
    wanted = ".".join(names)
    found = next((f for f in source.functions() if f.qualname == wanted), None)
    if found is not None:
        return source.text_of(found)
    return ast.unparse(source.tree)[:2_000] if names else ""
