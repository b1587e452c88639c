"""`darner trace ...`: records of runs, kept only when the user wants them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from . import adopted, replay, show, terminal, trace, trust
from .answers import TraceList, TraceReplay, TraceShow
from .cli_options import Json
from .errors import BadEnvironment
from .events import Done
from .interrupt import interruptible
from .mend import mend
from .project import open_project
from .replay import RecitingModel, Recording
from .suite import run_suite
from .trial import open_session
from .types import FailureReport

trace_app = typer.Typer(
    name="trace",
    help="Record repairs, here and in the editor, for replay and training. Off by default: a trace holds source.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="A trace, by the beginning of its name or by its path; the newest if none.")]


@trace_app.command()
def on() -> None:
    """Record every repair that is asked for from now on, in files that only you can read."""
    with terminal.ending(False):
        trace.switch(True)
        typer.echo(f"Runs are recorded in {trace.folder()}. They hold source; `darner trace wipe` deletes them.")


@trace_app.command()
def off() -> None:
    """Record nothing; what was recorded stays until `darner trace wipe`."""
    with terminal.ending(False):
        trace.switch(False)
        typer.echo(f"Nothing is recorded any more; {len(replay.recordings())} traces are still here.")


@trace_app.command()
def wipe() -> None:
    """Delete every trace, and the records and adapters that `darner-train learn` made of them."""
    with terminal.ending(False):
        found = replay.recordings()
        for path in found:
            path.unlink(missing_ok=True)
        taken = adopted.forget_below(trace.learnt())
        learnt = _removed(trace.learnt())
        typer.echo(f"{len(found)} traces deleted{', with what was learnt from them' if learnt else ''}.")
        for base in taken:
            typer.echo(f"The adapter learnt from them over {base} is gone too; the next request goes without it.")


def _removed(folder: Path) -> bool:
    """False when there was none."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadEnvironment(f"{folder} cannot be deleted ({error.strerror}); delete it by hand.") from error
    return True


@trace_app.command(name="list")
def list_traces(as_json: Json = False) -> None:
    """The traces on this machine, newest first."""
    with terminal.ending(as_json):
        names = [path.name for path in replay.recordings()]
        if as_json:
            terminal.print_json(TraceList(version=1, on=trace.is_on(), folder=str(trace.folder()), traces=names))
            return
        for name in names:
            typer.echo(name)
        typer.echo(f"{len(names)} traces in {trace.folder()}; recording is {'on' if trace.is_on() else 'off'}.")
        if trace.learnt().is_dir():
            typer.echo(f"What was learnt from traces is in {trace.learnt()}.")


@trace_app.command(name="show")
def show_trace(name: Name = "", as_json: Json = False) -> None:
    """Tell a recorded run: what was asked, what the model said, and each report."""
    with terminal.ending(as_json):
        recording = replay.read(replay.find(name))
        if as_json:
            terminal.print_json(TraceShow(version=1, start=recording.start, rows=list(recording.rows)))
            return
        _tell(recording)


@trace_app.command(name="replay")
def replay_trace(name: Name = "", as_json: Json = False) -> None:
    """Run a recorded repair again with the model's recorded answers; exit code 1 when it ends differently."""
    with terminal.ending(as_json):
        recording = replay.read(replay.find(name))
        changed = replay.changed_files(recording)
        if changed:
            terminal.say(
                f"darner: {len(changed)} files changed since, {changed[0]} first; the run may end differently."
            )
        reports, unknown = _run_again(recording)
        different = _different(reports, recording.reports)
        if as_json:
            told = TraceReplay(
                version=1,
                trace=str(recording.path),
                changed=list(changed),
                unknown_requests=unknown,
                different=different,
            )
            terminal.print_json(told)
        else:
            for new in reports:
                terminal.results().print(show.report(new))
            typer.echo(f"Ended differently: {', '.join(different)}." if different else "It ended as it did then.")
        raise typer.Exit(1 if different else 0)


def _run_again(recording: Recording) -> tuple[tuple[FailureReport, ...], int]:
    start = recording.start
    model = RecitingModel(recording) if start["model"] else None
    with interruptible() as (stop, opened):
        project = open_project(Path(start["root"]), start["python"])
        session = opened.enter_context(open_session(project, trusted=trust.is_trusted(project.root)))
        suite = run_suite(session, tuple(start["nodeids"]), stop)
        seed, said = start["seed"], recording.rulings
        events = mend(session, suite, model, recording.budget, stop, ask=recording.ask(), rulings=said, seed=seed)
        reports = tuple(event.report for event in events if isinstance(event, Done))
    return reports, model.unknown if model else 0


def _different(now: Sequence[FailureReport], then: Sequence[FailureReport]) -> list[str]:
    """Tests that one of the two runs ended with otherwise, or not at all."""
    unlike = {*map(_gist, now)} ^ {*map(_gist, then)}
    return list(dict.fromkeys(found.nodeid for found in (*now, *then) if _gist(found) in unlike))


def _gist(found: FailureReport) -> tuple[object, ...]:
    return found.nodeid, found.status, tuple(repair.candidate.patch for repair in found.repairs[:1])


def _tell(recording: Recording) -> None:
    start, results = recording.start, terminal.results()
    results.print(
        Text(f"{recording.path.name}: {start['root']}, budget {start['budget']['name']}, seed {start['seed']}")
    )
    for row in recording.rows:
        if row["kind"] == "asked" and "said" in row:
            said = row["said"]
            results.print(Text(f"the model was asked for {len(said)}: {sum(c['tokens'] for c in said)} tokens"))
        elif row["kind"] == "asked":
            results.print(Text(f"the model weighed {len(row['continuations'])} candidates"))
        elif row["event" if row["kind"] == "event" else "kind"] == "Phase":
            results.print(Text(row["data"]["text"]))
    for found in recording.reports:
        results.print(show.report(found))
    results.print(Text(f"The run {'finished' if recording.ended == 'finished' else 'ended: ' + recording.ended}."))
