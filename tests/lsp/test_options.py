"""A wrong option must name itself, and must not take the right ones with it."""

from __future__ import annotations

import pytest
from darner.lsp.options import Options, parse


def test_without_options_the_defaults_hold() -> None:
    """A bare client sends none; above all, nothing is trusted."""
    assert parse(None) == (Options(), ())
    assert not Options().trust


def test_every_option_is_read() -> None:
    """The five keys of the documentation, with the spelling that clients use."""
    raw = {"interpreter": "/usr/bin/python3", "model": "none", "budget": 12.5, "trust": True, "runOnSave": False}

    assert parse(raw) == (Options("/usr/bin/python3", "none", "12.5", trust=True, run_on_save=False), ())


@pytest.mark.parametrize(
    ("key", "value"),
    [("interpreter", 3), ("model", ["m"]), ("budget", "hasty"), ("budget", True), ("trust", "yes"), ("runOnSave", 1)],
)
def test_a_wrong_value_is_named_and_only_it_falls_back(key: str, value: object) -> None:
    """The user has to find the line of the configuration that is wrong."""
    options, complaints = parse({"model": "mine", "runOnSave": False} | {key: value})

    assert len(complaints) == 1
    assert f"initializationOptions.{key} " in complaints[0]
    assert repr(value) in complaints[0]
    assert options.model == ("" if key == "model" else "mine")
    assert not options.trust


def test_an_unknown_key_is_named_with_the_known_ones() -> None:
    """A typing error in `runOnSave` would otherwise be silently ignored."""
    _, complaints = parse({"runonsave": True})

    assert "initializationOptions.runonsave is not an option" in complaints[0]
    assert "runOnSave" in complaints[0]


def test_options_that_are_no_object_are_refused_as_a_whole() -> None:
    """`initializationOptions: true` must not look like consent to anything."""
    assert parse(True)[0] == Options()
    assert "must be an object" in parse(True)[1][0]
