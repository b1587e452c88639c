"""The command line: parse, call the engine, show. Exit codes and JSON are described in docs/cli.md."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ..sandbox.session import Session
from ..sandbox.types import Assurance
from . import memory, report, rulings, show, terminal, trace, trust, undo
from .cli_answer import asker
from .cli_options import (
    HERE,
    Adapter,
    Agree,
    Answer,
    BudgetName,
    Endpoint,
    History,
    Json,
    ModelName,
    NoModel,
    Python,
    Root,
    Sandbox,
    Seed,
    asked_model,
    asked_project,
)
from .config import parse_budget
from .errors import BadInput
from .events import Done, Event
from .interrupt import ignore_signals, interruptible
from .project import Project, find_root, preferred
from .reply import understood
from .resident import forget_prompts, prompts_folder
from .stop import Stop
from .suite import Suite, run_suite
from .trial import open_session
from .types import FailureReport, FixStatus, Patch

app = typer.Typer(
    name="darner",
    help="Repair failing pytest tests. Every repair shown was run and passed; everything stays on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def darner(show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if show_version:
        from importlib.metadata import version

        typer.echo(f"darner {version('darner')}")


@app.command()
def fix(
    nodeids: Annotated[
        list[str] | None, typer.Argument(help="Tests to repair; all that fail when none is named.")
    ] = None,
    root: Root = HERE,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write verified repairs; `darner undo` takes them back.")
    ] = False,
    least: Annotated[Assurance, typer.Option("--least", help="Assurance that --apply asks of a repair.")] = Assurance.B,
    as_json: Json = False,
    budget: BudgetName = "normal",
    history: History = False,
    no_model: NoModel = False,
    model: ModelName = None,
    endpoint: Endpoint = None,
    adapter: Adapter = None,
    no_prose: Annotated[bool, typer.Option("--no-prose", help="Facts only: the model explains nothing.")] = False,
    python: Python = None,
    sandbox: Sandbox = None,
    agree: Agree = False,
    answer: Answer = None,
    seed: Seed = 0,
) -> None:
    """Run the tests, repair those that fail, and show each repair with the evidence for it."""
    with terminal.ending(as_json):
        spending = replace(parse_budget(budget), prose=not no_prose, history=history)
        reply = understood(answer) if answer is not None else None
        if reply is not None and len(nodeids or ()) != 1:
            raise BadInput("--answer settles the question of one test; name that test's node id.")
        with interruptible() as (stop, opened):
            project = asked_project(root, python, sandbox, agree)
            wanted = spending.samples > 0 and not no_model
            llm = asked_model(project.root, model, wanted=wanted, endpoint=endpoint, adapter=adapter)
            llm = opened.enter_context(closing(llm)) if llm else None
            live = opened.enter_context(show.Live(terminal.progress()).shown())
            session, suite = _tested(project, _relative(project, nodeids), opened, stop, live)
            from .mend import mend, to_apply  # here: imported by now, beside the sandbox's start

            told = rulings.recall(project.root)
            chosen, known = str(project.interpreter.path), [*map(asdict, told)]
            record = trace.recorded(project.root, suite.failing, chosen, spending, llm, stop, seed=seed, rulings=known)
            llm, written = opened.enter_context(record)
            ask = asker(project.root, reply, live, as_json, show.report)
            ask = written.answers(ask) if written and ask else ask
            events = mend(session, suite, llm, spending, stop, ask=ask, rulings=told, seed=seed)
            reports = _follow(written.follow(events) if written else events, live, as_json)
            patch = to_apply(session, suite, reports, stop, least) if apply else None
            guarantees = session.guarantees
        if patch is not None:
            ignore_signals()
            undo.apply(project.root, patch, f"repair of {len(reports)} failing test{'s' * (len(reports) > 1)}")
        name = llm.name if llm else None
        if as_json:
            terminal.print_json(report.fixes(name, guarantees, reports, patch))
        else:
            _conclude(suite, reports, patch, apply)
        raise typer.Exit(report.exit_code(reports))


@app.command()
def explain(
    nodeid: Annotated[str, typer.Argument(help="The failing test.")],
    root: Root = HERE,
    as_json: Json = False,
    no_model: NoModel = False,
    model: ModelName = None,
    endpoint: Endpoint = None,
    python: Python = None,
    sandbox: Sandbox = None,
    agree: Agree = False,
) -> None:
    """Say why a test fails: facts from running it, then the model's words."""
    with terminal.ending(as_json):
        with interruptible() as (stop, opened):
            project = asked_project(root, python, sandbox, agree)
            llm = asked_model(project.root, model, wanted=not no_model, endpoint=endpoint)
            llm = opened.enter_context(closing(llm)) if llm else None
            live = opened.enter_context(show.Live(terminal.progress()).shown())
            session, suite = _tested(project, _relative(project, [nodeid]), opened, stop, live)
            from . import loop  # here: imported by now, beside the sandbox's start

            if not suite.failing:
                raise BadInput(f"{nodeid} passes; there is nothing to explain.")
            found = _collect(loop.explain(session, suite, suite.failing[0], llm, stop), live)
        if as_json:
            terminal.print_json(report.explained(found))
        else:
            shown = (Text(found.nodeid), show.explanation(found.explanation), show.suspects(found.suspects))
            terminal.results().print(*shown, sep="\n")


