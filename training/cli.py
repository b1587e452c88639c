"""`darner-train`: one verb a stage. A stage writes JSONL and a manifest, and is not repeated when it is finished."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..engine import terminal
from ..engine.errors import BadInput
from ..engine.interrupt import interruptible
from . import mistakes as factory
from . import seeds as mining
from .store import Stage, finished, read_seeds, run_stage, sha256
from .types import Manifest

app = typer.Typer(
    name="darner-train",
    help="Prepare training data from real code, on this machine. Exit codes: 0 done, 2 bad input, 3 environment.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", help="The JSONL file to write; its manifest goes beside it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the manifest as JSON on stdout and nothing else.")]


@app.command()
def seeds(
    out: Out,
    source: Annotated[Path | None, typer.Argument(help="A folder; the standard library when none is named.")] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="SPDX name of the folder's licence.")] = None,
    as_json: Json = False,
) -> None:
    """Mine documented functions that return a value and run on their own."""
    with terminal.ending(as_json):
        if source is not None and not licence:
            raise BadInput("Every seed records its licence: pass the folder's with --licence, as in --licence MIT.")
        corpus = mining.folder(source, licence) if source and licence else mining.standard_library()
        files = mining.files(corpus)
        tree = sha256("".join(f"{p.relative_to(corpus.root)} {sha256(p.read_bytes())}\n" for p in files).encode())
        stage = Stage("seeds", {str(corpus.root): tree}, {"licence": corpus.licence, "longest": mining.LONGEST}, out)
        before = finished(stage)
        with interruptible() as (stop, _):
            manifest = before or run_stage(stage, files, lambda path: mining.mine(corpus, path), stop)
        _tell(manifest, out, before is not None, as_json)


@app.command()
def mistakes(
    source: Annotated[Path, typer.Argument(help="A file of seeds, made by `darner-train seeds`.")],
    out: Out,
    per_seed: Annotated[int, typer.Option("--per-seed", min=1, max=100, help="Most mistakes made from one seed.")] = 3,
    agree: Annotated[bool, typer.Option("--trust", help="Agree to run without a sandbox if none works.")] = False,
    as_json: Json = False,
) -> None:
    """Plant bugs that a seed's own examples reject; each is run in the sandbox before it counts."""
    with terminal.ending(as_json):
        seeds_read = read_seeds(source)
        settings = {"per_seed": per_seed, "tries": factory.TRIES}
        stage = Stage("mistakes", {source.name: sha256(source.read_bytes())}, settings, out)
        before = finished(stage)
        with interruptible() as (stop, opened):
            if before is None:
                bench = opened.enter_context(factory.Workbench.opened(seeds_read, stop, trusted=agree))
                manifest = run_stage(stage, seeds_read, lambda seed: bench.mistakes(seed, per_seed), stop)
            else:
                manifest = before
        _tell(manifest, out, before is not None, as_json)


def _tell(manifest: Manifest, out: Path, was_done: bool, as_json: bool) -> None:
    if as_json:
        terminal.print_json({**asdict(manifest), "skipped": was_done})
        return
    done = "was complete already" if was_done else "is complete"
    typer.echo(f"{manifest.stage} {done}: {manifest.kept} records in {out} from {manifest.units} units of work.")
    for reason, count in sorted(manifest.dropped.items(), key=lambda pair: -pair[1]):
        typer.echo(f"  {count:6} dropped: {reason}")


def main() -> None:
    app()
