"""Wrong solutions with evidence that they are: planted by an edit or taken from before a fix (the bug factory), or
written by a model (LEDEX).

The edits are the engine's own search operators, so a planted mistake's repair is one edit away and known. A mistake
counts when it fails tests that the task's solution passes twice; what hangs, crashes or does not load is none.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..engine import history
from ..engine.errors import BadInput
from ..engine.mutate import mutants
from ..engine.source import Source
from ..engine.types import Candidate
from . import bench, teacher
from .bench import Bench
from .job import sha256
from .seeds import alone
from .shape import Count, Heat, Some
from .stages import Context, RecordStage, reads
from .store import Work
from .types import Dropped, Mistake, Seed, Task

SAMPLED, REVERTED = "sampled", "reverted"


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [mistakes]."""

    planted: Some = 3
    """Most mistakes planted in one solution, one for each operator, likelier edits first."""
    tries: Count = 40
    """Most mutants of one solution that are run."""
    repository: str = ""
    """The folder that was mined, when git keeps it: what a function was before its fixes is a mistake; empty: none."""
    versions: Count = 30
    """Commits of each file that are looked back through."""
    samples: Some = 20
    """Solutions of one task that the model is asked for, to find wrong ones; 0: plant only."""
    sampled: Some = 4
    """Most of these that are kept of one task."""
    temperature: Heat = 1.0
    tokens: Count = 512
    """Longest solution."""


def _planted(place: Bench, settings: Settings, task: Task) -> Iterator[Mistake | Dropped]:
    kept: set[str] = set()
    for candidate in islice(edits_of(task), settings.tries):
        if len(kept) == settings.planted:
            return
        if candidate.operator in kept:
            continue
        wrong = candidate.patch.files[0].after.decode("utf-8")
        description = candidate.description.rsplit(" at ", 1)[0]
        found = _judged(place, task, wrong, candidate.operator, description)
        if isinstance(found, Mistake):
            kept.add(candidate.operator)
        yield found


def _reverted(place: Bench, settings: Settings, task: Task, seed: Seed | None) -> Iterator[Mistake | Dropped]:
    """What the task's function was in earlier commits, where that fails the tests of today."""
    if seed is None or task.kind != "seed":
        return
    seen = {_shape(task.code)}
    for content in history.versions(Path(settings.repository).expanduser(), seed.origin, settings.versions):
        code = alone(content.decode("utf-8", "replace"), seed.name)
        if (shape := _shape(code)) and shape not in seen:
            seen.add(shape)
            yield _judged(place, task, code, REVERTED, "what the function was before it was fixed")


def _sampled(context: Context, place: Bench, settings: Settings, task: Task, index: int) -> Iterator[Mistake | Dropped]:
    prompt = teacher.rendered("solve.j2", task=task.prompt)
    answers = teacher.ask(
        context,
        index,
        prompt,
        n=settings.samples,
        temperature=settings.temperature,
        tokens=settings.tokens,
        prefill="```python\n",
        stops=("\n```",),
    )
    if not answers:
        yield Dropped(teacher.REFUSED)
    seen: set[str] = set()
    kept = 0
    for text in answers:
        code = next(iter(teacher.blocks(text)), "")
        shape = _shape(code)
        if not shape or shape in seen:
            yield Dropped("sample is the same as another" if shape else "sample is no code")
            continue
        seen.add(shape)
        if kept == settings.sampled:
            return
        found = _judged(place, task, code, SAMPLED, "written by a model")
        kept += isinstance(found, Mistake)
        yield found


def edits_of(task: Task) -> Iterator[Candidate]:
    """The likeliest edits of the statements of the function that is asked for, else of all; docstrings excepted."""
    try:
        source = Source.parse("solution.py", task.code.encode())
    except BadInput:
        return
    lines: set[int] = set()
    for function in source.functions():
        if task.name and function.qualname != task.name:
            continue
        first = function.node.body[0]
        documented = ast.get_docstring(function.node) is not None
        start = (first.end_lineno or first.lineno) + 1 if documented else first.lineno
        lines |= {function.def_line, *range(start, function.end_line + 1)}
    yield from mutants(source, dict.fromkeys(sorted(lines), 1.0))


def _judged(place: Bench, task: Task, wrong: str, operator: str, description: str) -> Mistake | Dropped:
    what = {SAMPLED: "sample", REVERTED: "earlier version"}.get(operator, "mutant")
    ran = place.run(wrong, task.tests)
    if ran.passed:
        return Dropped(f"{what} passes the tests")
    if not ran.judged:
        return Dropped(f"{what} ends with {ran.status.lower()}")
    if not ran.reached:
        return Dropped(f"{what} cannot be loaded")
    identity = sha256(f"{task.id} {wrong}".encode())[:16]
    return Mistake(identity, task, wrong, operator, description, ran.feedback)


def _shape(code: str) -> str:
    """The same for code that differs in layout and comments only; empty for what is no Python."""
    try:
        return ast.dump(ast.parse(code)) if code.strip() else ""
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Task]) -> Generator[Work]:
    seeds = {seed.id: seed for seed in context.read("seeds", Seed)} if settings.repository else {}
    with bench.opened(context.stop, trusted=context.trusted) as place:

        def work(task: Task, index: int) -> Iterator[Mistake | Dropped]:
            if settings.planted:
                yield from _planted(place, settings, task)
            if settings.repository:
                yield from _reverted(place, settings, task, seeds.get(task.seed))
            if settings.samples:
                yield from _sampled(context, place, settings, task, index)

        yield work


def _outside(context: Context, settings: Settings) -> Mapping[str, str]:
    if not settings.repository:
        return {}
    return {"commit of the repository": history.head(Path(settings.repository).expanduser()) or "none"}


STAGE = RecordStage(
    "mistakes", Settings, ("tasks",), units=reads(Task, "tasks"), opened=_opened, outside=_outside, uses_model=True
)
