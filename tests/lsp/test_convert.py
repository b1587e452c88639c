"""Applying an edit must give exactly the verified bytes, in any encoding and with any line ends."""

from __future__ import annotations

from itertools import pairwise

import pytest
from darner.lsp.convert import Encoding, Text, decode, edits, file_edits
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

PIECES = [
    "a",
    "b",
    "x = 1",
    "\t",
    " ",
    "é",
    "🦋",
    "\U00010400",
    "\n",
    "\r\n",
    "\r",
    "\f",
    "\x0b",
    "\u2028",
    "\x85",
    "def f():",
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
encodings = st.sampled_from(list(Encoding))
UNIT = {Encoding.UTF8: ("utf-8", 1), Encoding.UTF16: ("utf-16-le", 2), Encoding.UTF32: ("utf-32-le", 4)}


def client_lines(text: str) -> list[str]:
    """Lines as the protocol defines them, by a scan that shares nothing with the code under test."""
    lines, line, i = [""], "", 0
    while i < len(text):
        end = "\r\n" if text[i : i + 2] == "\r\n" else text[i] if text[i] in "\r\n" else ""
        line = line + (end or text[i])
        lines[-1] = line
        if end:
            lines.append("")
            line = ""
        i += len(end) or 1
    return lines


def client_offset(text: str, position: lsp.Position, encoding: Encoding) -> int:
    """Where a client puts a position; refuses one that is inside a character or behind the line's end."""
    lines = client_lines(text)
    line = lines[position.line].rstrip("\r\n")
    codec, size = UNIT[encoding]
    data = line.encode(codec)
    assert position.character * size <= len(data), "behind the end of the line"
    return sum(map(len, lines[: position.line])) + len(data[: position.character * size].decode(codec))


def applied(text: str, changes: list[lsp.TextEdit], encoding: Encoding) -> str:
    """As a client applies them: all ranges in the old text, last first, none overlapping."""
    spans = sorted(
        (client_offset(text, e.range.start, encoding), client_offset(text, e.range.end, encoding), e.new_text)
        for e in changes
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans)), "edits overlap"
    for start, end, new in reversed(spans):
        text = text[:start] + new + text[end:]
    return text


@given(texts, texts, encodings)
def test_applying_the_edits_gives_exactly_the_other_text(before: str, after: str, encoding: Encoding) -> None:
    """Whatever the texts are: a repair that arrives with one wrong byte was never verified."""
    assert applied(before, edits(before, after, encoding), encoding) == after


@given(st.lists(texts.map(lambda t: t + "\n"), min_size=3, max_size=12), st.data(), encodings)
def test_an_edit_touches_only_the_lines_that_differ(lines: list[str], data: st.DataObject, encoding: Encoding) -> None:
    """Cursors, marks and folds elsewhere in the user's document stay where they are."""
    at = data.draw(st.integers(0, len(lines) - 1))
    before, after = "".join(lines), "".join([*lines[:at], "new line\n", *lines[at + 1 :]])

    changes = edits(before, after, encoding)

    start = len(client_lines("".join(lines[:at]))) - 1
    end = len(client_lines("".join(lines[: at + 1]))) - 1
    assert all(start <= e.range.start.line and e.range.end.line <= end for e in changes)


@given(texts, encodings)
def test_equal_texts_need_no_edit(text: str, encoding: Encoding) -> None:
    """Nothing must be marked as changed for nothing."""
    assert edits(text, text, encoding) == []


@given(texts, encodings, st.data())
def test_an_offset_survives_the_way_through_the_clients_units(
    text: str, encoding: Encoding, data: st.DataObject
) -> None:
    """Between CR and LF there is no position; everywhere else the two directions must agree."""
    offset = data.draw(st.integers(0, len(text)))
    if text[max(0, offset - 1) : offset + 1] == "\r\n" and offset:
        return

    position = Text(text).position(offset, encoding)

    assert Text(text).offset(position, encoding) == offset
    assert client_offset(text, position, encoding) == offset


