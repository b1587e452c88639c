"""Text as the protocol sees it: lines, positions in the client's units, and minimal edits.

Only CR LF, LF and CR end a line in the protocol. `str.splitlines` (and with it pygls' own documents) also splits at
form feeds and other separators that real Python sources contain, so positions and edits are computed here.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from lsprotocol import types as lsp

from .line_starts import LineStarts
from .outline import Outline

_BOM = "\ufeff"
_HUGE = 2_000_000
"""Characters; about a tenth of a second to find every definition in."""


class Encoding(StrEnum):
    """The unit in which a client counts characters."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"

    def width(self, text: str) -> int:
        """Units that `text` takes."""
        if text.isascii():
            return len(text)
        if self is Encoding.UTF8:
            return len(text.encode("utf-8", "surrogatepass"))
        if self is Encoding.UTF16:
            return len(text) + sum(character > "\uffff" for character in text)
        return len(text)


@dataclass(frozen=True, eq=False)
class Text:
    """A document's text with its line table. Equal only to itself: comparing would cost its length."""

    given: str | LineStarts

    @cached_property
    def text(self) -> str:
        return self.given if isinstance(self.given, str) else self.given.text

    @cached_property
    def starts(self) -> LineStarts:
        """Offset of the first character of every line; a text with a final newline has an empty last line."""
        return LineStarts.of(self.given) if isinstance(self.given, str) else self.given

    @property
    def huge(self) -> bool:
        """Too long to be read as a whole after every key: what needs that is left out."""
        return self.starts.length > _HUGE

    @cached_property
    def lines(self) -> list[str]:
        """Every line with its terminator."""
        return [self.text[start:end] for start, end in pairwise([*self.starts, len(self.text)])]

    @cached_property
    def outline(self) -> Outline:
        return Outline({}) if self.huge else Outline.of(self.text, self.starts)

    @cached_property
    def by_content(self) -> dict[str, list[int]]:
        """The lines, by number, that hold each stripped text."""
        found: dict[str, list[int]] = {}
        for index, line in enumerate(() if self.huge else self.lines):
            found.setdefault(line.strip(), []).append(index)
        return found

    def line(self, index: int) -> str:
        """The line without its terminator; empty when there is no such line."""
        if not 0 <= index < len(self.starts):
            return ""
        return self.starts.cut(self.starts[index], self.starts.end(index)).rstrip("\r\n")

    def position(self, offset: int, encoding: Encoding) -> lsp.Position:
        """Where the character at `offset` (code points) is, in the client's units."""
        line = self.starts.line_at(offset)
        return lsp.Position(line, encoding.width(self.starts.cut(self.starts[line], offset)))

    def offset(self, position: lsp.Position, encoding: Encoding) -> int:
        """Inverse of `position`; what lies beyond the end of a line or of the text is clamped, as the protocol says."""
        if position.line >= len(self.starts):
            return len(self.text)
        line = self.line(position.line)
        start = self.starts[position.line]
        if encoding is Encoding.UTF32 or line.isascii():
            return start + min(position.character, len(line))
        units = 0
        for index, character in enumerate(line):
            if units >= position.character:
                return start + index
            units += encoding.width(character)
        return start + len(line)

    def line_range(self, index: int, encoding: Encoding) -> lsp.Range:
        """The line from its first visible character to its end."""
        known = self._ranges.get((index, encoding))
        if known is None:
            known = self._ranges[index, encoding] = _visible(index, self.line(index), encoding)
        return known

    @cached_property
    def _ranges(self) -> dict[tuple[int, Encoding], lsp.Range]:
        """Thousands of tests can fail on a few lines."""
        return {}

    def changed(self, span: lsp.Range, replacement: str, encoding: Encoding) -> Text:
        """The text after one incremental change of the client's."""
        start, end = self.offset(span.start, encoding), self.offset(span.end, encoding)
        return Text(self.starts.changed(start, end, replacement))


def _visible(index: int, line: str, encoding: Encoding) -> lsp.Range:
    indent = len(line) - len(line.lstrip())
    indent = 0 if indent == len(line) else indent
    return lsp.Range(
        lsp.Position(index, encoding.width(line[:indent])), lsp.Position(index, encoding.width(line.rstrip()))
    )


def edits(before: str, after: str, encoding: Encoding) -> list[lsp.TextEdit]:
    """The smallest line hunks, each trimmed to the characters that differ, that turn `before` into `after`."""
    old, new = Text(before), Text(after)
    found: list[lsp.TextEdit] = []
    for i1, i2, j1, j2 in _hunks(old.lines, new.lines):
        start = old.starts[i1] if i1 < len(old.starts) else len(before)
        removed = "".join(old.lines[i1:i2])
        inserted = "".join(new.lines[j1:j2])
        head, tail = _common(removed, inserted)
        span = lsp.Range(old.position(start + head, encoding), old.position(start + len(removed) - tail, encoding))
        found.append(lsp.TextEdit(span, inserted[head : len(inserted) - tail]))
    return found


def _hunks(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Differing runs: start and end in `old`, then in `new`. Equal ends are cut first: the matcher is quadratic."""
    shortest = min(len(old), len(new))
    head = next((i for i in range(shortest) if old[i] != new[i]), shortest)
    rest = shortest - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    matcher = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            yield head + i1, head + i2, head + j1, head + j2


def _common(removed: str, inserted: str) -> tuple[int, int]:
    """Lengths of the equal start and end. No position exists between a CR and its LF, so none is cut there."""
    shortest = min(len(removed), len(inserted))
    head = next((i for i in range(shortest) if removed[i] != inserted[i]), shortest)
    if any(_splits_newline(text, head) for text in (removed, inserted)):
        head -= 1
    rest = shortest - head
    tail = next((i for i in range(rest) if removed[-1 - i] != inserted[-1 - i]), rest)
    if any(_splits_newline(text, len(text) - tail) for text in (removed, inserted)):
        tail -= 1
    return head, tail


def _splits_newline(text: str, offset: int) -> bool:
    return text[max(0, offset - 1) : offset + 1] == "\r\n" and offset > 0


def decode(data: bytes) -> tuple[str, str] | None:
    """A source file's text as an editor shows it (no byte-order mark) and its encoding; None when it has no text."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding), encoding
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None


def shows(document: str, data: bytes) -> bool:
    """The document's text is exactly these bytes. Some clients keep a byte-order mark in the text, most strip it."""
    decoded = decode(data)
    return decoded is not None and document.removeprefix(_BOM) == decoded[0]


def file_edits(document: str, before: bytes, after: bytes, encoding: Encoding) -> list[lsp.TextEdit] | None:
    """Edits that turn the document, which must show exactly `before`, into exactly `after`; None when it does not."""
    old, new = decode(before), decode(after)
    if old is None or new is None or old[1] != new[1] or not shows(document, before):
        return None
    mark = _BOM if document.startswith(_BOM) else ""
    return edits(document, mark + new[0], encoding)
