"""The command `darner write`: the body of a stub, judged, shown, and written when asked to."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, closing
from typing import Annotated

import typer

from ..sandbox.session import Session
from ..sandbox.types import Assurance, Detail
from . import report_write, show, show_write, terminal, trust, undo
from .cli_answer import asker
from .cli_model import open_model
from .cli_options import HERE, Adapter, Agree, Answer, Endpoint, Json, ModelName, Python, Root, Seed, asked_project
from .config import parse_budget
from .errors import BadEnvironment
from .events import Event
from .interrupt import ignore_signals, interruptible
from .project import Project
from .reply import understood
from .rulings import recall
from .stop import Stop
from .stub import find, must_be_stub
from .suite import Suite, run_suite
from .trial import open_session
from .types import Patch
from .write import write
from .written import WriteStatus, Written, Wrote

Target = Annotated[str, typer.Argument(help="The function: FILE::NAME, as in cart.py::Cart.total.")]


def write_stub(
    target: Target,
    root: Root = HERE,
    apply: Annotated[bool, typer.Option("--apply", help="Write the body; `darner undo` takes it back.")] = False,
    least: Annotated[Assurance, typer.Option("--least", help="Assurance that --apply asks of it.")] = Assurance.B,
    as_json: Json = False,
    budget: Annotated[str, typer.Option("--budget", help="normal, deep or seconds.")] = "normal",
    model: ModelName = None,
    endpoint: Endpoint = None,
    adapter: Adapter = None,
    python: Python = None,
    agree: Agree = False,
    answer: Answer = None,
    seed: Seed = 0,
) -> None:
    """Write the body of a stub: what passes the tests that call it, its doctests, or tests that agree with it."""
    with terminal.ending(as_json):
        spending = parse_budget(budget)
        reply = understood(answer) if answer is not None else None
        with interruptible() as (stop, opened):
            project = asked_project(root, python, None, agree)
            meant = find(project.root, target)
            must_be_stub(meant)
            llm = open_model(model, wanted=True, endpoint=endpoint, adapter=adapter)
            if llm is None:
                raise BadEnvironment("Writing needs a model; `darner model pull qwen2.5-coder-1.5b` fetches one.")
            opened.enter_context(closing(llm))
            live = opened.enter_context(show.Live(terminal.progress()).shown())
            session, suite = covered_suite(project, opened, stop, live)
            ask = asker(project.root, reply, live, as_json, show_write.written)
            said = recall(project.root)
            written = _follow(write(session, suite, meant, llm, spending, stop, seed, said, ask), live)
            guarantees = session.guarantees
        patch = _to_apply(written, least) if apply else None
        if patch is not None:
            ignore_signals()
            undo.apply(project.root, patch, f"body of {written.name}")
        if as_json:
            terminal.print_json(report_write.written(llm.name, guarantees, written, patch))
        else:
            terminal.results().print(show_write.written(written))
            typer.echo(_conclusion(written, patch, apply))
        raise typer.Exit(0 if written.status is WriteStatus.WRITTEN and written.question is None else 1)


def covered_suite(project: Project, opened: ExitStack, stop: Stop, live: show.Live) -> tuple[Session, Suite]:
    """A session that ends with `opened`, and the whole suite run in it once, by lines; it may hold no test yet."""
    live.phase("copying the project")
    session = opened.enter_context(open_session(project, trusted=trust.is_trusted(project.root)))
    live.phase("running the tests")
    return session, run_suite(session, (), stop, live.test, Detail.COVERAGE, may_be_empty=True)


def _follow(events: Iterable[Event | Wrote], live: show.Live) -> Written:
    for event in events:
        if isinstance(event, Wrote):
            return event.report
        live.event(event)
    raise KeyboardInterrupt  # nothing but a cancel ends the events early


def _to_apply(written: Written, least: Assurance) -> Patch | None:
    """The body, when nothing is left to ask and it is believed enough."""
    believed = bool(written.repairs) and written.repairs[0].verdict.proof.assurance <= least
    return written.repairs[0].candidate.patch if believed and written.question is None else None


def _conclusion(written: Written, patch: Patch | None, apply: bool) -> str:
    if patch is not None:
        paths = ", ".join(change.path for change in patch.files)
        return f"Applied to {paths}. `darner undo` takes it back."
    if not apply:
        return "Nothing was changed; --apply writes it." if written.repairs else "Nothing was changed."
    if written.repairs and written.question is None:
        return "Nothing was applied; --least C writes a body of less assurance."
    return "Nothing was applied."
