"""Program values inside Markdown: shown as they are, never as mark-up."""

from __future__ import annotations

import re

from ..engine.types import Question
from .describe import short


def code(text: str) -> str:
    """An inline code span; the fence is longer than any run of backticks inside."""
    line = short(text)
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str, language: str) -> str:
    """A fenced block that no text inside can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def escaped(text: str) -> str:
    """Values of a program must not become mark-up; code spans that we wrote ourselves stay."""
    return re.sub(r"([\\*_<>\[\]#])", r"\\\1", text) if "`" not in text else text


def plain(markdown: str) -> str:
    return re.sub(r"\\([\\*_<>\[\]#])", r"\1", markdown).replace("**", "")


def asked(question: Question) -> str:
    """The user's question in one sentence."""
    answers = " or ".join(code(answer.output) for answer in question.answers)
    return f"Two repairs cure this test and differ: for {code(question.input)}, should the result be {answers}?"
