"""The switchboard: every method that the server answers, and the one function that answers it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any, BinaryIO, NoReturn, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from ..engine.blame import where
from . import commands, configuration, diagnostics, documents, explanation, feed, initialize, inline_completion
from .code_actions import code_actions, resolve
from .code_lens import code_lens
from .encode import Encoded, converter
from .engine_link import SERVICE, EngineLink
from .hover import hover
from .inlay_hints import inlay_hints
from .protocol import CarefulProtocol
from .saving import Saves
from .session import Session
from .snapshot import Snapshot
from .streams import Input, Output

log = logging.getLogger(__name__)
P = TypeVar("P")
R = TypeVar("R")
S = TypeVar("S")

_SHUTDOWN_S = 0.8
"""Editors wait two seconds for `shutdown` and `exit` together."""


class DarnerServer(LanguageServer):
    def __init__(self, service: Sequence[str], leave: Callable[[int], None], watch: Callable[[int], None]) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - pygls leaves *args untyped
            "darner", version("darner"), protocol_cls=documents.OwnDocuments, converter_factory=converter
        )
        self.session = Session(self, lambda: EngineLink(service), Saves)
        self.leave = leave
        """Ends the process; called with 0 after a proper shutdown, else 1."""
        self.watch = watch
        """Leaves when the client's process, named by its id, ends."""
        self.output: Output | None = None
        self.completes = False
        """The handlers of ghost text are there."""

    def report_server_error(self, error: Exception, source: type[Exception]) -> None:
        """What the protocol (protocol.py) has not answered or told already. Only a log: telling could fail in turn."""
        if not isinstance(error, JsonRpcException):
            log.error("%s: %s", source.__name__, where(error))

    def serve(self, stdin: BinaryIO, stdout: BinaryIO, gone: Callable[[], None]) -> NoReturn:
        """Speak over these streams, which `streams.take` has made private; `gone` when the client is."""
        asyncio.run(self._serve(stdin, stdout, gone))
        raise AssertionError("the event loop ended before the process")

    async def _serve(self, stdin: BinaryIO, stdout: BinaryIO, gone: Callable[[], None]) -> None:
        loop, protocol = asyncio.get_running_loop(), self.protocol
        assert isinstance(protocol, CarefulProtocol)

        def received(message: object, done: Callable[[], None]) -> None:
            loop.call_soon_threadsafe(handle, message, done)

        def handle(message: object, done: Callable[[], None]) -> None:
            try:
                protocol.receive(message)
            finally:
                done()

        loop.set_exception_handler(_unexpected)
        protocol.out = self.output = Output(stdout, gone)
        protocol.told = lambda sentence: self.session.show_once(sentence, lsp.MessageType.Error)
        Input(stdin, received, gone)
        await asyncio.Event().wait()


def _unexpected(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    log.error("%s", where(error) if isinstance(error, BaseException) else context.get("message"))


def build(leave: Callable[[int], None], watch: Callable[[int], None], service: Sequence[str] = SERVICE) -> DarnerServer:
    """The server with all its methods. `service` starts the engine process."""
    server = DarnerServer(service, leave, watch)
    session = server.session
    session.jobs.on_change = lambda: feed.tell_status(session)

    def on(method: str, handler: Callable[..., Any]) -> None:
        server.feature(method)(handler)

    on(lsp.INITIALIZE, _with(server, _initialize))
    on(lsp.INITIALIZED, _with(server, _initialized))
    on(lsp.SHUTDOWN, _shutdown_of(session))
    on(lsp.EXIT, lambda *_: server.leave(0 if session.shutting_down else 1))

    on(lsp.TEXT_DOCUMENT_DID_OPEN, _with(session, documents.did_open))
    on(lsp.TEXT_DOCUMENT_DID_CHANGE, _with(session, documents.did_change))
    on(lsp.TEXT_DOCUMENT_DID_SAVE, _with(session, documents.did_save))
    on(lsp.TEXT_DOCUMENT_DID_CLOSE, _with(session, documents.did_close))
    on(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL, _with(session, _cancel_progress))
    on(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, _with(session, configuration.did_change_configuration))
    on(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, _with(session, initialize.did_change_workspace_folders))
    on("darner/setTrust", _with(session, _set_trust))

    on(lsp.TEXT_DOCUMENT_HOVER, _pure(session, hover))
    on(lsp.TEXT_DOCUMENT_CODE_LENS, _pure(session, code_lens))
    on(lsp.TEXT_DOCUMENT_INLAY_HINT, _pure(session, inlay_hints))
    # `textDocument/codeAction` and its `resolve`, `workspace/textDocumentContent`, and the two that pull
    # diagnostics: in _initialize, as the client can

    for name, command in (
        ("darner.runTests", commands.run_tests),
        ("darner.repair", commands.repair),
        ("darner.answer", commands.answer),
        ("darner.writeAnswer", commands.write_answer),
        ("darner.explain", commands.explain),
        ("darner.applyRepair", commands.apply_repair),
        ("darner.implement", commands.implement),
        ("darner.writeTest", commands.write_test),
        ("darner.addExample", commands.add_example),
        ("darner.cancel", commands.cancel),
        ("darner.showRepairs", commands.show_repairs),
        ("darner.showExplanation", commands.show_explanation),
        ("darner.openExplanation", commands.open_explanation),
        ("darner.testTree", commands.test_tree),
        ("darner.undo", commands.undo),
        ("darner.applied", commands.applied),
    ):
        server.command(name)(_command(session, command))
    for name, slow in (("darner.wait", commands.wait), ("darner.showStatus", commands.show_status)):
        server.command(name)(_slow_command(session, slow))
    return server


def _initialize(server: DarnerServer, params: lsp.InitializeParams) -> None:
    """Methods whose options depend on the client are registered here; see initialize.py for the rest."""
    session = server.session
    if params.process_id is not None:
        server.watch(params.process_id)
    initialize.initialize(session, params)
    client = session.snapshot.client
    every = [lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.Refactor]
    kinds = lsp.CodeActionOptions(every, resolve_provider=client.resolves_edits) if client.action_literals else None
    server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, kinds)(_pure(session, code_actions))
    if client.resolves_edits:
        server.feature(lsp.CODE_ACTION_RESOLVE)(_pure(session, resolve))
    offer = inline_completion.Offer(session)
    session.on_settings += [offer.follow, lambda: commands.follow_watch(session)]
    if offer.at_start:
        _complete(server)
    if client.virtual_documents:
        server.feature(lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT)(_pure(session, explanation.content))
    if client.pulls:
        pulled = lsp.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=True, identifier="darner")
        pull = _slow(session, _pull)
        server.feature(lsp.TEXT_DOCUMENT_DIAGNOSTIC, pulled)(pull)
        server.feature(lsp.WORKSPACE_DIAGNOSTIC)(_workspace_diagnostic_of(session))


