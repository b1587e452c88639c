"""Learning on the user's machine: their recorded repairs and their own code become data, and an adapter made of it.

    recorded runs ─traces─▶ conversations ─┐
    repository ─seeds ▶ tasks ▶ mistakes ▶ debug_data─┴─sft ▶ export ▶ evaluate

It is the recipe `learn`, in a folder beside the traces that nobody else reads and `darner trace wipe` deletes. A source
that gives nothing is left out; without mistakes of seeds that were held out, what was learnt cannot be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..engine import state, trace
from ..engine.errors import BadInput
from ..engine.stop import Stop
from ..engine.trust import is_trusted
from . import line, run
from .job import writing
from .recipe import Recipe, read_recipe
from .run import Empty, Watch
from .types import Manifest

USE: tuple[str, ...] = ("traces",)
FACTORY: tuple[str, ...] = ("seeds", "tasks", "mistakes", "debug_data")
_WEIGHTS: tuple[str, ...] = ("sft", "export", "evaluate")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for."""

    root: Path
    """Their repository."""
    from_traces: bool
    data_only: bool
    model: str = ""
    """Empty: the recipe's."""
    recipe: str = "learn"


def folder_of(root: Path) -> Path:
    """Where all that is learnt for a project is kept."""
    return trace.learnt() / f"{root.resolve().name}-{state.workspace_key(root)[:12]}"


def learn(wish: Wish, stop: Stop, watch: Watch, say: Callable[[str], None]) -> tuple[Manifest, ...]:
    """What each stage made, in order; `say` is told which source gave nothing.

    Raises BadInput when none gave anything, or nothing is held out to measure with; KeyboardInterrupt as `run_recipe`.
    """
    recipe, folder = _recipe(wish), folder_of(wish.root)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with run.opened(recipe, folder, stop, trusted=is_trusted(wish.root)) as context:

        def made(recipe: Recipe, names: Sequence[str]) -> tuple[Manifest, ...]:
            stages = [each for each in line.ALL if each.name in names and each.name in recipe.sections]
            present = replace(context, present=frozenset(recipe.sections))
            return run.run_recipe(recipe, stages, present, watch, redo=True)

        recipe, data = _data(recipe, made, say)
        return (*data, *made(recipe, _WEIGHTS))


def _data(
    recipe: Recipe, made: Callable[[Recipe, Sequence[str]], tuple[Manifest, ...]], say: Callable[[str], None]
) -> tuple[Recipe, tuple[Manifest, ...]]:
    """What the sources gave, and the recipe without those that gave nothing."""
    done: list[Manifest] = []
    reasons: list[str] = []
    for source in (FACTORY, USE):
        try:
            done += made(recipe, source)
        except Empty as empty:
            reasons.append(str(empty))
            say(f"darner: {empty}")
            recipe = _without(recipe, source)
    if not done:
        raise BadInput(f"There is nothing to learn from: {' '.join(reasons)}")
    return recipe, tuple(done)


def _recipe(wish: Wish) -> Recipe:
    read = read_recipe(wish.recipe, line.ALL)
    changed = dict(_in_place(read.sections, wish.root))
    named = replace(read.model, name=wish.model) if wish.model else read.model
    left_out = (*(() if wish.from_traces else USE), *(_WEIGHTS if wish.data_only else ()))
    return _without(replace(read, sections=changed, model=named), left_out)


def _in_place(sections: Mapping[str, Any], root: Path) -> Iterator[tuple[str, Any]]:
    """The recipe's `.` is the user's repository, wherever the command is typed."""
    knobs = {"seeds": "folder", "mistakes": "repository"}
    for name, section in sections.items():
        knob = knobs.get(name, "")
        yield name, replace(section, **{knob: str(root)}) if knob and getattr(section, knob) == "." else section


def _without(recipe: Recipe, names: Sequence[str]) -> Recipe:
    """Without mistakes there is nothing to measure with."""
    out = {*names, *(("evaluate",) if "mistakes" in names else ())}
    return replace(recipe, sections={name: each for name, each in recipe.sections.items() if name not in out})
