"""What the VS Code extension promises in its manifest, held against the server and the sources. Needs no npm."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from darner.engine.settings import Settings, camel
from darner.lsp.server import build

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "editors" / "vscode"
CLIENT_ONLY = {"serverPath", "saveOnApply", "trace.server"}


def manifest() -> dict[str, Any]:
    return json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))


def texts() -> dict[str, str]:
    return json.loads((EXTENSION / "package.nls.json").read_text(encoding="utf-8"))


def sources() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((EXTENSION / "src").glob("*.ts")))


def test_the_extension_says_the_version_of_the_server() -> None:
    """They are released together, and compare their versions when they meet."""
    package = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)

    assert package is not None
    assert manifest()["version"] == package[1]
    assert json.loads((EXTENSION / "package-lock.json").read_text(encoding="utf-8"))["version"] == package[1]


def test_every_setting_of_the_server_can_be_set_with_the_same_default() -> None:
    """Trust is the exception: VS Code's own workspace trust says it."""
    offered = {
        key.removeprefix("darner."): row["default"]
        for key, row in manifest()["contributes"]["configuration"]["properties"].items()
    }
    server = {camel(f.name): f.default for f in fields(Settings) if f.name != "trust"}

    assert {key: value for key, value in offered.items() if key not in CLIENT_ONLY} == server
    named = re.search(r"SERVER_SETTINGS = \[(.*?)\]", sources(), re.DOTALL)
    assert named is not None
    assert {*re.findall(r"'(\w+)'", named[1]), "interpreter"} == server.keys()


def test_a_workspace_that_is_not_trusted_cannot_choose_what_runs() -> None:
    """A repository's own settings must not name a program or a model to load."""
    capabilities = manifest()["capabilities"]["untrustedWorkspaces"]
    named = {
        key
        for key in manifest()["contributes"]["configuration"]["properties"]
        if re.search("Path|preter|odel|sandbox", key)
    }

    assert capabilities["supported"] == "limited"
    assert set(capabilities["restrictedConfigurations"]) == named


def test_no_command_has_the_name_of_a_command_of_the_server() -> None:
    """The client registers every command of the server under its own name; two of one name fail at start."""
    server = build(lambda _: None, lambda _: None)
    theirs = set(cast("dict[str, object]", server.protocol.fm.commands))  # pyright: ignore[reportUnknownMemberType]
    ours = {command["command"] for command in manifest()["contributes"]["commands"]}

    assert theirs
    assert ours.isdisjoint(theirs)
    assert all(name.startswith("darner.") for name in ours)
    registered = re.search(r"const commands: Record.*? = \{(.*?)\n  \}", sources(), re.DOTALL)
    assert registered is not None
    assert {f"darner.{name}" for name in re.findall(r"^    (\w+):", registered[1], re.MULTILINE)} == ours


def test_every_text_can_be_translated() -> None:
    """Manifest texts stand in package.nls.json, those of the code in the bundle that translators get."""
    raw = (EXTENSION / "package.json").read_text(encoding="utf-8")
    bundle = json.loads((EXTENSION / "l10n" / "bundle.l10n.json").read_text(encoding="utf-8"))
    used = {re.sub(r"\\'", "'", text) for text in re.findall(r"l10n\.t\(\s*'((?:[^'\\]|\\.)*)'", sources())}

    assert set(re.findall(r'"%([\w.]+)%"', raw)) == texts().keys()
    assert used == bundle.keys()


def test_nothing_starts_before_a_python_project_is_open() -> None:
    """The extension must cost nothing elsewhere."""
    events = manifest()["activationEvents"]

    assert "*" not in events
    assert "onStartupFinished" not in events
    assert all(event.startswith(("onLanguage:python", "workspaceContains:")) for event in events)


def test_the_extension_opens_no_connection_of_its_own() -> None:
    """No telemetry, no download: what is downloaded, a command line downloads that the user agreed to."""
    assert re.findall(r"node:https?|fetch\(|axios|telemetry|sendTelemetry|applicationinsights", sources()) == []


def test_every_file_that_the_manifest_names_is_there() -> None:
    """A missing icon or walkthrough page is only seen by users."""
    raw = (EXTENSION / "package.json").read_text(encoding="utf-8")
    named = set(re.findall(r'"((?:media|walkthrough)/[\w.-]+)"', raw))

    assert named
    assert [name for name in sorted(named) if not (EXTENSION / name).is_file()] == []
