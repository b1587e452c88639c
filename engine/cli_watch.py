"""The command `darner watch`: what `watch.py` does, shown round by round."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from . import show, terminal, trust
from .events import Done
from .interrupt import interruptible
from .project import open_project
from .types import FixStatus
from .warm import WarmProject
from .watch import Round, Trouble, watch

_NICE = 5


def watch_project(
    root: Annotated[
        Path, typer.Option("--root", help="A folder of the project; its root is found from there.")
    ] = Path(),
    python: Annotated[
        str | None, typer.Option("--python", help="The interpreter that runs the project's tests.")
    ] = None,
    sandbox: Annotated[
        str | None, typer.Option("--sandbox", help="Where candidates run: auto, no-docker, or one by its name.")
    ] = None,
    agree: Annotated[
        bool, typer.Option("--trust", help="Agree, for this project, to run without a sandbox if none works.")
    ] = False,
) -> None:
    """Run the affected tests after every save, and look for a repair of those that turned red. Ctrl-C ends it."""
    with terminal.ending(False), interruptible() as (stop, opened):
        project = open_project(root, python, sandbox)
        if agree:
            trust.remember(project.root)
        os.nice(_NICE)
        trusted = trust.is_trusted(project.root)
        warm = opened.enter_context(closing(WarmProject(project.root, python, trusted=trusted, sandbox=sandbox)))
        terminal.say(f"darner: watching {project.root}")
        for news in watch(warm, stop):
            if isinstance(news, Round):
                _round(news)
            elif isinstance(news, Trouble):
                terminal.say(f"darner: {news.text}")
            elif isinstance(news, Done) and news.report.status is not FixStatus.UNREPAIRED:
                terminal.results().print(show.report(news.report))


def _round(found: Round) -> None:
    out = terminal.results()
    known, failing = len(found.suite.results), len(found.suite.failing)
    out.print(Text(f"{time.strftime('%H:%M:%S')} {found.ran} of {known} tests ran, {failing} fail"))
    for nodeid in found.red:
        out.print(Text(show.printable(f"  red    {nodeid}"), "red"), soft_wrap=True)
    for nodeid in found.green:
        out.print(Text(show.printable(f"  green  {nodeid}"), "green"), soft_wrap=True)
