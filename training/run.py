"""The runner: a recipe's stages in their order, each made once, each going on where it was interrupted.

recipe ─▶ for each stage: job (inputs' hashes, settings, seed, model) ─finished?─▶ skip, else units ─work─▶ records
"""

from __future__ import annotations

import fcntl
import platform
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

from ..engine import catalogue
from ..engine.errors import BadEnvironment, BadInput
from ..engine.llama import LlamaModel
from ..engine.model import Model
from ..engine.stop import Stop
from . import event_files, share, spread
from .job import Job, begun, changes, digest_of, finished, manifest_of, remove, writing
from .recipe import By, Recipe, Report, Teacher
from .stages import WORKER, Context, FileStage, RecordStage, Stage
from .store import Progress, Work, run_folder_job, run_job
from .types import Manifest


class State(StrEnum):
    """Where one stage of a run stands."""

    DONE = "done"
    BEGUN = "begun"
    """Interrupted; the next run goes on."""
    CHANGED = "changed"
    """Made, or begun, by other inputs or settings."""
    READY = "ready"
    WAITING = "waiting"
    """An input is not there yet."""


class Empty(BadInput):
    """A stage kept nothing of its work."""


@dataclass(frozen=True, slots=True)
class Standing:
    stage: Stage
    state: State
    changes: tuple[str, ...] = ()
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what happens."""

    stage: Callable[[Stage, Manifest | None], None]
    """A stage begins; with its manifest when it was done before."""
    unit: Callable[[Stage, Progress], None]
    """How far the stage at work is."""
    done: Callable[[Stage, Manifest], None]


SILENT = Watch(lambda stage, manifest: None, lambda stage, progress: None, lambda stage, manifest: None)
"""For whoever asked for JSON."""


@contextmanager
def opened(
    recipe: Recipe, folder: Path, stop: Stop, *, trusted: bool, model: Model | None = None
) -> Generator[Context]:
    """The run folder, held against a second run, and what its stages share. `model` stands in for the recipe's.

    Raises BadEnvironment when the folder cannot be written, another run holds it, or what writes event files is missing
    (said here, and not when the data is made).
    """
    if recipe.run.report is Report.TENSORBOARD:
        event_files.writer_library()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadEnvironment(f"Another darner-train works in {folder}; wait for it, or pass --folder.") from error
        with lent_model(recipe, model) as shared:
            yield context_of(recipe, folder, stop, shared, trusted=trusted)


@contextmanager
def lent_model(recipe: Recipe, model: Model | None = None) -> Generator[Callable[[], Model]]:
    """The recipe's model, or `model`: opened when it is first asked for, shared, and closed in the end."""
    held: list[Model] = [model] if model is not None else []
    one = Lock()

    def shared() -> Model:
        with one:
            if not held:
                held.append(_model(recipe.model))
            return held[0]

    try:
        yield shared
    finally:
        for each in held:
            each.close()


def context_of(
    recipe: Recipe,
    folder: Path,
    stop: Stop,
    model: Callable[[], Model] | None = None,
    *,
    trusted: bool = False,
) -> Context:
    """What the stages of a run are told. Without `model`, its stages can be looked at but not run."""
    run, present = recipe.run, frozenset(recipe.sections)
    shared = model or (lambda: _model(recipe.model))
    base, measured = recipe.model.name, getattr(recipe.sections.get("evaluate"), "benchmarks", ())
    held_out = tuple(dict.fromkeys((*run.held_out, *measured)))
    events = run.report is Report.TENSORBOARD
    return Context(folder, stop, run.seed, present, base, shared, held_out, run.parallel, trusted, events)


def standings(recipe: Recipe, stages: Sequence[Stage], context: Context) -> tuple[Standing, ...]:
    """Where each stage of the recipe stands, in order."""
    return tuple(_standing(stage, recipe, context) for stage in chosen(recipe, stages))


def chosen(
    recipe: Recipe, stages: Sequence[Stage], first: str | None = None, last: str | None = None
) -> tuple[Stage, ...]:
    """The recipe's stages from `first` to `last`. Raises BadInput for a name that is none of them."""
    mine = [stage for stage in stages if stage.name in recipe.sections]
    names = [stage.name for stage in mine]
    for name in (first, last):
        if name is not None and name not in names:
            raise BadInput(f"{name} is no stage of the recipe {recipe.name}; its stages are {', '.join(names)}.")
    start = names.index(first) if first else 0
    end = names.index(last) + 1 if last else len(names)
    if start >= end:
        raise BadInput(f"{first} comes after {last}, so there is nothing to run; its stages are {', '.join(names)}.")
    return tuple(mine[start:end])


def run_recipe(
    recipe: Recipe, stages: Sequence[Stage], context: Context, watch: Watch, *, redo: bool = False
) -> tuple[Manifest, ...]:
    """Make what is not made yet, in order.

    Raises BadInput when a stage stands that was made by other inputs or settings and `redo` is false, Empty when a
    stage kept nothing; KeyboardInterrupt when `context.stop` was cancelled: what was done is kept.
    """
    return tuple(_run_stage(stage, recipe, context, watch, redo) for stage in stages)


