"""What a user may set: one table, checked key by key, whether it comes from an editor or from `[tool.darner]`.

An editor writes `runOnSave`, a pyproject.toml `run-on-save`. `docs/settings.md` shows this table; a test compares them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from ..sandbox.types import Preference
from .config import parse_budget
from .errors import BadInput

NO_MODEL = "none"


def _setting(
    default: Any,  # noqa: ANN401 - as `field`
    what: str,
    *,
    project: bool = True,
    budget: bool = False,
    words: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - as `field`
    """`project`: a pyproject.toml may set it. A repository must not be able to consent for its reader."""
    return field(default=default, metadata={"what": what, "project": project, "budget": budget, "words": words})


@dataclass(frozen=True, slots=True)
class Settings:
    interpreter: str = _setting("", "Python that runs the project's tests; empty: found as `darner doctor` says.")
    model: str = _setting(
        "", "Catalogue name, or path of a GGUF file; empty: the default model if it is installed; `none`: search only."
    )
    budget: str = _setting("normal", "`quick`, `normal`, `deep`, or seconds, for one failing test.", budget=True)
    trust: bool = _setting(False, "The user agrees that this workspace's code may run.", project=False)
    sandbox: str = _setting(
        Preference.AUTO.value,
        f"Where candidates run: {', '.join(f'`{each}`' for each in Preference)}. A named one is used or refused.",
        project=False,
        words=tuple(Preference),
    )
    enable: bool = _setting(True, "False switches Darner off in this folder's editor: nothing runs and nothing shows.")
    run_on_save: bool = _setting(True, "Run tests after a save, once the workspace is trusted.")
    affected_tests: bool = _setting(True, "After a save, run only the tests that the change can affect.")
    watch: bool = _setting(
        False, "When a test goes red after a save, look for a quick repair at low priority, unasked."
    )
    code_lens: bool = _setting(True, "Run, Explain and Repair above tests; failing tests counted above functions.")
    inlay_hints: bool = _setting(True, "Values that occurred, at the failing line and at suspected lines.")
    inline_completion: bool = _setting(False, "Ghost text from the local model, within 500 ms or not at all.")
    snapshots: bool = _setting(
        True,
        "Remember, in the cache folder, the source files with which each test last passed; `darner forget` wipes it.",
    )
    keep_prompts: bool = _setting(
        False,
        "Keep what the model computed of its prompts, source included, in the cache folder (512 MB at most): after a "
        "restart the same function is repaired sooner. `darner forget --prompts` wipes it.",
        project=False,
    )
    keep_explanations: bool = _setting(
        True,
        "Keep what a model explained, in the cache folder (500 explanations at most), and show it again for the same "
        "evidence; `darner forget --prompts` wipes it.",
    )
    completion_model: str = _setting(
        "qwen2.5-coder-0.5b",
        "Model of the ghost text: a catalogue name, or path of a GGUF file that can fill in.",
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    key: str
    """As an editor writes it."""
    kind: str
    """`true or false` or `text`."""
    default: str
    what: str
    project: bool


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def kebab(name: str) -> str:
    return name.replace("_", "-")


def table() -> tuple[Row, ...]:
    return tuple(
        Row(
            camel(f.name),
            "true or false" if isinstance(f.default, bool) else "text",
            _shown(f.default),
            str(f.metadata["what"]),
            bool(f.metadata["project"]),
        )
        for f in fields(Settings)
    )


def read(raw: object, where: str, base: Settings = Settings()) -> tuple[Settings, tuple[str, ...]]:
    """`base` with the keys of `raw` that are right, and one sentence for each that is wrong. Null means "not set"."""
    if raw is None:
        return base, ()
    if not isinstance(raw, Mapping):
        return base, (f"{where} must be an object, not {type(raw).__name__}; it is ignored.",)
    project = where == PROJECT
    names = {kebab(f.name) if project else camel(f.name): f for f in fields(Settings)}
    given: dict[str, Any] = {}
    complaints: list[str] = []
    for key, value in cast("Mapping[object, object]", raw).items():
        known = names.get(str(key))
        if known is None:
            complaints.append(f"{where}.{key} is not a setting of Darner; the settings are {', '.join(names)}.")
        elif project and not known.metadata["project"]:
            complaints.append(f"{where}.{key} is ignored: only the user's editor may set it, not the project.")
        elif value is not None:
            wanted, right = _checked(value, known)
            if right is None:
                default = _shown(getattr(base, known.name))
                complaints.append(f"{where}.{key} must be {wanted}, not {value!r}; {default} is used.")
            else:
                given[known.name] = right
    return replace(base, **given), tuple(complaints)


PROJECT = "tool.darner"


def read_project(root: Path, base: Settings) -> tuple[Settings, tuple[str, ...]]:
    """`[tool.darner]` of the project's pyproject.toml over `base`. A file that cannot be read is pytest's to refuse."""
    try:
        raw = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return base, ()
    tool = raw.get("tool")
    found = cast("Mapping[str, object]", tool).get("darner") if isinstance(tool, Mapping) else None
    settings, complaints = read(found, PROJECT, base)
    return settings, tuple(f"{root / 'pyproject.toml'}: {sentence}" for sentence in complaints)


def _checked(value: object, known: Field[Any]) -> tuple[str, object]:
    """What it must be, and the value if it is that, else None."""
    if isinstance(known.default, bool):
        return "true or false", value if isinstance(value, bool) else None
    if words := known.metadata["words"]:
        return f"one of {', '.join(words)}", value if value in words else None
    if known.metadata["budget"]:
        return "quick, normal, deep or a number of seconds", _budget(value)
    return "a string", value if isinstance(value, str) else None


def _budget(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        parse_budget(str(value))
    except BadInput:
        return None
    return str(value)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
