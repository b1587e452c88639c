"""The command `darner test`: a test for one function, tried on wrong versions of it; written when asked to."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Annotated

import typer

from . import report_write, show, show_write, terminal, undo
from .cli_model import open_model
from .cli_options import HERE, Agree, Endpoint, Json, ModelName, Python, Root, Seed, asked_project
from .cli_write import Target, covered_suite
from .config import parse_budget
from .events import Event
from .interrupt import ignore_signals, interruptible
from .stub import find
from .types import Patch
from .write_test import write_test
from .written import TestDone, TestWritten


def write_a_test(
    target: Target,
    root: Root = HERE,
    apply: Annotated[bool, typer.Option("--apply", help="Write the test; `darner undo` takes it back.")] = False,
    as_json: Json = False,
    budget: Annotated[str, typer.Option("--budget", help="normal, deep or seconds.")] = "normal",
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Only examples of the docstring, and calls near.")
    ] = False,
    model: ModelName = None,
    endpoint: Endpoint = None,
    python: Python = None,
    agree: Agree = False,
    seed: Seed = 0,
) -> None:
    """Write a test for a function: one that passes now, and fails on wrong versions of the function."""
    with terminal.ending(as_json):
        spending = parse_budget(budget)
        with interruptible() as (stop, opened):
            project = asked_project(root, python, None, agree)
            meant = find(project.root, target)
            llm = open_model(model, wanted=not no_model, endpoint=endpoint)
            llm = opened.enter_context(closing(llm)) if llm else None
            live = opened.enter_context(show.Live(terminal.progress()).shown())
            session, suite = covered_suite(project, opened, stop, live)
            found = _follow(write_test(session, suite, meant, llm, spending, stop, seed), live)
            guarantees = session.guarantees
        patch = found.patch if apply else None
        if patch is not None:
            ignore_signals()
            undo.apply(project.root, patch, f"test of {found.name}")
        if as_json:
            terminal.print_json(report_write.test(llm.name if llm else None, guarantees, found, patch))
        else:
            terminal.results().print(show_write.test(found))
            typer.echo(_conclusion(found, patch))
        raise typer.Exit(0 if found.patch is not None else 1)


def _follow(events: Iterable[Event | TestDone], live: show.Live) -> TestWritten:
    for event in events:
        if isinstance(event, TestDone):
            return event.report
        live.event(event)
    raise KeyboardInterrupt  # nothing but a cancel ends the events early


def _conclusion(found: TestWritten, patch: Patch | None) -> str:
    if patch is not None:
        return f"Applied to {', '.join(change.path for change in patch.files)}. `darner undo` takes it back."
    return "Nothing was changed; --apply writes it." if found.patch else "Nothing was changed."
