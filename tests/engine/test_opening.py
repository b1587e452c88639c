"""Who is cancelled while a project is made ready leaves at once, and the turn comes back exactly once."""

from __future__ import annotations

import threading

import pytest
from darner.engine.opening import Opening
from darner.engine.stop import Stop


def test_who_waits_finds_it_open_and_keeps_the_turn() -> None:
    """The turn is given back by its user, later."""
    given_back: list[int] = []

    assert Opening(lambda: None, lambda: given_back.append(1)).wait(Stop())

    assert given_back == []


def test_who_is_cancelled_leaves_while_the_work_goes_on() -> None:
    """The next one would wait for the same copy."""
    may_end, given_back, stop = threading.Event(), threading.Event(), Stop()

    def copy() -> None:
        may_end.wait(60)

    opening = Opening(copy, given_back.set)
    stop.cancel()

    assert not opening.wait(stop)
    assert not given_back.is_set()
    may_end.set()

    assert given_back.wait(60)


def test_a_failure_is_raised_where_it_is_waited_for_and_gives_the_turn_back() -> None:
    """Else the project would be busy for ever."""
    given_back: list[int] = []

    def fails() -> None:
        raise ValueError("no interpreter")

    with pytest.raises(ValueError, match="no interpreter"):
        Opening(fails, lambda: given_back.append(1)).wait(Stop())
    assert given_back == [1]
