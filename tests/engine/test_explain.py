"""Prose is kept only where execution supports it."""

from __future__ import annotations

from darner.engine.explain import seen, write_prose
from darner.engine.prompt import Target
from darner.engine.scripted import ScriptedModel
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.support import unsupported
from darner.engine.types import Candidate, FileChange, Origin, Patch

SOURCE = "def oldest(ages):\n    return min(ages)\n"
FACTS = ("the test expects 9, and got 3", "`oldest(ages=[3, 9, 4])` returned 3")


def prose_of(text: str) -> str:
    source = Source.parse("ages.py", SOURCE.encode())
    target = Target(source, source.functions()[0], "assert oldest([3, 9, 4]) == 9", FACTS)
    return write_prose(ScriptedModel(text), target, None, Stop())


def test_sentences_with_values_that_nobody_saw_are_dropped() -> None:
    """A small model invents numbers and names; what it invents must not stand beside real values."""
    told = (
        "The function takes `min`, so it returns 3. The list has 17 items. It calls `sort_ages` first. Use the largest."
    )

    assert prose_of(told) == "The function takes `min`, so it returns 3. Use the largest."


def test_names_lines_and_strings_that_nobody_saw_are_dropped_without_quotes_too() -> None:
    """A small model writes names with and without backticks; either way they are looked up whole."""
    told = (
        "It is on line 7. oldest_age holds 3. sort_ages() drops an item. It raises KeyError for 'abc'. It returned 3."
    )

    assert prose_of(told) == "It returned 3."


def test_a_repairs_own_line_and_words_may_be_told_but_no_number_of_its_diff() -> None:
    """`@@ -1,2 +1,2 @@` counts lines: what it counts is no value of the program."""
    source = Source.parse("ages.py", SOURCE.encode())
    patch = Patch((FileChange("ages.py", SOURCE.encode(), SOURCE.replace("min", "max").encode()),))
    repair = Candidate(patch, Origin.MUTATION, "`min` → `max` at ages.py:2", path="ages.py", line=2)
    evidence = seen(Target(source, source.functions()[0], "", FACTS), repair)

    assert list(unsupported("On line 2 `max(ages)` is meant, not `min`.", evidence)) == []
    assert list(unsupported("On line 1 it has 2 items.", evidence)) == ["line 1", "2"]


def test_a_repeated_and_a_cut_sentence_are_said_once_or_not_at_all() -> None:
    """Small models repeat themselves until their tokens run out."""
    assert prose_of("It returns 3. It returns 3. It returns 3. It ret") == "It returns 3."
