"""What a person sees of a run: a line a stage, a moving bar on a terminal, and the reasons for what was dropped."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from .run import Standing, State, Watch
from .stages import FileStage, Stage
from .store import Progress
from .types import Manifest

_MOST_REASONS, _MOST_FIGURES = 12, 3
_SAID_EVERY_S = 60.0
"""Where no terminal is, a line on how far a stage is."""
_SPEED_OVER_S = 600.0
"""A step of an optimiser may take half a minute."""
_MARKS = {
    State.DONE: "done",
    State.BEGUN: "interrupted; goes on",
    State.CHANGED: "made otherwise",
    State.READY: "to do",
    State.WAITING: "to do, after its inputs",
}


@contextmanager
def watching(console: Console, every: float = _SAID_EVERY_S) -> Generator[Watch]:
    """A bar for the stage at work, with its yield or loss so far and the time left; where no terminal is, a line of
    this after `every` seconds."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[gave]}"),
        TimeRemainingColumn(),
    )
    live = console.is_terminal
    with Bar(*columns, console=console, transient=True, disable=not live, speed_estimate_period=_SPEED_OVER_S) as bar:
        bars: dict[str, TaskID] = {}
        said = time.monotonic()

        def stage(each: Stage, manifest: Manifest | None) -> None:
            if manifest is not None:
                _print(console, f"{each.name} is complete already: {_account(manifest)}")
            elif isinstance(each, FileStage):
                _print(console, f"{each.name} begins")

        def unit(each: Stage, progress: Progress) -> None:
            nonlocal said
            if each.name not in bars:
                bars[each.name], said = bar.add_task(each.name, total=progress.units, gave=""), time.monotonic()
            gave = progress.note or f"{progress.kept} kept, {sum(progress.dropped.values())} dropped"
            last = progress.done == progress.units  # shown whatever the clock says: nothing follows it
            bar.update(bars[each.name], completed=progress.done, gave=gave, refresh=last)
            if not live and time.monotonic() - said >= every:
                said = time.monotonic()
                _print(console, _so_far(bar.tasks[-1]))

        def done(each: Stage, manifest: Manifest) -> None:
            if each.name in bars:
                bar.remove_task(bars.pop(each.name))
            _print(console, f"{each.name}: {_account(manifest)}")
            for reason, count in _most_first(manifest.dropped)[:_MOST_REASONS]:
                _print(console, f"  {count:6} dropped: {reason}")

        yield Watch(stage, unit, done)


def table(standings: Sequence[Standing]) -> Table:
    """One line a stage: where it stands, and what came of it."""
    found = Table("stage", "state", "units", "kept", "dropped", "seconds", "note", box=None, pad_edge=False)
    for each in standings:
        manifest = each.manifest
        figures = (
            (str(manifest.units), str(manifest.kept), str(sum(manifest.dropped.values())), f"{manifest.seconds:.1f}")
            if manifest
            else ("", "", "", "")
        )
        found.add_row(each.stage.name, _MARKS[each.state], *figures, Text(_note(each)))
    return found


def as_json(standings: Sequence[Standing]) -> list[dict[str, object]]:
    return [
        {
            "stage": each.stage.name,
            "state": str(each.state),
            "changes": list(each.changes),
            "units": each.manifest.units if each.manifest else None,
            "kept": each.manifest.kept if each.manifest else None,
            "dropped": dict(each.manifest.dropped) if each.manifest else {},
            "figures": dict(each.manifest.figures) if each.manifest else {},
            "seconds": each.manifest.seconds if each.manifest else None,
        }
        for each in standings
    ]


def _so_far(task: Task) -> str:
    left = f", {timedelta(seconds=round(task.time_remaining))} left" if task.time_remaining is not None else ""
    return f"{task.description}: {task.completed:.0f} of {task.total:.0f}, {task.fields['gave']}{left}"


def _note(standing: Standing) -> str:
    if standing.changes:
        return "; ".join(standing.changes)
    if standing.manifest is None:
        return ""
    if dropped := _most_first(standing.manifest.dropped):
        return f"most dropped: {dropped[0][0]} ({dropped[0][1]})"
    figures = [f"{name} {value:.4g}" for name, value in standing.manifest.figures.items()]
    more = len(figures) - _MOST_FIGURES
    return ", ".join((*figures[:_MOST_FIGURES], *([f"{more} more with --json"] if more > 0 else [])))


def _account(manifest: Manifest) -> str:
    made = f"{manifest.kept} records from {manifest.units} units of work"
    figures = "".join(f", {name} {value:.4g}" for name, value in manifest.figures.items())
    return f"{made if manifest.output.endswith('.jsonl') else manifest.output}{figures}, {manifest.seconds:.1f} s"


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: -pair[1])


def _print(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)
