"""What a stage is: a function from records to records, or from files to a folder, with its section of the recipe.

To add one, write a module with

    @dataclass(frozen=True, slots=True)
    class Settings:                      # its section of a recipe; every field has a default and a docstring
        ...

    STAGE = RecordStage("name", Settings, inputs=("concepts",), units=units, opened=opened, uses_model=True)

and name `STAGE` in `line.ALL`, behind its inputs. For a `RecordStage`

    units(context, settings) -> Sequence    what there is to do, as `context.read("concepts", Concept)`
    opened(context, settings, units)        a context manager around what the work needs, as a sandbox; it gives
        work(unit, index) -> Iterable       records (frozen dataclasses with an `id`) and `Dropped(reason)`s

Units that are the records of one stage are `reads(Concepts, "concepts")`; work that needs nothing open, a function of
context, settings, unit and index, is `opened=plain(work)`. Optional:

    settle(context, settings)(rows)         looks at the rows (dicts) of all units in their order and gives
                                            rows and `Dropped`s; without it, a second row of the same id is dropped

A unit is what is never done twice: its results are on disk when the next begins. Work must depend on nothing but its
unit, `context.seed + index` and the settings, and be safe to call from `context.parallel` threads. When `context.stop`
becomes true it may return anything, soon: that unit is done again by the next run.

For a `FileStage`, `make(context, settings, inputs, folder)` gets the paths of its inputs by stage, and a folder that
outlives a kill, so that it can go on from its own `checkpoints/` there; the folder becomes `<run folder>/<name>/` at
the end, and its checkpoints go then, never before. It says how far it is by `context.tell`.
What `make` returns are figures for the manifest, as `{"loss": 0.4, "records": 120}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..engine.model import Model
from ..engine.stop import Stop
from .store import OnUnit, Progress, Row, Work, read_records

Record = TypeVar("Record")
WORKER = ("llama-cpp-python",)
"""What serves a model."""
TRAINER = ("torch", "transformers", "peft", "accelerate")
"""What changes weights."""


def _unheard(progress: Progress) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Context:
    """What every stage of one run shares."""

    folder: Path
    """The run folder."""
    stop: Stop
    seed: int
    present: frozenset[str]
    """Stages of this recipe."""
    base: str
    """The recipe's model: a catalogue name or a path."""
    model: Callable[[], Model]
    """Opened on the first call, shared, and closed by the runner."""
    held_out: tuple[str, ...] = ()
    """Benchmarks, as JSON lines, whose tasks must not be learnt."""
    parallel: int = 1
    """Units at a time."""
    trusted: bool = False
    """The user agreed that code runs without a sandbox where none works."""
    tensorboard: bool = False
    """Event files are wished beside the curves."""
    tell: OnUnit = _unheard
    """Told how far a file stage is; of a record stage the runner knows."""

    def events(self, stage: str) -> Path | None:
        """Where a stage's event files go: outside of what it leaves, for they hold times."""
        return self.folder / "tensorboard" / stage if self.tensorboard else None

    def path(self, stage: str) -> Path:
        """Where a stage's output is: a JSONL file, or a folder."""
        folder = self.folder / stage
        return folder if folder.is_dir() else self.folder / f"{stage}.jsonl"

    def read(self, stage: str, kind: type[Record]) -> tuple[Record, ...]:
        """The records of a finished stage. Raises BadInput for a line that is none."""
        return read_records(self.path(stage), kind)


def reads(kind: type[Record], *stages: str) -> Callable[[Context, Any], Sequence[Record]]:
    """Units that are the records of the first of `stages` that the recipe has, or of the last."""
    last = stages[-1]
    return lambda context, settings: context.read(next((s for s in stages if s in context.present), last), kind)


def plain(
    work: Callable[[Context, Any, Any, int], Iterable[object]],
) -> Callable[[Context, Any, Sequence[Any]], AbstractContextManager[Work]]:
    """For a stage whose `work(context, settings, unit, index)` needs nothing that has to be opened and closed."""
    return lambda context, settings, units: nullcontext(lambda unit, index: work(context, settings, unit, index))


def _nothing(context: Context, settings: Any) -> Mapping[str, str]:  # noqa: ANN401 - settings of any stage
    return {}


@dataclass(frozen=True, slots=True)
class RecordStage:
    name: str
    settings: type
    inputs: tuple[str, ...]
    """Stages that it cannot be without."""
    units: Callable[[Context, Any], Sequence[Any]]
    opened: Callable[[Context, Any, Sequence[Any]], AbstractContextManager[Work]]
    also: tuple[str, ...] = ()
    """Stages that it reads where the recipe has them."""
    settle: Callable[[Context, Any], Callable[[Iterator[Row]], Iterable[object]]] | None = None
    outside: Callable[[Context, Any], Mapping[str, str]] = _nothing
    """SHA-256 by name of what it reads from outside the run folder."""
    uses_model: bool = False
    libraries: tuple[str, ...] = ()
    """Packages whose versions decide what it leaves, beside those of the model."""


@dataclass(frozen=True, slots=True)
class FileStage:
    name: str
    settings: type
    inputs: tuple[str, ...]
    make: Callable[[Context, Any, Mapping[str, Path], Path], Mapping[str, float]]
    also: tuple[str, ...] = ()
    outside: Callable[[Context, Any], Mapping[str, str]] = _nothing
    uses_model: bool = False
    libraries: tuple[str, ...] = ()
    """Packages whose versions decide what it leaves, beside those of the model."""


Stage = RecordStage | FileStage
