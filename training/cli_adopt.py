"""`darner-train adopt` and `rollback`: which adapter the engine uses over a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..engine import adopted, catalogue, terminal
from ..engine.cli_options import Json
from ..engine.errors import BadInput
from ..engine.model import Form
from . import served
from .job import digest_of, manifest_of


def adopt(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run whose stage `evaluate` is made.")],
    as_json: Json = False,
) -> None:
    """Let the engine use a run's adapter from now on, if it was measured to be better."""
    with terminal.ending(as_json):
        base, kept, figures = taken_over(run)
        if as_json:
            terminal.print_json({"version": 1, "base": str(base), "adapter": str(kept)})
        else:
            typer.echo(f"{base.name} now answers through {kept.name[:12]}…: {figures}")


def taken_over(run: Path) -> tuple[Path, Path, str]:
    """The base, the run's adapter that the engine uses over it from now on, and the figures that say why.

    Raises BadInput when it was not measured, or is not better.
    """
    made = served.of(run / "export")
    report = _report(run, made)
    if not report["better"]:
        raise BadInput(
            f"The weights of {run} are not better than {report['against']}: {_in_words(report)}. "
            "Not adopted; train longer or on more seeds."
        )
    if made.adapter is None:
        raise BadInput(f"{run} trained all weights: pass its file by name, as in `darner fix --model {made.model}`.")
    figures, form = report["repair"], Form(report["form"])
    kept = adopted.adopt(made.model, made.base_sha256, made.adapter, figures, explains=made.explains, form=form)
    return made.model, kept, _in_words(report)


def rollback(
    model: Annotated[str, typer.Argument(help="A name from `darner model list`, or a path.")], as_json: Json = False
) -> None:
    """Go back to the adapter before the present one, or to the bare model."""
    with terminal.ending(as_json):
        base = catalogue.find(model)
        before = adopted.roll_back(base)
        if as_json:
            terminal.print_json({"version": 1, "base": str(base), "adapter": str(before) if before else None})
        else:
            typer.echo(f"{base.name} answers {f'through {before.name[:12]}…' if before else 'by itself'} again.")


def _report(run: Path, export: served.Served) -> dict[str, Any]:
    path = run / "evaluate" / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read ({error}); run the stage `evaluate` first.") from error
    if report.get("form") not in tuple(Form):
        raise BadInput(
            f"The figures of {run} do not say in which form repairs were asked, so nobody knows how to ask the "
            "adapter; measure anew with `darner-train run RECIPE --from evaluate --redo`."
        )
    made = manifest_of(run / "evaluate")
    if made is None or made.inputs.get("export") != digest_of(run / "export"):
        raise BadInput(f"The export in {run} is not the one that was measured; run its stage `evaluate` again.")
    if made.inputs.get("adopted") != served.rival(export):
        raise BadInput(
            f"The weights of {run} were measured against {report['against']}, and since then another adapter was "
            "adopted or taken back; measure them anew with `darner-train run RECIPE --from evaluate --redo`."
        )
    return report


def _in_words(report: dict[str, Any]) -> str:
    repair, writing = report["repair"], report["writing"]
    points = ", ".join(f"{100 * repair[name]:+.1f}" for name in ("low", "high"))
    return (
        f"repairs {100 * repair['mean']:+.1f} points (95 %: {points}) on {report['tasks']} held-out mistakes, "
        f"writing {100 * writing['mean']:+.1f}"
    )
