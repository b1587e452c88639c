"""A recipe: which stages run, and every knob of theirs, in one TOML file.

    [run]    seed, and how many units at a time
    [model]  who writes the data
    [spread] many workers for the data stages
    [seeds]  [concepts]  …  one section a stage; a stage without a section is left out

What a section leaves out has the default of the stage's `Settings`. The bundled recipes name every knob.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from ..engine.errors import BadInput
from .shape import Count, Misshapen, Some, shaped
from .stages import Stage

FOLDER = Path(__file__).parent / "recipes"


class Report(StrEnum):
    """Where the optimisers' curves go beside `curve.jsonl`, which is always written."""

    NONE = "none"
    TENSORBOARD = "tensorboard"
    """Event files in the folder `tensorboard` of the run (extra `tensorboard`)."""


@dataclass(frozen=True, slots=True)
class Run:
    """Section [run]."""

    seed: Some = 3407
    parallel: Count = 1
    """Units at a time: 1 for a model on this machine's processor, many for a server with free slots."""
    held_out: tuple[str, ...] = ()
    """Benchmarks, as JSON lines of tasks: what is near one of them is never learnt; so are those of [evaluate]."""
    report: Report = Report.NONE
    """`tensorboard`: the curves of sft and rl also as event files. It decides nothing of what a stage leaves."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Section [model]: who writes the data."""

    name: str = "qwen2.5-coder-1.5b"
    """A name from `darner model list`, the path of a GGUF file, or the model's name at `endpoint`."""
    endpoint: str = ""
    """An OpenAI-compatible server, as http://127.0.0.1:8000/v1; empty: the model runs on this machine."""
    in_flight: Some = 0
    """Most requests at a time that each worker sends the server by datatrove's InferenceRunner (extra `train-scale`);
    0: by Darner's own client."""


class By(StrEnum):
    """Who works on the units of the data stages."""

    HERE = "here"
    """This process, in as many threads as `parallel` says."""
    LOCAL = "local"
    """Processes of this machine."""
    RAY = "ray"
    """The workers of a Ray cluster."""
    SLURM = "slurm"
    """An array of Slurm jobs."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Section [spread]: many workers for the data stages, over one folder that all see. The records are the same."""

    by: By = By.HERE
    shares: Count = 16
    """Parts that a stage's units are cut into: what a worker takes at a time."""
    workers: Count = 2
    """At a time."""
    memory_gb: Count = 2
    """Of each worker (ray, slurm)."""
    address: str = "auto"
    """Of the Ray cluster; auto: the one that this machine belongs to."""
    partition: str = ""
    """Of Slurm."""
    hours: Count = 8
    """Longest time of a Slurm job."""


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str
    run: Run
    model: Teacher
    sections: Mapping[str, Any]
    """Settings by stage, for each stage of this recipe."""
    spread: Spread = Spread()

    def settings_of(self, stage: str) -> dict[str, Any]:
        """A stage's knobs by the names they have in the file, for its manifest."""
        return {f"{stage}.{key}": value for key, value in asdict(self.sections[stage]).items()}


def bundled() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def read_recipe(name_or_path: str, stages: Sequence[Stage]) -> Recipe:
    """A bundled recipe by its name, or a file. Raises BadInput: what is wrong, in which section, and what is near."""
    path = _found(name_or_path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as a recipe: {error}.") from error
    known: dict[str, type] = {"run": Run, "model": Teacher, "spread": Spread}
    known |= {stage.name: stage.settings for stage in stages}
    parsed = {name: _section(path, name, section, known) for name, section in raw.items()}
    sections = {stage.name: parsed[stage.name] for stage in stages if stage.name in parsed}
    shared = parsed.get("run", Run()), parsed.get("model", Teacher())
    recipe = Recipe(path.stem, *shared, sections, parsed.get("spread", Spread()))
    _complete(path, recipe, stages)
    return recipe


def _found(name_or_path: str) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.exists():
        return path
    if name_or_path in bundled():
        return FOLDER / f"{name_or_path}.toml"
    near = difflib.get_close_matches(name_or_path, bundled(), 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(bundled())}, or name a .toml file."
    raise BadInput(f"There is no recipe {name_or_path}; {hint}")


def _section(path: Path, name: str, section: object, known: Mapping[str, type]) -> Any:  # noqa: ANN401 - of `known`
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"did you mean [{near[0]}]?" if near else f"sections are {', '.join(known)}."
        raise BadInput(f"{path}: [{name}] is no stage; {hint}")
    try:
        return shaped(cast("type[Any]", known[name]), section)
    except Misshapen as wrong:
        raise BadInput(f"{path}, section [{name}]: {wrong}.") from None


def _complete(path: Path, recipe: Recipe, stages: Sequence[Stage]) -> None:
    if not recipe.sections:
        raise BadInput(f"{path} names no stage; give each stage that should run a section, as [seeds].")
    for stage in stages:
        for needed in stage.inputs if stage.name in recipe.sections else ():
            if needed not in recipe.sections:
                raise BadInput(
                    f"{path}: [{stage.name}] needs the records of [{needed}], which has no section; add one."
                )
