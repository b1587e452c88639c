"""`darner-train learn`: an adapter from the user's own repairs and their own code, on their machine."""

from __future__ import annotations

from typing import Annotated

import typer

from ..engine import terminal
from ..engine.cli_options import HERE, Json, Root
from ..engine.interrupt import interruptible
from ..engine.project import find_root
from . import cli_adopt, show
from . import learn as work
from .run import SILENT


def learn(
    from_traces: Annotated[
        bool, typer.Option("--from-traces", help="Also from the repairs that `darner trace on` recorded.")
    ] = False,
    root: Root = HERE,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="Over which model; the recipe's if none.")] = "",
    data_only: Annotated[bool, typer.Option("--data-only", help="Make the records, and change no weights.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="Use the adapter from now on, if it is better.")] = False,
    as_json: Json = False,
) -> None:
    """Learn from bugs planted in this repository and from repairs you took; `darner trace wipe` deletes all of it."""
    with terminal.ending(as_json):
        wish = work.Wish(find_root(root), from_traces, data_only, model)
        place = work.folder_of(wish.root)
        try:
            with interruptible() as (stop, opened):
                shown = show.watching(terminal.progress())
                watch = SILENT if as_json else opened.enter_context(shown)
                made = work.learn(wish, stop, watch, terminal.say)
        except KeyboardInterrupt:
            terminal.say(f"darner: interrupted; what was done is kept in {place}, and the same command goes on.")
            raise typer.Exit(terminal.CANCELLED) from None
        taken = cli_adopt.taken_over(place) if adopt and not data_only else None
        if as_json:
            stages, used = [each.stage for each in made], str(taken[1]) if taken else None
            terminal.print_json({"version": 1, "folder": str(place), "stages": stages, "adapter": used})
            return
        typer.echo(f"learn: {len(made)} stages are complete in {place}; `darner trace wipe` deletes it.")
        if taken:
            typer.echo(f"{taken[0].name} now answers through {taken[1].name[:12]}…: {taken[2]}")
        elif not data_only:
            typer.echo(f"Nothing uses it yet; `darner-train adopt {place}` does, if it is better.")