@app.command(name="undo")
def undo_last(root: Root = HERE) -> None:
    """Take back the last repair that `darner fix --apply` wrote here."""
    with terminal.ending(False):
        taken = undo.undo(find_root(root))
        paths = ", ".join(change.path for change in taken.patch.files)
        typer.echo(f"Undone: {taken.title} of {taken.when} ({paths}).")


@app.command(name="forget")
def forget_project(
    root: Root = HERE,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="Instead, computed prompts and explanations of all projects.")
    ] = False,
) -> None:
    """Delete what Darner remembers of this project: the source files with which each test last passed, and answers."""
    with terminal.ending(False):
        if prompts:
            typer.echo(f"{'Forgotten' if forget_prompts() else 'Nothing is kept'}: {prompts_folder()}.")
            return
        folder = find_root(root)
        there = [memory.forget(folder), rulings.forget(folder)]
        typer.echo(f"{'Forgotten' if any(there) else 'Nothing is remembered'}: {folder}.")


@app.command(name="trust")
def trust_project(
    root: Root = HERE,
    forget: Annotated[bool, typer.Option("--forget", help="Withdraw the consent.")] = False,
) -> None:
    """Agree that this project's tests may run without a sandbox, where none works."""
    with terminal.ending(False):
        folder = find_root(root)
        (trust.forget if forget else trust.remember)(folder)
        typer.echo(f"{folder} is {'no longer trusted' if forget else 'trusted'}.")


@app.command()
def doctor(
    root: Root = HERE,
    python: Python = None,
    sandbox: Sandbox = None,
    model: ModelName = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Check the interpreter, pytest, the sandbox, the model, memory and disk; each with a fix when wrong."""
    from . import doctor as checks  # here: the other commands start without what it looks at

    with terminal.ending(as_json):
        found = checks.examine(root, python, model, endpoint, preferred(sandbox))
        if as_json:
            terminal.print_json(checks.as_json(found))
        else:
            terminal.results().print(checks.rendered(found))
        raise typer.Exit(0 if all(check.ok for check in found) else 3)


def main() -> None:
    """The command that is asked for needs only its own imports: those of all the others would double the start."""
    if not (sys.argv[1:2] and sys.argv[1] in {"fix", "explain", "undo", "forget", "trust", "doctor"}):
        complete()
    terminal.never_refuse()
    app()


def complete() -> typer.Typer:
    """The app with every command."""
    from .cli_model import model_app
    from .cli_test import write_a_test
    from .cli_trace import trace_app
    from .cli_watch import watch_project
    from .cli_write import write_stub

    app.add_typer(model_app, name="model")
    app.add_typer(trace_app, name="trace")
    app.command(name="watch")(watch_project)
    app.command(name="write")(write_stub)
    app.command(name="test")(write_a_test)
    return app


def _tested(
    project: Project, nodeids: tuple[str, ...], opened: ExitStack, stop: Stop, live: show.Live
) -> tuple[Session, Suite]:
    """A session that ends with `opened`, and what the tests say in it; the sources of what passes are remembered."""
    live.phase("copying the project")
    # What a repair is looked for with is imported while the sandbox starts, which is mostly waiting.
    threading.Thread(target=importlib.import_module, args=("darner.engine.mend",), daemon=True).start()
    began = time.time()
    session = opened.enter_context(open_session(project, trusted=trust.is_trusted(project.root)))
    live.phase("running the tests")
    suite = run_suite(session, nodeids, stop, live.test)
    memory.remember(project.root, suite.passed, began)
    return session, suite


def _relative(project: Project, nodeids: Iterable[str] | None) -> tuple[str, ...]:
    """Node ids may be typed from a sub-folder, as for pytest; the engine counts from the root."""
    return tuple(_from_root(project.root, nodeid) for nodeid in nodeids or ())


def _from_root(root: Path, nodeid: str) -> str:
    path, colons, test = nodeid.partition("::")
    here = Path(path).resolve()
    if here.exists() and here.is_relative_to(root):
        path = here.relative_to(root).as_posix()
    return f"{path}{colons}{test}"


def _follow(events: Iterable[Event], live: show.Live, as_json: bool) -> tuple[FailureReport, ...]:
    """Every report, shown as soon as it is there."""
    reports: list[FailureReport] = []
    for event in events:
        live.event(event)
        if isinstance(event, Done):
            reports.append(event.report)
            if not as_json:
                with live.paused():
                    terminal.results().print(show.report(event.report))
    return tuple(reports)


def _collect(events: Iterable[Event], live: show.Live) -> FailureReport:
    for event in events:
        live.event(event)
        if isinstance(event, Done):
            return event.report
    raise KeyboardInterrupt  # nothing but a cancel ends the events early


def _conclude(suite: Suite, reports: tuple[FailureReport, ...], written: Patch | None, apply: bool) -> None:
    if not reports:
        typer.echo(f"Nothing to repair: {len(suite.passed)} tests pass.")
        return
    terminal.results().print(show.summary(reports))
    if written is not None:
        paths = ", ".join(change.path for change in written.files)
        typer.echo(f"Applied to {paths}. `darner undo` takes it back.")
    elif apply:
        repaired = [r.repairs[0].verdict.proof for r in reports if r.status is FixStatus.REPAIRED]
        few = repaired and not any(proof.believed for proof in repaired)
        typer.echo("Nothing was applied" + ("; --least C applies repairs of less assurance." if few else "."))
    elif any(r.status is FixStatus.REPAIRED for r in reports):
        typer.echo("Nothing was changed; --apply writes the repairs.")


if __name__ == "__main__":
    main()
