"""A small editor for the end-to-end tests: real files, a real server over stdio, edits applied as a client would."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from lsprotocol.converters import get_converter
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

CLIENTS = Path(__file__).parents[1] / "clients"
PROFILES = ("vscode", "neovim", "minimal")
SERVER = (sys.executable, "-P", "-m", "darner.lsp")
SCRIPTED = (sys.executable, "-P", str(Path(__file__).parents[1] / "lsp" / "scripted_server.py"))
_UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def profile(name: str) -> lsp.InitializeParams:
    """The `initialize` of a client, recorded or written like it, or the least that can still apply an edit."""
    if name == "minimal":
        workspace = lsp.WorkspaceClientCapabilities(apply_edit=True)
        return lsp.InitializeParams(lsp.ClientCapabilities(workspace=workspace))
    if name == "emacs":
        return lsp.InitializeParams(client_capabilities("emacs"))
    recorded = json.loads((CLIENTS / f"initialize_{name}.json").read_text(encoding="utf-8"))
    return get_converter().structure(recorded, lsp.InitializeParams)


class Editor:
    """One window on one project."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.capabilities = lsp.ServerCapabilities()
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.edits: list[lsp.ApplyWorkspaceEditParams] = []
        self._result_id: str | None = None
        self._seen: list[lsp.Diagnostic] = []

        @client.feature(lsp.WORKSPACE_APPLY_EDIT)  # pyright: ignore[reportUntypedFunctionDecorator]
        def apply(params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:  # pyright: ignore[reportUnusedFunction]
            self.edits.append(params)
            return lsp.ApplyWorkspaceEditResult(applied=True)

        converter: Any = client.protocol._converter  # pyright: ignore[reportPrivateUsage]

        def action(row: Any, _: object) -> object:  # noqa: ANN401
            """lsprotocol takes an action with a command for a bare command."""
            return converter.structure(row, lsp.Command if isinstance(row.get("command"), str) else lsp.CodeAction)

        converter.register_structure_hook(lsp.Command | lsp.CodeAction, action)
        self.registered: dict[str, str] = {}
        """Methods that the server asked to register later, by registration id."""

        @client.feature(lsp.CLIENT_REGISTER_CAPABILITY)  # pyright: ignore[reportUntypedFunctionDecorator]
        def register(params: lsp.RegistrationParams) -> None:  # pyright: ignore[reportUnusedFunction]
            self.registered |= {one.id: one.method for one in params.registrations}

        @client.feature(lsp.CLIENT_UNREGISTER_CAPABILITY)  # pyright: ignore[reportUntypedFunctionDecorator]
        def unregister(params: lsp.UnregistrationParams) -> None:  # pyright: ignore[reportUnusedFunction]
            for one in params.unregisterations:
                self.registered.pop(one.id)

        @client.feature(lsp.WORKSPACE_INLAY_HINT_REFRESH)  # pyright: ignore[reportUntypedFunctionDecorator]
        @client.feature(lsp.WORKSPACE_CODE_LENS_REFRESH)  # pyright: ignore[reportUntypedFunctionDecorator]
        def agreed(_: None) -> None:  # pyright: ignore[reportUnusedFunction]
            return None

    @classmethod
    async def start(
        cls,
        root: Path,
        name: str = "vscode",
        *,
        server: tuple[str, ...] = SERVER,
        options: dict[str, Any] | None = None,
        client_pid: int | None = None,
        experimental: dict[str, Any] | None = None,
    ) -> Editor:
        """State that the server remembers goes beside the project, never into the user's home."""
        environment = {**os.environ, "XDG_STATE_HOME": str(root.parent / "state")}
        client = await ClientServerConfig(list(server), server_env=environment).start()
        assert isinstance(client, LanguageClient)
        editor = cls(client, root)
        params = profile(name)
        params.capabilities.experimental = experimental
        params.process_id, params.initialization_options = client_pid, options
        params.root_path, params.root_uri = None, root.as_uri()
        if params.workspace_folders:
            params.workspace_folders = [lsp.WorkspaceFolder(root.as_uri(), root.name)]
        editor.capabilities = (await client.initialize_session(params)).capabilities
        return editor

    @property
    def pid(self) -> int:
        server = self.client._server  # pyright: ignore[reportPrivateUsage] - pytest-lsp offers no other way
        assert server is not None
        return server.pid

    @property
    def encoding(self) -> str:
        return str(self.capabilities.position_encoding or "utf-16")

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def open(self, name: str) -> None:
        text = (self.root / name).read_bytes().decode()
        self.texts[name], self.versions[name] = text, 1
        item = lsp.TextDocumentItem(self.uri(name), lsp.LanguageKind.Python, 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def close(self, name: str) -> None:
        document = lsp.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(document))

    def save(self, name: str) -> None:
        (self.root / name).write_bytes(self.texts[name].encode())
        document = lsp.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_save(lsp.DidSaveTextDocumentParams(document))

    def apply(self, edit: lsp.WorkspaceEdit) -> None:
        """Change the open documents and tell the server, in its own units. Refuses an edit for another version."""
        for change in edit.document_changes or ():
            assert isinstance(change, lsp.TextDocumentEdit)
            assert change.text_document.version == self.versions[self._name(change.text_document.uri)]
            self._change(change.text_document.uri, [e for e in change.edits if isinstance(e, lsp.TextEdit)])
        for uri, edits in (edit.changes or {}).items():
            self._change(uri, list(edits))

    async def command(self, name: str, /, **argument: object) -> Any:  # noqa: ANN401 - whatever the command answers
        params = lsp.ExecuteCommandParams(f"darner.{name}", [argument])
        return await self.client.workspace_execute_command_async(params)

    async def configure(self, **settings: object) -> None:
        """Change the user's settings, as an editor tells of it; the server asks for them in turn."""
        self.client.set_configuration({"darner": settings}, scope_uri=self.root.as_uri())
        self.client.set_configuration({"darner": settings})
        self.client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(settings=None))

    async def actions(self, name: str, line: int) -> list[lsp.CodeAction]:
        position = lsp.Position(line, 0)
        document = lsp.TextDocumentIdentifier(self.uri(name))
        context = lsp.CodeActionContext([], trigger_kind=lsp.CodeActionTriggerKind.Invoked)
        params = lsp.CodeActionParams(document, lsp.Range(position, position), context)
        found = await self.client.text_document_code_action_async(params)
        return [action for action in found or () if isinstance(action, lsp.CodeAction)]

    async def choose(self, action: lsp.CodeAction) -> None:
        """As an editor does: resolve what came without an edit, apply the edit, then run the command."""
        if action.edit is None and action.data is not None:
            action = await self.client.code_action_resolve_async(action)
        if action.edit is not None:
            self.apply(action.edit)
        if action.command is not None:
            params = lsp.ExecuteCommandParams(action.command.command, action.command.arguments)
            await self.client.workspace_execute_command_async(params)

    async def titles(self, name: str) -> list[str]:
        """Of the code lenses."""
        params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(self.uri(name)))
        found = await self.client.text_document_code_lens_async(params)
        return [lens.command.title for lens in found or () if lens.command is not None]

    def trust(self, trusted: bool = True) -> None:
        self.client.protocol.notify("darner/setTrust", {"trusted": trusted})

    async def diagnostics(self, name: str) -> list[lsp.Diagnostic]:
        """As this client gets them: asked for, or from what was pushed."""
        if self.capabilities.diagnostic_provider is None:
            return list(self.client.diagnostics.get(self.uri(name), ()))
        document = lsp.TextDocumentIdentifier(self.uri(name))
        params = lsp.DocumentDiagnosticParams(document, "darner", self._result_id)
        report = await self.client.text_document_diagnostic_async(params)
        self._result_id = report.result_id
        if isinstance(report, lsp.RelatedFullDocumentDiagnosticReport):
            self._seen = list(report.items)
        return self._seen

    async def hover(self, name: str, line: int) -> str:
        params = lsp.HoverParams(lsp.TextDocumentIdentifier(self.uri(name)), lsp.Position(line, 6))
        found = await self.client.text_document_hover_async(params)
        return found.contents.value if found is not None and isinstance(found.contents, lsp.MarkupContent) else ""

    def progress(self, job: str) -> list[Any]:
        return self.client.progress_reports.get(job, [])

    async def leave(self) -> int:
        """`shutdown`, `exit`, and the server's exit code."""
        await asyncio.wait_for(self.client.shutdown_async(None), 30)
        self.client.exit(None)
        server = self.client._server  # pyright: ignore[reportPrivateUsage]
        assert server is not None
        code = await asyncio.wait_for(server.wait(), 30)
        await self.client.stop()
        return code

    def _name(self, uri: str) -> str:
        return next(name for name in self.texts if self.uri(name) == uri)

    def _change(self, uri: str, edits: list[lsp.TextEdit]) -> None:
        name = self._name(uri)
        text = self.texts[name]
        for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
            start, end = (self._offset(text, position) for position in (edit.range.start, edit.range.end))
            text = text[:start] + edit.new_text + text[end:]
        self.texts[name], self.versions[name] = text, self.versions[name] + 1
        changes = [lsp.TextDocumentContentChangePartial(e.range, e.new_text) for e in reversed(edits)]
        document = lsp.VersionedTextDocumentIdentifier(self.versions[name], uri)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, changes))

    def _offset(self, text: str, position: lsp.Position) -> int:
        codec, size = _UNITS[self.encoding]
        lines = text.split("\n")  # the projects here have LF or CR LF
        data = lines[position.line].encode(codec)[: position.character * size]
        return sum(len(line) + 1 for line in lines[: position.line]) + len(data.decode(codec))


def heard(editor: Editor, *methods: str) -> list[tuple[str, Any]]:
    """Collects what the server notifies, in order."""
    found: list[tuple[str, Any]] = []
    for method in methods:

        def keep(params: Any, method: str = method) -> None:  # noqa: ANN401 - pygls gives custom messages no type
            found.append((method, params))

        editor.client.feature(method)(keep)  # pyright: ignore[reportUntypedFunctionDecorator]
    return found


async def until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:  # noqa: ANN401
    """Wait for a value that is true; fail with what was waited for."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert asyncio.get_running_loop().time() < end, f"waited {seconds:g} s for {what}"
        await asyncio.sleep(0.02)
