"""What can be got wrong: tasks with tests that a known solution passes twice, from seeds and from validated solutions.

A seed with examples in its docstring is a task: write the function, the examples are its tests.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from . import bench, doctests, teacher
from .bench import Bench
from .stages import Context, RecordStage
from .store import Work
from .types import Dropped, Response, Seed, Task


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [tasks]."""

    from_seeds: bool = True
    """Seeds whose docstrings have examples."""
    from_instructions: bool = True
    """Validated solutions, one for each instruction, where the recipe has them."""


def of_seed(seed: Seed) -> Task:
    tree = ast.parse(seed.code)
    node = next(each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == seed.name)
    node.body = [ast.Pass()]
    header = ast.unparse(node).splitlines()[0]
    prompt = teacher.rendered("task.j2", name=seed.name, header=header, docstring=seed.docstring)
    tests = doctests.as_one(seed.name, seed.docstring)
    return Task(seed.id, seed.name, prompt, seed.code, tests, "seed", seed.licence, seed.id)


def of_response(response: Response) -> Task:
    """Raises ValueError when its tests cannot be run; validated ones can."""
    tests = bench.statements_as_tests(response.code, response.tests)
    instruction = response.instruction
    name = only_function(response.code)
    text, licence = instruction.text, instruction.licence
    return Task(instruction.id, name, text, response.code, tests, "instruction", licence, instruction.seed)


def only_function(code: str) -> str:
    """The name of the one function that a module defines; empty where there are more, or classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in ast.parse(code).body if isinstance(node, kinds)]
    return found[0].name if len(found) == 1 and isinstance(found[0], ast.FunctionDef) else ""


def _forms(task: Task, docstring: str) -> Iterator[Task]:
    """The task with its examples as asserts, where that is possible, then as they are."""
    with suppress(ValueError):
        yield replace(task, tests=doctests.as_asserts(task.code, docstring))
    yield task


def _sound(place: Bench, forms: Iterable[Task]) -> Iterator[Task | Dropped]:
    """The first form whose tests the known solution passes twice."""
    sound = (task for task in forms if all(place.run(task.code, task.tests).passed for _ in range(2)))
    yield next(sound, None) or Dropped("known solution fails its own tests")


def _units(context: Context, settings: Settings) -> Sequence[tuple[Task, ...] | Dropped]:
    """The forms of each task."""
    units: list[tuple[Task, ...] | Dropped] = []
    for seed in context.read("seeds", Seed) if settings.from_seeds else ():
        units.append(tuple(_forms(of_seed(seed), seed.docstring)) if seed.examples else Dropped("seed has no examples"))
    seen: set[str] = set()
    if settings.from_instructions and "validate" in context.present:
        for response in context.read("validate", Response):
            if response.instruction.id not in seen:
                seen.add(response.instruction.id)
                units.append((of_response(response),))
    return units


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[tuple[Task, ...] | Dropped]) -> Generator[Work]:
    with bench.opened(context.stop, trusted=context.trusted) as place:
        yield lambda unit, index: [unit] if isinstance(unit, Dropped) else _sound(place, unit)


STAGE = RecordStage("tasks", Settings, ("seeds",), units=_units, opened=_opened, also=("validate",))
