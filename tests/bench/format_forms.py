"""Forms in which a model may be asked for a repair and may write it, and how its answer is put into the file."""

from __future__ import annotations

import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence

from darner.engine import brief, forms
from darner.engine.errors import BadInput
from darner.engine.forms import FENCE
from darner.engine.model import Completion, Ending, Message
from darner.engine.model import Form as Asked
from darner.engine.parse import Unusable
from darner.engine.prompt import Target
from darner.engine.sample import candidate_from
from darner.engine.source import Source
from darner.engine.types import Suspect

_ENDS = ("\n```\n", "\n```")
_LAST_LINE = re.compile(r"Answer with the whole corrected function .*\Z", re.DOTALL)
_SUSPECTS = 3
_SHOWN = ("    return price - discount", "    return max(price - discount, 0)")
"""An edit of other code: models recite placeholders."""
_EDIT = re.compile(r"<{5,} ?SEARCH\n(.*?)\n?={5,}\n(.*?)\n?>{5,} ?REPLACE", re.DOTALL)


class Form(ABC):
    prefill = FENCE
    stop: tuple[str, ...] = _ENDS
    python = True
    """As in the product, an answer ends where it can no longer become Python."""

    def opening(self, target: Target) -> str:
        """What is put into the model's mouth."""
        return self.prefill

    @abstractmethod
    def ask(self, asked: tuple[Message, ...], target: Target, suspects: Sequence[Suspect]) -> tuple[Message, ...]: ...

    @abstractmethod
    def apply(self, text: str, target: Target, suspects: Sequence[Suspect]) -> bytes:
        """The file with the answer in it. Raises Unusable."""


class Whole(Form):
    """The function written again: what Darner asks most models for."""

    def ask(self, asked: tuple[Message, ...], target: Target, suspects: Sequence[Suspect]) -> tuple[Message, ...]:
        return asked

    def apply(self, text: str, target: Target, suspects: Sequence[Suspect]) -> bytes:
        candidate, _ = candidate_from(Completion(text, Ending.STOP, 0), target, "")
        return candidate.patch.files[0].after


class Brief(Form):
    """The same to a brief prompt, the definition begun: what Darner asks small models for."""

    def opening(self, target: Target) -> str:
        return forms.opening(target.function, Asked.BRIEF)

    def ask(self, asked: tuple[Message, ...], target: Target, suspects: Sequence[Suspect]) -> tuple[Message, ...]:
        return brief.repair(target)

    def apply(self, text: str, target: Target, suspects: Sequence[Suspect]) -> bytes:
        candidate, _ = candidate_from(Completion(text, Ending.STOP, 0), target, "", self.opening(target))
        return candidate.patch.files[0].after


class Span(Form):
    """The lines from the first to the last of the three most suspicious statements of the function."""

    python = False

    def ask(self, asked: tuple[Message, ...], target: Target, suspects: Sequence[Suspect]) -> tuple[Message, ...]:
        shown = textwrap.dedent("\n".join(_lines(target, suspects)))
        return _asked_otherwise(
            asked,
            f"These lines of it are suspected:\n```python\n{shown}\n```\n\n"
            "Answer with the corrected text of only these lines in one Python code block, and nothing else.",
        )

    def apply(self, text: str, target: Target, suspects: Sequence[Suspect]) -> bytes:
        first, last = _span(target, suspects)
        return _put(target.source, first, last, text.split("\n```")[0])


class Replace(Form):
    """Edits: lines to find, and what takes their place."""

    prefill = "<<<<<<< SEARCH\n"
    stop = ()
    python = False

    def ask(self, asked: tuple[Message, ...], target: Target, suspects: Sequence[Suspect]) -> tuple[Message, ...]:
        return _asked_otherwise(
            asked,
            "Answer with edits to the faulty function, as few lines as possible, and nothing else: old lines of it, "
            f"copied exactly, and the new lines in their place. Were `{_SHOWN[0]}` wrong, the edit would be:\n"
            f"<<<<<<< SEARCH\n{_SHOWN[0]}\n=======\n{_SHOWN[1]}\n>>>>>>> REPLACE",
        )

    def apply(self, text: str, target: Target, suspects: Sequence[Suspect]) -> bytes:
        edits = _EDIT.findall(self.prefill + text)
        if not edits:
            raise Unusable("The answer holds no edit.")
        source = target.source
        for old, new in edits:
            first, last = _found(source, target, old)
            source = Source.parse(source.path, _put(source, first, last, new))
        return source.data


FORMS: dict[str, Form] = {"whole": Whole(), "brief": Brief(), "span": Span(), "replace": Replace()}


def _asked_otherwise(asked: tuple[Message, ...], how: str) -> tuple[Message, ...]:
    user = asked[-1]
    return (*asked[:-1], Message(user.role, _LAST_LINE.sub(lambda _: how, user.content)))


def _span(target: Target, suspects: Sequence[Suspect]) -> tuple[int, int]:
    f = target.function
    inside = [s for s in suspects if s.path == target.source.path and f.body_line <= s.line <= s.end_line <= f.end_line]
    chosen = inside[:_SUSPECTS]
    if not chosen:
        return f.body_line, f.end_line
    return min(s.line for s in chosen), max(s.end_line for s in chosen)


def _lines(target: Target, suspects: Sequence[Suspect]) -> list[str]:
    first, last = _span(target, suspects)
    return [target.source.line_text(n) for n in range(first, last + 1)]


def _put(source: Source, first: int, last: int, text: str) -> bytes:
    """These lines exchanged, at the indentation of the first of them. Raises Unusable."""
    lines = textwrap.dedent(text.rstrip()).split("\n") if text.strip() else []
    own = source.indent(first)
    laid = "".join((own + line if line.strip() else "") + source.newline for line in lines)
    try:
        after = source.splice([(source.line_start(first), source.line_start(last + 1), laid)])
        Source.parse(source.path, after)
    except BadInput as error:
        raise Unusable(f"The code does not parse in its place: {error}.") from error
    return after


def _found(source: Source, target: Target, old: str) -> tuple[int, int]:
    """The only place of the function whose lines are these, whatever the indentation. Raises Unusable."""
    wanted = [line.strip() for line in old.strip("\n").split("\n")]
    if not any(wanted):
        raise Unusable("An edit looks for nothing.")
    begin, end = target.function.first_line, len(source.data.splitlines()) + 1
    spans = [(n, n + len(wanted) - 1) for n in range(begin, end)]
    found = [(a, b) for a, b in spans if [source.line_text(n).strip() for n in range(a, b + 1)] == wanted]
    if len(found) != 1:
        raise Unusable("An edit looks for lines that are not there." if not found else "An edit fits several places.")
    return found[0]
