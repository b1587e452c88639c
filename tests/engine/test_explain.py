"""Prose is kept only where execution supports it."""

from __future__ import annotations

from darner.engine.explain import write_prose
from darner.engine.prompt import Target
from darner.engine.scripted import ScriptedModel
from darner.engine.source import Source
from darner.engine.stop import Stop

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


def test_a_repeated_and_a_cut_sentence_are_said_once_or_not_at_all() -> None:
    """Small models repeat themselves until their tokens run out."""
    assert prose_of("It returns 3. It returns 3. It returns 3. It ret") == "It returns 3."
