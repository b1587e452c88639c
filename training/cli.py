"""`darner-train`: run a recipe, stage by stage, and say where each of its stages stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..engine import terminal
from ..engine.cli_options import Json
from ..engine.errors import BadInput
from ..engine.interrupt import interruptible
from ..engine.stop import Stop
from . import cli_adopt, cli_learn, curves, line, recipe, run, show

app = typer.Typer(
    name="darner-train",
    help="Make training data, and weights, from real code on this machine. "
    "Exit codes: 0 done, 2 bad input, 3 environment, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE", help="tiny, factory, repair, cocos, mucode, learn, laptop, h200, cluster, or TOML."
    ),
]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Where records, manifests and weights go; ./darner-train/RECIPE.")
]


@app.command(name="run")
def run_recipe(
    name: Name,
    folder: Folder = None,
    first: Annotated[str | None, typer.Option("--from", metavar="STAGE", help="Take earlier stages as made.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="STAGE", help="End behind this stage.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Make again what was made by other inputs or settings.")] = False,
    agree: Annotated[bool, typer.Option("--trust", help="Agree to run without a sandbox if none works.")] = False,
    as_json: Json = False,
) -> None:
    """Make what is not made yet. Interrupt it whenever you like: the same command goes on where it was."""
    with terminal.ending(as_json):
        read = recipe.read_recipe(name, line.ALL)
        stages = run.chosen(read, line.ALL, first, last)
        place = _place(read, folder)
        if dry:
            _show(read, place, as_json, {stage.name for stage in stages})
            return
        try:
            with interruptible() as (stop, opened):
                context = opened.enter_context(run.opened(read, place, stop, trusted=agree))
                shown = show.watching(terminal.progress())
                watch = run.SILENT if as_json else opened.enter_context(shown)
                made = run.run_recipe(read, stages, context, watch, redo=redo)
        except KeyboardInterrupt:
            terminal.say(f"darner: interrupted; what was done is kept in {place}, and the same command goes on.")
            raise typer.Exit(terminal.CANCELLED) from None
        if as_json:
            terminal.print_json({"version": 1, "folder": str(place), "stages": [each.stage for each in made]})
        else:
            typer.echo(f"{read.name}: {len(made)} stages are complete in {place}")


@app.command()
def status(name: Name, folder: Folder = None, as_json: Json = False) -> None:
    """Where each stage of a run stands, and what came of it."""
    with terminal.ending(as_json):
        read = recipe.read_recipe(name, line.ALL)
        place = _place(read, folder)
        if not place.is_dir():
            raise BadInput(f"{place} does not exist; `darner-train run {name}` makes it, --folder names another.")
        _show(read, place, as_json, set(read.sections))


def _show(read: recipe.Recipe, place: Path, as_json: bool, names: set[str]) -> None:
    context = run.context_of(read, place, Stop())
    found = [each for each in run.standings(read, line.ALL, context) if each.stage.name in names]
    if as_json:
        terminal.print_json({"version": 1, "folder": str(place), "stages": show.as_json(found)})
    else:
        terminal.results().print(show.table(found))


def _place(read: recipe.Recipe, folder: Path | None) -> Path:
    return (folder or Path("darner-train") / read.name).absolute()


app.command()(cli_learn.learn)
app.command()(cli_adopt.adopt)
app.command()(cli_adopt.rollback)
app.command()(curves.curves)


def main() -> None:
    app()