@given(texts, texts, encodings, st.data())
def test_a_clients_change_is_applied_as_the_client_applied_it(
    text: str, new: str, encoding: Encoding, data: st.DataObject
) -> None:
    """If our copy of the document drifted, every later edit would land in the wrong place."""
    cuts = [i for i in range(len(text) + 1) if not (i and text[i - 1 : i + 1] == "\r\n")]
    start, end = sorted((data.draw(st.sampled_from(cuts)), data.draw(st.sampled_from(cuts))))
    span = lsp.Range(Text(text).position(start, encoding), Text(text).position(end, encoding))

    changed = Text(text).changed(span, new, encoding)

    assert changed.text == text[:start] + new + text[end:]
    assert list(changed.starts) == list(Text(changed.text).starts)


@pytest.mark.parametrize(
    ("codec", "source"),
    [
        ("utf-8", "x = '🦋'  # a\r\ny = 1\r\n"),
        ("utf-8-sig", "x = 1  # a\ny = '\U00010400'"),
        ("latin-1", "# -*- coding: latin-1 -*-\nx = 'é'  # a\n"),
    ],
    ids=["crlf", "bom", "latin-1"],
)
@pytest.mark.parametrize("encoding", Encoding)
def test_what_the_editor_saves_after_the_edit_is_the_verified_file(codec: str, source: str, encoding: Encoding) -> None:
    """The editor keeps the file's own encoding and mark; the edit must fit what it shows."""
    before, after = source.encode(codec), source.replace("# a", "# Ä" * 2).encode(codec)

    changes = file_edits(source, before, after, encoding)

    assert changes is not None
    assert applied(source, changes, encoding).encode(codec) == after


@given(texts, texts, encodings, st.sampled_from(["", "stripped", "kept"]))
def test_whatever_the_file_the_edited_document_is_saved_as_the_verified_bytes(
    before: str, after: str, encoding: Encoding, mark: str
) -> None:
    """With a byte-order mark, which a client strips or keeps in the text, or without; with any line ends and none."""
    codec, shown = ("utf-8-sig" if mark else "utf-8"), ("\ufeff" if mark == "kept" else "")

    changes = file_edits(shown + before, before.encode(codec), after.encode(codec), encoding)

    assert changes is not None
    saved = applied(shown + before, changes, encoding).encode("utf-8" if mark == "kept" else codec)
    assert saved == after.encode(codec)


def test_an_edit_is_refused_when_the_document_says_something_else() -> None:
    """It was verified on other text; positions in this one mean nothing."""
    assert file_edits("x = 2\n", b"x = 1\n", b"x = 3\n", Encoding.UTF16) is None


def test_a_client_that_keeps_the_byte_order_mark_in_the_text_gets_edits_behind_it() -> None:
    """Some clients strip the mark, some do not; both must end with the verified text."""
    document = "\ufeffx = 1\n"

    changes = file_edits(document, b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbfx = 2\n", Encoding.UTF16)

    assert changes is not None
    assert applied(document, changes, Encoding.UTF16) == "\ufeffx = 2\n"


def test_bytes_without_a_text_have_none() -> None:
    """A file that claims UTF-8 and is not is declined, not guessed."""
    assert decode(b"x = '\xff'\n") is None


def test_a_huge_text_is_edited_and_not_searched() -> None:
    """A key stroke in a generated file of megabytes must cost its neighbourhood only."""
    text = Text("def total():\r\n    pass\n" * 100_000)
    spot = lsp.Position(1000, 4)

    changed = text.changed(lsp.Range(spot, spot), "🦋", Encoding.UTF16)

    assert changed.line(1000) == "def 🦋total():"
    assert changed.text == text.text[: text.offset(spot, Encoding.UTF16)] + "🦋" + text.text[changed.starts[1000] + 4 :]
    assert changed.huge
    assert changed.outline.first("total", -1) is None
    assert Text("def total(): ...\n").outline.first("total", -1) == 0
