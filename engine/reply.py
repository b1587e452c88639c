"""What the user answers to a question: one of its behaviours, neither of them, or what is right in their own words.

Their words are read as a literal, never evaluated: an answer may come from a script, or from a page that was copied.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import TypeVar

from .errors import BadInput
from .literals import RAISES, agrees, exception, is_value
from .types import FailureReport, FixStatus, Question, Repair, Ruling

NEITHER = "neither"
R = TypeVar("R")
_LONGEST = 4_000
"""Characters of a value; a longer result is cut before it is compared."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Neither of the shown behaviours, when both fields are empty."""

    letter: str = ""
    right: str = ""
    """The outcome as the user wrote it: a literal, or `raises ValueError`."""


Ask = Callable[[R], Reply | None]
"""Asks a user the report's question; None leaves it open."""


def understood(text: str) -> Reply:
    """`A`, `neither`, `[5, 6]` or `raises ValueError`. Raises BadInput with one sentence."""
    words = text.strip()
    if len(words) == 1 and words.isascii() and words.isalpha():
        return Reply(letter=words.upper())
    if words.lower() == NEITHER:
        return Reply()
    if len(words) > _LONGEST:
        raise BadInput(f"The answer is longer than {_LONGEST:,} characters; say it with a smaller value.")
    name = words.removeprefix(RAISES).strip()
    if exception(name) is not None:
        return Reply(right=f"{RAISES}{name}")
    if not words.startswith(RAISES) and is_value(words):
        return Reply(right=ast.unparse(ast.parse(words, mode="eval")))
    raise BadInput(
        f"{words[:80]!r} is no answer; say A or B, neither, or what is right: a Python literal, as in [5, 6] or "
        "'text', or a built-in exception, as in raises ValueError."
    )


def chosen(question: Question, reply: Reply) -> int | None:
    """Which of the question's answers is meant, also by its value; None for none, and for a value that both give.

    Raises BadInput for a letter that was not offered.
    """
    if reply.letter:
        offered = ascii_uppercase[: len(question.answers)]
        if reply.letter not in offered:
            others = f"{', '.join(offered)}, {NEITHER}, or what is right"
            raise BadInput(f"--answer {reply.letter!r} is not an answer to the question; use one of {others}.")
        return offered.index(reply.letter)
    said = [at for at, answer in enumerate(question.answers) if reply.right and agrees(reply.right, answer.output)]
    return said[0] if len(said) == 1 else None


def ruling(question: Question, reply: Reply) -> Ruling:
    """What is known of the question's call from now on."""
    at = chosen(question, reply)
    if at is not None:
        return Ruling(question.path, question.input, question.answers[at].output)
    if reply.right:
        return Ruling(question.path, question.input, reply.right)
    return Ruling(question.path, question.input, wrong=tuple(answer.output for answer in question.answers))


def rejects(said: Ruling, output: str) -> bool:
    """The user said that the call does not give this output of `Answer`."""
    if said.right:
        return not agrees(said.right, output)
    return output in said.wrong


def once(reply: Reply) -> Callable[[object], Reply | None]:
    """Answers the first question, and leaves those open that come after it."""
    left = [reply]
    return lambda _: left.pop() if left else None


def settled(report: FailureReport, reply: Reply) -> FailureReport:
    """The report with the chosen behaviour's repair first, as repaired; the same where no behaviour was chosen."""
    at = chosen(report.question, reply) if report.question is not None else None
    if report.question is None or at is None:
        return report
    repairs, note = answered(report.question, report.repairs, at)
    rulings = (*report.rulings, ruling(report.question, reply))
    return replace(report, status=FixStatus.REPAIRED, repairs=repairs, question=None, note=note, rulings=rulings)


def answered(question: Question, repairs: Sequence[Repair], at: int) -> tuple[tuple[Repair, ...], str]:
    """The chosen repair first, and a sentence about it."""
    first = repairs[question.answers[at].candidate]
    note = f"Answer {ascii_uppercase[at]} was chosen: {question.input} {outcome(question.answers[at].output)}."
    return (first, *(r for r in repairs if r is not first)), note


def outcome(text: str) -> str:
    """`gives [5]`, `raises ValueError`."""
    return text if text.startswith(RAISES) else f"gives {text}"


def none_agrees(rulings: Sequence[Ruling], count: int, more: str) -> str:
    """Why nothing is offered though something passes: what was said, and what to do."""
    said = "; ".join(told(one) for one in rulings)
    those = f"{count} candidates pass" if count > 1 else "One candidate passes"
    return (
        f"You said: {said}. {those} the tests but not that, and {more}; write it yourself, or take back what you said "
        "with `darner forget`."
    )


def told(said: Ruling) -> str:
    """`f(2) gives [5]`, `f(2) raises ValueError`, `f(2) gives neither 1 nor 2`."""
    if said.right:
        return f"{said.call} {outcome(said.right)}"
    if not any(each.startswith(RAISES) for each in said.wrong):
        return f"{said.call} gives neither {' nor '.join(said.wrong)}"
    return f"{said.call} neither {' nor '.join(outcome(each) for each in said.wrong)}"
