"""The documents name what is there: a map of a tree that has moved on is worse than none."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from darner.engine import operators_call
from darner.engine.cli import complete
from darner.engine.settings import Settings, camel, kebab
from darner.training.cli import app as train_app
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("lsp", "engine", "sandbox", "training")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in (
        "*.md",
        "docs/*.md",
        "editors/*.md",
        "editors/*/*.md",
        "editors/*/walkthrough/*.md",
        "examples/*/*.md",
    )
    for path in ROOT.glob(pattern)
)
SOURCES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*/*.py", ".dev/*.py", "editors/nvim/**/*.lua", "editors/nvim/doc/*.txt", "editors/vscode/src/*.ts")
    for path in ROOT.glob(pattern)
    if path.parts[-2] in (*FOLDERS, ".dev") or "editors" in path.parts
)
"""Files whose sentences name commands to users."""
COMMAND = re.compile(r"(?:\.venv/bin/|`|^ {4}|^\$ )(darner(?:-train|-lsp)?)((?: +(?![ #])[^\s`#]+)+)", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def mapped() -> dict[str, set[str]]:
    """Modules that the file map of ARCHITECTURE.md names, by folder."""
    found: dict[str, set[str]] = {}
    folder = ""
    for line in read("ARCHITECTURE.md").splitlines():
        if row := re.match(r"\|([^|]*)\|[^|]*\|(.*)\|$", line):
            named = re.search(r"`(\w+)/`", row.group(1))
            folder = named.group(1) if named else "" if row.group(1).strip() else folder
            found.setdefault(folder, set()).update(re.findall(r"`(\w+)`", row.group(2)))
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_file_map_names_every_module_and_no_other(folder: str) -> None:
    """ARCHITECTURE.md is where a newcomer looks first."""
    modules = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}

    assert mapped()[folder] == modules


# Links


def anchors(path: Path) -> set[str]:
    """What a forge calls the headings of a document."""
    headings = re.findall(r"^#+ +(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_links_of_a_document_lead_somewhere(name: str) -> None:
    """A dead link costs every reader the same minute."""
    dead: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", read(name)):
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target))):
            dead.append(link)

    assert dead == []


# Commands


@cache
def programs() -> dict[str, Any]:
    return {"darner": typer.main.get_command(complete()), "darner-train": typer.main.get_command(train_app)}


def trouble(program: str, words: list[str]) -> str:
    """What is wrong with a command line; empty when its command and its options exist."""
    command = programs().get(program)
    known = {"--help", "--version", "--stdio"}
    while command is not None:
        options = {option for param in command.params for option in param.opts}
        known = {"--help", *options}
        inner = getattr(command, "commands", {})
        if not inner or not words or words[0].startswith(("-", "...", "…")):
            break
        if words[0] not in inner:
            return f"{program} has no command {words[0]}"
        command = inner[words.pop(0)]
    strange = [word for word in words if word.startswith("--") and word.split("=")[0].rstrip(".,;:)") not in known]
    return f"{program} {' '.join(words)}: no option {strange[0]}" if strange else ""


def commands_in(text: str) -> Iterator[tuple[str, list[str]]]:
    for program, words in COMMAND.findall(text):
        yield program, [word.strip('"') for word in words.split()]


@pytest.mark.parametrize("name", [*DOCUMENTS, *(name for name in SOURCES if "`darner" in read(name))])
def test_the_commands_that_a_text_names_exist(name: str) -> None:
    """A user types what a document or an error message says, letter by letter."""
    assert [found for program, words in commands_in(read(name)) if (found := trouble(program, words))] == []


@pytest.mark.parametrize(
    ("program", "words"), [("darner", ["fixx"]), ("darner", ["fix", "--aply"]), ("darner-train", ["go"])]
)
def test_a_command_that_does_not_exist_is_noticed(program: str, words: list[str]) -> None:
    """A check that finds nothing must be able to find something."""
    assert trouble(program, words)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_make_targets_of_a_document_exist(name: str) -> None:
    """As for commands."""
    targets = re.findall(r"^ *make ([a-z][a-z-]*)|`make ([a-z][a-z-]*)", read(name), re.MULTILINE)
    rules = re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE)

    assert [t for pair in targets for t in pair if t and t not in rules] == []


# Snippets


def snippets(language: str) -> list[tuple[str, str]]:
    fenced = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(name, text) for name in DOCUMENTS for text in fenced.findall(read(name))]


@pytest.mark.parametrize(("name", "text"), snippets("json"))
def test_a_json_snippet_is_json_and_sets_what_can_be_set(name: str, text: str) -> None:
    """People paste it."""
    settings = {camel(field.name) for field in fields(Settings)}

    def given(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
                yield from inner if key in ("initializationOptions", "initialization_options") else given(inner)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    assert set(given(json.loads(text))) <= settings, name


def test_the_example_of_an_answer_is_one() -> None:
    """Programs are written after the example, before anybody opens the schema."""
    (shown,) = (text for name, text in snippets("json") if name == "docs/cli.md")
    schema = json.loads(read("docs/schemas/darner-fix.json"))

    Draft202012Validator(schema).validate(json.loads(shown))  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(("name", "text"), snippets("toml"))
def test_a_toml_snippet_is_toml_and_sets_what_can_be_set(name: str, text: str) -> None:
    """As for JSON."""
    table = tomllib.loads(text).get("tool", {}).get("darner", {})

    assert set(table) <= {kebab(field.name) for field in fields(Settings)}, name


@pytest.mark.parametrize(("name", "text"), snippets("python"))
def test_a_python_snippet_is_python(name: str, text: str) -> None:
    """As for JSON."""
    ast.parse(textwrap.dedent(text), name)


def test_the_guide_to_operators_shows_an_operator_that_exists() -> None:
    """Whoever follows the guide compares it with the code first."""
    generator, row, example = (text.strip() for name, text in snippets("python") if name == "docs/operators.md")

    assert generator in inspect.getsource(operators_call)
    assert row in read("engine/operators.py")
    assert example in read("tests/engine/test_mutate.py")
