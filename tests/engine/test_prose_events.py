"""What a model explains is announced as it is written, and labelled by what the loop knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from darner.engine.config import Budget
from darner.engine.events import Done, Event, Prose
from darner.engine.loop import explain, repair
from darner.engine.model import Completion, Message, Sampling
from darner.engine.project import Project, find_interpreter
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.suite import Suite, run_suite
from darner.engine.trial import open_session
from darner.engine.types import FailureReport, Standing
from darner.sandbox.session import Session

TOLD = "It returned 0. The list has 17 items. The test needs 4."
KEPT = "It returned 0. The test needs 4."


class Piecewise(ScriptedModel):
    """Recites word by word, as a model's tokens come."""

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        done = super().sample(messages, sampling, stop, None, on_completion)
        for piece in done[0].text.split(" ") if on_text is not None else ():
            assert on_text is not None
            on_text(0, f"{piece} ")
        return done


@pytest.fixture
def opened(project: Path) -> Iterator[tuple[Session, Suite]]:
    with open_session(Project(project, find_interpreter(project)), trusted=True) as session:
        yield session, run_suite(session, (), Stop())


def ended(events: Iterator[Event]) -> tuple[list[str], FailureReport]:
    told: list[str] = []
    for event in events:
        if isinstance(event, Prose):
            told.append(event.text)
        if isinstance(event, Done):
            return told, event.report
    raise AssertionError("no end")


def test_prose_without_a_repair_is_announced_sentence_by_sentence_and_stays_a_hypothesis(
    opened: tuple[Session, Suite],
) -> None:
    """Nobody ran what the model makes of it; and the reader need not wait for its last word."""
    told, report = ended(explain(*opened, opened[1].failing[0], Piecewise(TOLD), Stop()))

    assert told == ["It returned 0.", KEPT]
    assert (report.explanation.prose, report.explanation.standing) == (KEPT, Standing.HYPOTHESIS)


def test_prose_beside_a_verified_repair_is_confirmed(opened: tuple[Session, Suite]) -> None:
    """The loop has run what the words are about."""
    budget = Budget("test", 90.0, samples=1, rounds=0)
    _, report = ended(repair(*opened, opened[1].failing[0], Piecewise(TOLD), budget, Stop()))

    assert report.repairs
    assert (report.explanation.prose, report.explanation.standing) == (KEPT, Standing.CONFIRMED)


def test_where_nothing_that_was_said_is_supported_the_facts_stand_alone(opened: tuple[Session, Suite]) -> None:
    """An explanation without words is no hypothesis."""
    told, report = ended(explain(*opened, opened[1].failing[0], Piecewise("It has 17 items."), Stop()))

    assert not told
    assert (report.explanation.prose, report.explanation.standing) == ("", Standing.FACTS)
