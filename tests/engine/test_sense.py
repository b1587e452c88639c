"""Edits that cannot make sense come last: by the kinds of values that were seen, and by the words of the docstring."""

from __future__ import annotations

import ast

import pytest
from darner.engine.kinds import clashes, kind, kind_of_repr
from darner.engine.mutate import mutants
from darner.engine.source import Source

KNOWN = {"n": "num", "text": "str", "items": "list", "table": "dict", "done": "bool", "size()": "num"}


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", "num"), ("-2.5", "num"), ("'a'", "str"), ("[1]", "list"), ("(1,)", "tuple"), ("{}", "dict"),
        ("{1: 2}", "dict"), ("{1, 2}", "set"), ("set()", "set"), ("None", "none"), ("True", "bool"),
        ("<object>", ""), ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_a_kind_is_told_from_a_repr(value: str | None, expected: str) -> None:
    """That is all that a trace keeps of a value."""
    assert kind_of_repr(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n + 1", "num"), ("text + 'x'", "str"), ("text * n", "str"), ("text[0]", "str"), ("text[1:]", "str"),
        ("items[0]", ""), ("items[1:]", "list"), ("sorted(text)", "list"), ("len(items)", "num"), ("not n", "bool"),
        ("text.upper()", "str"), ("size(text)", "num"), ("n if done else 1", "num"), ("n or text", ""),
        ("max(n, 3)", "num"), ("unknown + unseen", ""), ("'%s' % n", "str"), ("[x for x in items]", "list"),
    ],
)  # fmt: skip
def test_a_kind_is_told_from_an_expression_or_left_open(text: str, expected: str) -> None:
    """A wrong guess would hide a good edit behind bad ones."""
    assert kind(parsed(text), KNOWN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "text - 1", "n + text", "len(n)", "abs(text)", "n.lower()", "items.lower()", "text < n", "n in n", "n[0]",
        "text[items]", "done + 1", "items * items", "-text", "table + 1", "range(n, 0)", "sorted(done)",
    ],
)  # fmt: skip
def test_what_cannot_work_clashes(text: str) -> None:
    """Python would refuse it, or it says nothing."""
    assert clashes(parsed(text), KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "text + 'a'", "text * 2", "'%d' % n", "items + [n]", "items[n]", "table[text]", "n in items", "text in table",
        "unknown - 1", "len(unknown)", "n == unknown", "text.lower()", "table.get(n)", "range(n, 0, -1)", "n is None",
        "table | table", "range(n)", "items[0] - 1", "max(items)", "sum(items) / len(items)",
    ],
)  # fmt: skip
def test_what_may_work_does_not_clash(text: str) -> None:
    """Unknown is not wrong."""
    assert not clashes(parsed(text), KNOWN)


def test_edits_that_clash_are_tried_last_and_not_lost() -> None:
    """What was seen may itself be the fault."""
    source = Source.parse("a.py", b"def f(text, n):\n    return text[n]\n")
    plain = [c.patch for c in mutants(source, {2: 1.0})]
    informed = [c.patch for c in mutants(source, {2: 1.0}, {"f": {"text": "str", "n": "num"}})]

    def place(patches: list[object], new: bytes) -> int:
        return next(i for i, p in enumerate(patches) if new in p.files[0].after)  # pyright: ignore

    assert set(informed) <= set(plain)
    assert place([*informed], b"text[n - 1]") < place([*informed], b"n[n]")
    assert place([*informed], b"n[n]") > place([*plain], b"n[n]")


def test_an_edit_that_the_docstring_speaks_of_comes_sooner() -> None:
    """`sorted` for a function whose docstring says "sorted"; `reversed` stays where it was."""
    plain = Source.parse("a.py", b"def f(xs):\n    return xs\n")
    told = Source.parse("a.py", b'def f(xs):\n    "The sorted xs."\n    return xs\n')

    def ranks(source: Source, line: int) -> dict[str, int]:
        return {c.description.split(" at ")[0]: i for i, c in enumerate(mutants(source, {line: 1.0}))}

    before, after = ranks(plain, 2), ranks(told, 3)
    assert after["`xs` → `sorted(xs)`"] < before["`xs` → `sorted(xs)`"]
