"""The command `darner watch`: what `watch.py` does, shown round by round."""

from __future__ import annotations

import os
import time
from contextlib import closing

from rich.text import Text

from . import show, terminal, trust
from .cli_options import HERE, Agree, Python, Root, Sandbox, asked_project
from .events import Done
from .interrupt import interruptible
from .types import FixStatus
from .warm import WarmProject
from .watch import Round, Trouble, watch

_NICE = 5


def watch_project(
    root: Root = HERE,
    python: Python = None,
    sandbox: Sandbox = None,
    agree: Agree = False,
) -> None:
    """Run the affected tests after every save, and look for a repair of those that turned red. Ctrl-C ends it."""
    with terminal.ending(False), interruptible() as (stop, opened):
        project = asked_project(root, python, sandbox, agree)
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
