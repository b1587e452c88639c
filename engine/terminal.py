"""The two streams of a command and its one boundary: an error becomes a sentence and an exit code here."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from typing import BinaryIO, cast

import typer
from rich.console import Console
from rich.text import Text

from ..sandbox.errors import SandboxError
from .errors import BadEnvironment, DarnerError
from .report import failed

CANCELLED = 130
_PIPED_COLUMNS = 120


def never_refuse() -> None:
    """What an output in Latin-1 or ASCII cannot hold is a `?` there: no command ends half-way for a check mark."""
    stdout = cast("TextIOWrapper[BinaryIO] | None", sys.stdout)
    if stdout is not None:
        stdout.reconfigure(errors="replace")


def results() -> Console:
    return _console(stderr=False)


def progress() -> Console:
    return _console(stderr=True)


def say(text: str) -> None:
    """One plain sentence on stderr."""
    progress().print(Text(text), soft_wrap=True)


def print_json(value: Mapping[str, object]) -> None:
    typer.echo(json.dumps(value, indent=2))


@contextmanager
def ending(as_json: bool) -> Generator[None]:
    """Turns what ends a command early into its exit code (2 bad input, 3 environment, 130 cancelled)."""
    try:
        yield
    except DarnerError as error:
        message, code = str(error), error.exit_code
    except SandboxError as error:  # as when a file was saved while its copy was at work
        message, code = str(error), BadEnvironment.exit_code
    except KeyboardInterrupt:
        message, code = "Cancelled; no file was changed.", CANCELLED
    else:
        return
    say(f"darner: {message}")
    if as_json:
        print_json(failed(message, code))
    raise typer.Exit(code)


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=_PIPED_COLUMNS)
    return console
