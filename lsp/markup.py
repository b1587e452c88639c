"""Program values inside Markdown: shown as they are, never as mark-up."""

from __future__ import annotations

import re

from ..engine.types import Question
from .describe import short

_ACTIVE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])|[*<~]|&(?=[#\w]+;)|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])|^[#>]", re.MULTILINE
)
"""What a reader of Markdown would not take for itself: a backslash before punctuation, stars, tags, tildes, entities,
underscores at the edge of a word, the end of a link's text, the sign of a heading or a quotation at a line's start."""

_WRITTEN = re.compile(r"(`+).*?\1|\\([!-/:-@\[-`{-~])", re.DOTALL)
"""Code, or a character with the backslash that `escaped` gave it."""


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
    """Values of a program must not become mark-up; code spans that we wrote ourselves stay.

    No more than that needs: some editors show the backslashes, and `test_total` or `[1, 2]` are what they look like.
    """
    return _ACTIVE.sub(r"\\\g<0>", text) if "`" not in text else text


def plain(markdown: str) -> str:
    """Without the mark-up that we wrote: a line in bold, and the backslashes of `escaped`. Code stays as it is."""
    told = re.sub(r"^\*\*(.*)\*\*$", r"\1", markdown, flags=re.MULTILINE)
    return _WRITTEN.sub(lambda found: found[2] or found[0], told)


def asked(question: Question) -> str:
    """The user's question in one sentence."""
    answers = " or ".join(code(answer.output) for answer in question.answers)
    input_ = code(question.input)
    return f"Two repairs cure this test and differ: for {input_}, should the result be {answers}, or neither?"
