"""Who answers a question on the command line: `--answer`, once, or the person at the terminal. Both are remembered."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase
from typing import TypeVar

from rich.console import RenderableType
from rich.text import Text

from . import rulings, show, terminal
from .errors import BadEnvironment, BadInput
from .reply import NEITHER, Ask, Reply, chosen, once, ruling, understood
from .types import FailureReport, Question
from .written import Written

R = TypeVar("R", FailureReport, Written)


def asker(
    root: Path, answer: Reply | None, live: show.Live, as_json: bool, shown: Callable[[R], RenderableType]
) -> Ask[R] | None:
    """`answer`: of `--answer`. Without it a person is asked, where one sits there; None where none does."""
    first = once(answer) if answer is not None else None
    if first is None and (as_json or not (sys.stdin.isatty() and sys.stderr.isatty())):
        return None

    def asked(report: R) -> Reply | None:
        if report.question is None:
            return None
        if first is not None:
            reply = first(report)
        else:
            with live.paused():
                terminal.results().print(shown(report))
                reply = _prompted(report.question)
        if reply is not None:
            _remember(root, report.question, reply)
        return reply

    return asked


def _prompted(question: Question) -> Reply | None:
    """Asks until it is understood; an empty line, or the end of the input, leaves the question open."""
    letters = ", ".join(ascii_uppercase[: len(question.answers)])
    while True:
        terminal.progress().print(Text(f"{letters}, {NEITHER}, or what is right (Enter: not now): ", "bold"), end="")
        text = sys.stdin.readline().strip()
        if not text:
            return None
        try:
            reply = understood(text)
            chosen(question, reply)
        except BadInput as error:
            terminal.say(str(error).removeprefix("--answer "))
        else:
            return reply


def _remember(root: Path, question: Question, reply: Reply) -> None:
    """Raises BadInput for a letter that was not offered."""
    said = ruling(question, reply)
    try:
        rulings.remember(root, said)
    except BadEnvironment as error:
        terminal.say(f"darner: The answer holds for this run and is not remembered: {error}")
