"""`darner model ...`: the models on this machine, from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from . import catalogue, show, terminal
from .adopted import adapters_of, form_of
from .answers import Compared, Known, ModelList, ModelPull, ModelVerify, ModelWhere
from .cli_options import Json
from .errors import BadInput, DarnerError, ModelError
from .interrupt import interruptible
from .llama import LlamaModel
from .model import Role
from .told import Identified

model_app = typer.Typer(
    name="model",
    help="List, download, check and remove models. Whatever is downloaded is checked by its SHA-256.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="A name from `darner model list`.")]


def open_model(
    name: str | None, *, wanted: bool, endpoint: str | None = None, adapter: Path | None = None
) -> Identified | None:
    """The model to use, not yet loaded; None means search only. With an endpoint, the model of that name there.

    Raises ModelError for a model that was named and is not here. Without a name, the default, else any that is here,
    else none: each departure from the default is said on stderr.
    """
    if not wanted:
        return None
    adapters = {Role.REPAIRER: adapter} if adapter else {}
    if endpoint is not None:
        if adapter:
            raise BadInput(
                "--adapter goes over a model on this machine; a server at --endpoint has adapters of its own."
            )
        from .remote import RemoteModel  # here: most runs speak to no server, and its client is slow to import

        return RemoteModel(endpoint, name or "")
    if name is not None:
        return _over(catalogue.find(name), name, adapters)
    try:
        return _over(catalogue.find(catalogue.DEFAULT), catalogue.DEFAULT, adapters)
    except ModelError as missing:
        others = catalogue.installed()
        if others:
            terminal.say(f"darner: {missing} Using {others[0].name} instead.")
            return _over(catalogue.path_of(others[0]), others[0].name, adapters)
        terminal.say(f"darner: {missing} Going on with search alone.")
        return None


def _over(path: Path, name: str, adapters: Mapping[Role, Path]) -> LlamaModel:
    """The file's model with the adapters that were named, else with the adopted one."""
    if adapters:
        return LlamaModel(path, name, adapters=adapters, form=catalogue.form_of(path))
    return LlamaModel(path, name, adapters=adapters_of(path), form=form_of(path))


@model_app.command(name="list")
def list_models(as_json: Json = False) -> None:
    """The models that Darner knows by name, and which of them are here."""
    with terminal.ending(as_json):
        known = catalogue.installed()
        rows = [_row(entry, entry in known) for entry in catalogue.CATALOGUE.values()]
        if as_json:
            terminal.print_json(ModelList(version=1, models=rows))
            return
        table = Table("name", "size", "licence", "here", "asked", "adapter", box=None, pad_edge=False)
        for row in rows:
            size = f"{row['bytes'] / 1e9:.1f} GB"
            name = f"{row['name']} (default)" if row["default"] else row["name"]
            here = "yes" if row["installed"] else "no"
            table.add_row(name, size, row["licence"], here, row["form"], row["adapter"][:12])
        terminal.results().print(table)


@model_app.command()
def pull(
    name: Name,
    offline: Annotated[bool, typer.Option("--offline", help="Never open a connection.")] = False,
    as_json: Json = False,
) -> None:
    """Download a model, or go on with a broken download; nothing to do when it is here."""
    with terminal.ending(as_json):
        with interruptible() as (stop, opened):
            report = opened.enter_context(show.download(terminal.progress(), name))
            path = catalogue.pull(name, offline=offline, on_progress=report, stop=stop)
        if as_json:
            terminal.print_json(ModelPull(version=1, name=name, path=str(path)))
        else:
            typer.echo(f"{name} is in {path}")


@model_app.command()
def verify(as_json: Json = False) -> None:
    """Read every model that is here and compare its SHA-256."""
    with terminal.ending(as_json):
        found = {entry.name: _trouble(entry.name) for entry in catalogue.installed()}
        if as_json:
            models = [Compared(name=name, ok=not trouble, trouble=trouble) for name, trouble in found.items()]
            terminal.print_json(ModelVerify(version=1, models=models))
        else:
            for name, trouble in found.items():
                typer.echo(f"{name}: {trouble or 'every byte is right'}")
            if not found:
                typer.echo("No model of the catalogue is here; `darner model pull NAME` fetches one.")
        raise typer.Exit(3 if any(found.values()) else 0)


@model_app.command()
def rm(name: Name) -> None:
    """Delete a model and what was downloaded of it."""
    with terminal.ending(False):
        freed = catalogue.remove(name)
        typer.echo(f"{name}: {freed / 1e6:.0f} MB freed" if freed else f"{name} was not here")


@model_app.command()
def where(as_json: Json = False) -> None:
    """The folder of the models; DARNER_MODELS names another."""
    with terminal.ending(as_json):
        folder = str(catalogue.models_folder())
        if as_json:
            terminal.print_json(ModelWhere(version=1, folder=folder))
        else:
            typer.echo(folder)


def _row(entry: catalogue.Entry, installed: bool) -> Known:
    path = catalogue.path_of(entry)
    worn = adapters_of(path).get(Role.REPAIRER)
    return {
        "name": entry.name,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "default": entry.name == catalogue.DEFAULT,
        "installed": installed,
        "path": str(path),
        "adapter": worn.stem if worn else "",
        "form": form_of(path).value,
    }


def _trouble(name: str) -> str:
    try:
        catalogue.verify(name)
    except DarnerError as error:
        return str(error)
    return ""
