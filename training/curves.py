"""`darner-train curves`: what the optimisers' steps came to, as a picture beside each `curve.jsonl` of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..engine import terminal
from ..engine.errors import BadInput
from .libraries import Library, library

_SHOWN = (("loss", "loss, in nats"), ("learning_rate", "learning rate"), ("grad_norm", "norm of the gradient"))
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]


def curves(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder; also while a stage of it is at work.")],
    as_json: Json = False,
) -> None:
    """Draw loss, learning rate and gradient of each training stage over its steps, as PNG (extra `plots`)."""
    with terminal.ending(as_json):
        found = sorted(run.glob("*/curve.jsonl"))
        if not found:
            raise BadInput(f"{run} holds no curve; name the folder of a run whose stage `sft` or `rl` has begun.")
        made = [_drawn(path, _steps(path)) for path in found]
        if as_json:
            terminal.print_json({"version": 1, "pictures": [str(path) for path in made]})
        else:
            for path in made:
                typer.echo(path)


def _steps(path: Path) -> list[dict[str, Any]]:
    """Raises BadInput for a line that is no step, or for none."""
    try:
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if found and all("step" in each for each in found):
            return found
        why = "no step stands there"
    except (OSError, ValueError, TypeError) as error:
        why = str(error)
    raise BadInput(f"{path} cannot be drawn ({why}); run the stage that writes it again.")


def _drawn(path: Path, steps: list[dict[str, Any]]) -> Path:
    """One picture, three graphs over the same steps."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(len(_SHOWN), 1, sharex=True, figsize=(8.0, 7.0), layout="constrained")
    for axis, (key, name) in zip(axes, _SHOWN, strict=True):
        points = [(each["step"], each[key]) for each in steps if key in each]
        axis.plot(*zip(*points, strict=True), linewidth=1.2) if points else None
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    axes[0].set_title(f"{path.parent.name.removesuffix('.partial')}, {steps[-1]['step']} steps")
    axes[-1].set_xlabel("step")
    picture = path.parent.parent / f"{path.parent.name.removesuffix('.partial')}.png"  # outside: a stage's output stays
    figure.savefig(picture, dpi=120, metadata={"Software": None})
    pyplot.close(figure)
    return picture


def _pyplot() -> Library:
    library("matplotlib", "plots", "drawing curves").use("Agg")
    return library("matplotlib.pyplot")
