"""A question in the editor: its answers as buttons, and what becomes of the one that the user gives.

The protocol has buttons and no line to write into: who wants to write what is right does it in an input box of the
client's own (`darner.answer`, docs/lsp.md), or where that is missing, in a terminal.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from ..engine import rulings
from ..engine.errors import BadEnvironment
from ..engine.reply import Reply, outcome, ruling
from ..engine.types import Question, Repair, Ruling
from .cases import Example
from .describe import short
from .session import Session

NEITHER = "Neither"
OWN = "Write it myself"


async def pressed(session: Session, text: str, buttons: list[str]) -> str:
    """The button that the user pressed; empty for none, and where the client has none."""
    if not session.snapshot.client.asks:
        return ""
    actions = [lsp.MessageActionItem(title) for title in buttons]
    params = lsp.ShowMessageRequestParams(lsp.MessageType.Info, text, actions)
    try:
        answer = await session.server.window_show_message_request_async(params)
    except JsonRpcException:
        return ""
    return answer.title if answer is not None else ""


async def replied(session: Session, question: Question, two: str, command: str) -> Reply | None:
    """What the user answers by a button. None for nothing, and for what cannot be a button: then it is said how.

    `two`: what the question is about; `command`: of the command line, which takes every answer.
    """
    letters = zip(ascii_uppercase, question.answers, strict=False)
    buttons = {f"{letter}: {short(answer.output, 40)}": Reply(letter=letter) for letter, answer in letters}
    text = f"Two {two}. Which is right for {short(question.input, 80)}?"
    button = await pressed(session, text, [*buttons, NEITHER, OWN])
    if button == OWN:
        session.show(how_to_write(command))
    return Reply() if button == NEITHER else buttons.get(button)


def how_to_write(command: str) -> str:
    return (
        f"Say what is right in a terminal: {command} --answer '[5, 6]', or --answer 'raises ValueError', with your own "
        "value; from then on every search here obeys it."
    )


def heard(root: Path, question: Question, reply: Reply) -> str:
    """Every search obeys the answer from now on; else why not, in one sentence."""
    try:
        rulings.remember(root, ruling(question, reply))
    except BadEnvironment as error:
        return f"The answer cannot be remembered, so no search would obey it: {error}"
    return ""


def set_aside(session: Session, root: Path, nodeid: str, question: Question, reply: Reply) -> None:
    """None of the question's repairs is wanted: they are offered no longer."""
    board = session.board(root)
    case = board.cases.get(nodeid)
    if case is None or case.question != question:
        return
    shown = tuple(case.repairs[answer.candidate].candidate.patch for answer in question.answers)
    example = Example(question.input, reply.right, others=shown, module=question.path) if reply.right else None
    session.put(board.with_case(replace(case, repairs=(), question=None, answered=example)))
    session.changed()


def example_of(session: Session, root: Path, nodeid: str, repair: Repair) -> Example | None:
    """What the user answered: by choosing this repair among those that a question tells apart, or in own words."""
    case = session.board(root).cases.get(nodeid)
    if case is None:
        return None
    candidate = repair.candidate
    if case.question is None:
        return replace(case.answered, path=candidate.path, line=candidate.line) if case.answered else None
    answers = [(answer, case.repairs[answer.candidate]) for answer in case.question.answers]
    chosen = next((answer for answer, one in answers if one == repair), None)
    if chosen is None:
        return None
    others = tuple(one.candidate.patch for answer, one in answers if answer is not chosen)
    asked = case.question
    return Example(asked.input, chosen.output, candidate.path, candidate.line, others, asked.path)


def remember(session: Session, root: Path, example: Example) -> None:
    """The repair that gives this was applied."""
    _kept(session, root, Ruling(example.module, example.input, example.output), rulings.remember)


def take_back(session: Session, root: Path, example: Example) -> None:
    """The repair that was chosen by this answer was undone: the question is open again."""
    _kept(session, root, Ruling(example.module, example.input), rulings.retract)


def _kept(session: Session, root: Path, said: Ruling, keep: rulings.Keeper) -> None:
    try:
        keep(root, said)
    except BadEnvironment as error:
        session.show(f"Your answer about {short(said.call, 80)} is not remembered: {error}", lsp.MessageType.Warning)


def title(example: Example) -> str:
    return f"Add as a test: {short(example.input, 60)} {short(outcome(example.output), 40)}"