def _complete(server: DarnerServer) -> None:
    """pygls offers inline completion only when it is given options."""
    session, server.completes = server.session, True
    if session.snapshot.client.completes_inline:
        handler = _slow(session, inline_completion.inline_completion)
        server.feature(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, lsp.InlineCompletionOptions())(handler)
    else:
        handler = _slow(session, inline_completion.completion)
        server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions())(handler)


def _initialized(server: DarnerServer, params: lsp.InitializedParams) -> None:
    """What was not offered at the start is answered all the same, so that it can be offered later."""
    if not server.completes:
        _complete(server)
    initialize.initialized(server.session, params)


def _shutdown_of(session: Session) -> Callable[..., Any]:
    async def shutdown(_: None) -> None:
        await session.close(_SHUTDOWN_S)

    return shutdown


def _workspace_diagnostic_of(session: Session) -> Callable[[lsp.WorkspaceDiagnosticParams], Any]:
    async def workspace_diagnostic(params: lsp.WorkspaceDiagnosticParams) -> Encoded:
        """Answered when there is news, so that an idle client does not ask again and again."""
        while (report := await diagnostics.pull_workspace(seen := session.snapshot, params)) is None:
            if session.snapshot is seen:
                await session.wait_changed()
        return report

    return workspace_diagnostic


async def _pull(session: Session, params: lsp.DocumentDiagnosticParams) -> Encoded:
    return await diagnostics.pull(session.snapshot, params)


def _set_trust(session: Session, params: Any) -> None:  # noqa: ANN401 - pygls gives custom messages no type
    trusted = getattr(params, "trusted", None)
    if isinstance(trusted, bool):
        session.set_trust(trusted)
        feed.tell_status(session)
    else:
        session.show("darner/setTrust needs {trusted: true} or {trusted: false}.", lsp.MessageType.Warning)


def _cancel_progress(session: Session, params: lsp.WorkDoneProgressCancelParams) -> None:
    session.jobs.cancel(str(params.token))


def _pure(session: Session, handler: Callable[[Snapshot, P], R]) -> Callable[..., R]:
    """A handler that sees one immutable snapshot and nothing else."""

    def answer(params: P) -> R:
        return handler(session.snapshot, params)

    return answer


def _with(owner: S, handler: Callable[[S, P], None]) -> Callable[..., None]:
    def handle(params: P) -> None:
        handler(owner, params)

    return handle


def _command(session: Session, handler: Callable[..., object]) -> Callable[..., object]:
    # `object` here would make pygls pass its server as the first argument: the server is one
    def command(*arguments: Any) -> object:  # noqa: ANN401
        return handler(session, *arguments)

    return command


def _slow(session: Session, handler: Callable[[Session, P], Awaitable[R]]) -> Callable[[P], Awaitable[R]]:
    """A handler that waits; pygls ends it when the client cancels the request."""

    async def answer(params: P) -> R:
        return await handler(session, params)

    return answer


def _slow_command(session: Session, handler: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    async def command(*arguments: Any) -> object:  # noqa: ANN401
        return await handler(session, *arguments)

    return command