def _run_stage(stage: Stage, recipe: Recipe, context: Context, watch: Watch, redo: bool) -> Manifest:
    if missing := _missing(stage, context):
        raise BadInput(f"{stage.name} needs {missing[0]}, which is not made yet; run from {missing[0]}.")
    job = job_of(stage, recipe, context)
    manifest = finished(job)
    watch.stage(stage, manifest)
    if manifest is None:
        differences = changes(job)
        if differences and not redo:
            raise BadInput(
                f"{stage.name} in {context.folder} was made otherwise: {'; '.join(differences)}. "
                "Pass --redo to make it again, another --folder to keep both, or --from the next stage to take it as "
                "it is."
            )
        if differences:
            remove(job.output)
        manifest = _made(stage, job, recipe, context, watch)
        watch.done(stage, manifest)
    if not manifest.kept:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in _most_first(manifest.dropped))
        raise Empty(
            f"{stage.name} kept nothing of {manifest.units} units of work: {reasons or 'there was no work'}; give it "
            f"more to work on, or change its section [{stage.name}]."
        )
    return manifest


def _made(stage: Stage, job: Job, recipe: Recipe, context: Context, watch: Watch) -> Manifest:
    settings, versions = recipe.sections[stage.name], _versions(stage, recipe.model)
    if isinstance(stage, FileStage):
        inputs = {name: context.path(name) for name in _inputs(stage, context)}
        heard = replace(context, tell=partial(watch.unit, stage))
        return run_folder_job(job, lambda folder: stage.make(heard, settings, inputs, folder), context.stop, versions)
    units = stage.units(context, settings)
    settle = stage.settle(context, settings) if stage.settle else None
    with _worker(stage, job, recipe, context, watch, units) as work:
        return run_job(
            job,
            units,
            work,
            context.stop,
            settle=settle,
            workers=context.parallel,
            versions=versions,
            on_unit=lambda progress: watch.unit(stage, progress),
        )


def _worker(
    stage: RecordStage, job: Job, recipe: Recipe, context: Context, watch: Watch, units: Sequence[Any]
) -> AbstractContextManager[Work]:
    """Who works on what is not done; where a recipe spreads its work over many, nothing is left to do here."""
    if recipe.spread.by is By.HERE:
        return stage.opened(context, recipe.sections[stage.name], units)
    task = share.Task(recipe, stage.name, context.folder, context.trusted)
    spread.work(task, job, len(units), context.stop, lambda progress: watch.unit(stage, progress))
    return nullcontext(lambda unit, index: ())


def job_of(stage: Stage, recipe: Recipe, context: Context) -> Job:
    """What decides a stage's output. Raises BadInput or ModelError for what it reads from outside."""
    settings = recipe.sections[stage.name]
    inputs = {name: digest_of(context.path(name)) for name in _inputs(stage, context)}
    inputs |= stage.outside(context, settings)
    model = identity(recipe.model) if stage.uses_model else ""
    return Job(stage.name, inputs, recipe.settings_of(stage.name), output_of(stage, context), context.seed, model)


def output_of(stage: Stage, context: Context) -> Path:
    return context.folder / (f"{stage.name}.jsonl" if isinstance(stage, RecordStage) else stage.name)


def identity(teacher: Teacher) -> str:
    """The model's name and its bytes, or where it is served: what a server runs is not known here."""
    if teacher.endpoint:
        return f"{teacher.name} at {teacher.endpoint}"
    if teacher.name in catalogue.CATALOGUE:
        return f"{teacher.name} sha256:{catalogue.CATALOGUE[teacher.name].sha256}"
    return f"{Path(teacher.name).name} sha256:{catalogue.sha256_of(catalogue.find(teacher.name))}"


def _standing(stage: Stage, recipe: Recipe, context: Context) -> Standing:
    output = output_of(stage, context)
    if _missing(stage, context):
        return Standing(stage, State.WAITING, manifest=manifest_of(output))
    job = job_of(stage, recipe, context)
    if manifest := finished(job):
        return Standing(stage, State.DONE, manifest=manifest)
    if differences := changes(job):
        return Standing(stage, State.CHANGED, differences, manifest_of(output))
    return Standing(stage, State.BEGUN if begun(output) is not None else State.READY)


def _inputs(stage: Stage, context: Context) -> tuple[str, ...]:
    return (*stage.inputs, *(name for name in stage.also if name in context.present))


def _missing(stage: Stage, context: Context) -> list[str]:
    return [name for name in _inputs(stage, context) if not context.path(name).exists()]


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: -pair[1])


def _model(teacher: Teacher) -> Model:
    if teacher.endpoint and teacher.in_flight:
        from .runner_model import RunnerModel  # here: it stands on the extra `train-scale`

        return RunnerModel(teacher.endpoint, teacher.name, teacher.in_flight)
    if teacher.endpoint:
        from ..engine.remote import RemoteModel  # here: most runs speak to no server, and its client is slow to import

        return RemoteModel(teacher.endpoint, teacher.name)
    return LlamaModel(catalogue.find(teacher.name), teacher.name)


def _versions(stage: Stage, teacher: Teacher) -> dict[str, str]:
    """What made it: Darner, Python, and the packages that it stands on, as far as they are here."""
    local = stage.uses_model and not teacher.endpoint
    found = {"darner": version("darner"), "python": platform.python_version()}
    for name in dict.fromkeys((*stage.libraries, *(WORKER if local else ()))):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
