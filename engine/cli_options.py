"""Options that several commands have, each written once, and the project that `--root` and its fellows name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import trust
from .model import Model
from .project import Project, open_project
from .settings import Settings, read_project

Root = Annotated[Path, typer.Option("--root", help="A folder of the project; its root is found from there.")]
Python = Annotated[str | None, typer.Option("--python", help="The interpreter that runs the project's tests.")]
Sandbox = Annotated[
    str | None, typer.Option("--sandbox", help="Where candidates run: auto, no-docker, or one by its name.")
]
Agree = Annotated[
    bool, typer.Option("--trust", help="Agree, for this project, to run without a sandbox if none works.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
NoModel = Annotated[bool, typer.Option("--no-model", help="Search only; load no language model.")]
ModelName = Annotated[str | None, typer.Option("--model", help="A name from `darner model list`, or a GGUF file.")]
Endpoint = Annotated[
    str | None,
    typer.Option("--endpoint", help="Use the model of this OpenAI-compatible server, as in http://127.0.0.1:8000/v1."),
]
Adapter = Annotated[
    Path | None, typer.Option("--adapter", help="A LoRA in GGUF, trained on this model, that writes the repairs.")
]
Answer = Annotated[
    str | None,
    typer.Option("--answer", help="A, B, neither, or what is right, as in '[5, 6]' or 'raises ValueError'."),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the model's samples.")]
BudgetName = Annotated[str, typer.Option("--budget", help="quick, normal, deep or seconds per failing test.")]
History = Annotated[
    bool, typer.Option("--history", help="Show the model every earlier answer of a revision, not the last alone.")
]
HERE = Path()


def asked_project(root: Path, python: str | None, sandbox: str | None, agree: bool) -> Project:
    """Raises as `open_project`."""
    project = open_project(root, python, sandbox)
    if agree:
        trust.remember(project.root)
    return project


def asked_model(
    root: Path, name: str | None, *, wanted: bool, endpoint: str | None = None, adapter: Path | None = None
) -> Model | None:
    """As `open_model`, whose imports a search alone does without; what it explained before is looked up."""
    if not wanted:
        return None
    from .cli_model import open_model
    from .told import remembering

    model = open_model(name, wanted=wanted, endpoint=endpoint, adapter=adapter)
    return remembering(model, read_project(root, Settings())[0].keep_explanations) if model is not None else None
