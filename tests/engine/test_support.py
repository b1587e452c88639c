"""What a sentence names is in the evidence, by whole tokens, or the sentence is not shown."""

from __future__ import annotations

import pytest
from darner.engine.support import Seen, supported, unsupported

SEEN = Seen.of(
    (
        "def oldest(ages):\n    return min(ages)\n",
        "the test expects 15, and got -3",
        "`oldest(ages=[-3, 15, 4], name='abc d')` returned -3",
        "IndexError was raised: list index out of range",
        "ages.py:2 in oldest: `return min(ages)`",
        "KeyError was raised: 'tax'",
    )
)


@pytest.mark.parametrize(
    ("sentence", "invented"),
    [
        ("It is on line 5.", "line 5"),
        ("It is on line 15.", "line 15"),
        ("Lines 2, 2 and 5 do it.", "line 5"),
        ("It fails in ages.py:3.", "line 3"),
        ("It returned 5.", "5"),
        ("It returned 3.", "3"),
        ("It returned 2.", "2"),
        ("It returned 15.0.", "15.0"),
        ("The list has five items.", "5"),
        ("oldest_age holds 15.", "oldest_age"),
        ("sort_ages() drops an item.", "sort_ages"),
        ("`old` is the function.", "old"),
        ("`min(ages, 4)` is called.", "min(ages, 4)"),
        ("total = 15.", "total"),
        ("The value of x is 15.", "x"),
        ("It raises ValueError.", "ValueError"),
        ("It returns None.", "None"),
        ("It raises KeyError for 'abc'.", "abc"),
        ("The name is 'bc d'.", "bc d"),
        ("It says 'index out of'.", "index out of"),
        ("The function uses len.", "len"),
        ("oldest.name is wrong.", "oldest.name"),
    ],
)
def test_what_nobody_saw_is_named(sentence: str, invented: str) -> None:
    """Not a part of a number, of a name or of a string, not a line's number for a value nor a value for a line."""
    assert list(unsupported(sentence, SEEN)) == [invented]


@pytest.mark.parametrize(
    "sentence",
    [
        "It is on line 2.",
        "Lines 2, 2, and 2 do it, or lines 2 to 2 and 2.",
        "It fails in ages.py:2.",
        "`oldest()` returned -3, not 15.",
        "The list's items are -3, 15 and 4, so oldest(ages) doesn't hold.",
        'It says "list index out of range".',
        "The name is 'abc d', which `oldest` doesn't use.",
        "A KeyError was raised for 'tax'.",
        "An IndexError was raised, e.g. by min.",
        "Use the largest of the list, in one step.",
    ],
)
def test_what_was_seen_is_believed(sentence: str) -> None:
    """A check that throws everything away would leave the user without words."""
    assert supported(sentence, SEEN)
