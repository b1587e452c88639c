"""The client's `initializationOptions`, checked key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ..engine.config import parse_budget
from ..engine.errors import BadInput

NO_MODEL = "none"


@dataclass(frozen=True, slots=True)
class Options:
    """What a client may set. `table` in `parse` checks the same keys."""

    interpreter: str = ""
    """Python that runs the project's tests; empty: found as `darner doctor` says."""
    model: str = ""
    """Catalogue name or path of a GGUF; empty: the default model if it is installed; `none`: search only."""
    budget: str = "normal"
    """`quick`, `normal`, `deep`, or seconds, for one failing test."""
    trust: bool = False
    """The user agreed that this workspace's code may run."""
    run_on_save: bool = True
    """Run the tests after a save, once the workspace is trusted."""


def parse(raw: object) -> tuple[Options, tuple[str, ...]]:
    """The options, with the default for every key that is wrong, and one sentence per wrong key."""
    if raw is None:
        return Options(), ()
    if not isinstance(raw, Mapping):
        return Options(), (f"initializationOptions must be an object, not {_kind(raw)}; the defaults are used.",)
    given = cast("Mapping[str, object]", raw)
    complaints: list[str] = []

    def text(key: str, default: str) -> str:
        value = given.get(key)
        if value is None or isinstance(value, str):
            return default if value is None else value
        complaints.append(_complaint(key, "a string", value, repr(default)))
        return default

    def flag(key: str, default: bool) -> bool:
        value = given.get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        complaints.append(_complaint(key, "true or false", value, str(default).lower()))
        return default

    options = Options(
        interpreter=text("interpreter", ""),
        model=text("model", ""),
        budget=_budget(given.get("budget"), complaints),
        trust=flag("trust", False),
        run_on_save=flag("runOnSave", True),
    )
    known = ("interpreter", "model", "budget", "trust", "runOnSave")
    complaints += [
        f"initializationOptions.{key} is not an option of Darner; the options are {', '.join(known)}."
        for key in given
        if key not in known
    ]
    return options, tuple(complaints)


def _budget(value: object, complaints: list[str]) -> str:
    if value is None:
        return "normal"
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return parse_budget(str(value)) and str(value)
        except BadInput:
            pass
    complaints.append(_complaint("budget", "quick, normal, deep or a number of seconds", value, "'normal'"))
    return "normal"


def _complaint(key: str, wanted: str, value: object, default: str) -> str:
    return f"initializationOptions.{key} must be {wanted}, not {value!r}; {default} is used."


def _kind(value: object) -> str:
    return type(value).__name__
