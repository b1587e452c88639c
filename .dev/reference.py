"""`make reference`: the pages of docs/ that are made from the code: commands, settings, JSON and its schemas.

typer's commands ─▶ docs/commands.md      Settings ─▶ the table in docs/settings.md
engine/answers.py ─▶ docs/json.md and docs/schemas/*.json
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import schema
import typer
from darner.engine.cli import complete
from darner.engine.settings import table
from darner.lsp.__main__ import options
from darner.training.cli import app as train_app

DOCS = Path(__file__).resolve().parent.parent / "docs"
_KINDS = {"str": "TEXT", "int": "NUMBER", "path": "PATH"}
_MADE = "<!-- Made by `make reference`; change the code instead. -->\n\n"


def pages() -> dict[Path, str]:
    """Every generated file, and what it should hold."""
    schemas = {
        DOCS / _schema_path(name): json.dumps(schema.schema_of(answer), indent=2) + "\n"
        for name, answer in schema.COMMANDS.items()
    }
    settings = DOCS / "settings.md"
    return {
        DOCS / "commands.md": commands_page(),
        DOCS / "json.md": json_page(),
        settings: with_table(settings.read_text(encoding="utf-8")),
        **schemas,
    }


def main() -> None:
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


# Settings


def with_table(page: str) -> str:
    """docs/settings.md with the present rows in place of those that it has."""
    rows = "".join(
        f"| `{r.key}` | {r.kind} | `{r.default}` | {'yes' if r.project else 'no'} | {r.what} |\n" for r in table()
    )
    return re.sub(r"(?<=\|---\|---\|---\|---\|---\|\n)(\|.*\n)+", lambda _: rows, page)


# Commands


def commands_page() -> str:
    head = "# Every command and option\n\nWith examples: [the command line](cli.md), [training](training.md).\n"
    told = [*_commands("darner", complete()), *_commands("darner-train", train_app), _server()]
    return "\n".join([_MADE + head, *told])


def _commands(name: str, app: typer.Typer) -> Iterator[str]:
    """A section for each command of the app, those of its groups too."""
    yield from _sections(name, typer.main.get_command(app))


def _sections(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - typer's own copy of click has no types
    for word, inner in getattr(command, "commands", {}).items():
        yield from _sections(f"{name} {word}", inner)
    if not hasattr(command, "commands"):
        yield _section(name, command.help, [_row(p) for p in command.params])


def _section(name: str, told: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"## `{name}`", "", " ".join(told.split()), ""]
    if rows:
        lines += ["| | |", "|---|---|", *(f"| `{given}` | {what} |" for given, what in rows), ""]
    return "\n".join(lines)


def _row(param: Any) -> tuple[str, str]:  # noqa: ANN401 - as above
    if param.param_type_name == "argument":
        given = param.metavar or param.name.upper()
        many = " ..." if param.nargs == -1 else ""
        return (given + many if param.required else f"[{given}{many}]"), param.help or ""
    flag = param.is_flag
    choices = getattr(param.type, "choices", ())
    value = "" if flag else f" {param.metavar or '|'.join(choices) or _KINDS[param.type.name]}"
    shown = (
        ""
        if flag or param.default in (None, "", Path())
        else f" Default: `{getattr(param.default, 'value', param.default)}`."
    )
    return param.opts[0] + value.replace("|", "\\|"), (param.help or "") + shown


def _server() -> str:
    parser = options()
    rows = [(action.option_strings[-1], action.help or "") for action in parser._actions]
    return _section(parser.prog, parser.description or "", rows)


# JSON


def json_page() -> str:
    head = (
        "# JSON of every command\n\n"
        "With `--json` a command prints one object on stdout and nothing else. Fields may be added within version 1; "
        "none is renamed or removed. A command that ends with exit code 2, 3 or 130 prints [Failed](#failed) instead. "
        "The tests check what is printed against the schemas.\n"
    )
    rows = [
        f"| `{name} --json` | {schema.in_words(answer)} | [schema]({_schema_path(name)}) |"
        for name, answer in schema.COMMANDS.items()
    ]
    whole = [*schema.COMMANDS.values(), schema.FAILED]
    parts = sorted({part for answer in whole for part in schema.reached(answer)} - set(whole), key=lambda p: p.__name__)
    listed = "\n".join(["| command | prints | |", "|---|---|---|", *rows, ""])
    return "\n".join([_MADE + head, listed, *(_part(part) for part in [*whole, *parts])])


def _schema_path(command: str) -> str:
    return f"schemas/{command.replace(' ', '-')}.json"


def _part(part: type) -> str:
    told: Mapping[str, str] = schema.described(part)
    rows = [
        f"| `{key}` | {schema.in_words(hint)} | {told.get(key, '')} |" for key, hint in get_type_hints(part).items()
    ]
    return "\n".join([f"## {part.__name__}", "", "| key | value | |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    main()
