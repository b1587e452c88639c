"""Settings from three places: pyproject.toml, then initializationOptions, then the client's configuration; later wins.

A project's own table counts only once the user trusts the project: it names an interpreter to run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from ..engine.settings import Settings, read, read_project
from .snapshot import file_uri

if TYPE_CHECKING:
    from .session import Session

SECTION = "darner"
_INITIAL, _CLIENT = "initializationOptions", SECTION
_PATIENCE_S = 2.0


class Configuration:
    """What was given, unread, so that every change is read anew against the whole."""

    def __init__(self) -> None:
        self.initial: object = None
        self._everywhere: object = None
        self._folders: Mapping[Path, object] = {}
        self._asked = 0
        self._told = asyncio.Event()
        self._told.set()

    def expect(self) -> None:
        """The client is asked for what changed."""
        self._asked += 1
        self._told.clear()

    def arrived(self) -> None:
        """One of those requests was answered, or failed."""
        self._asked -= 1
        if not self._asked:
            self._told.set()

    async def settled(self) -> None:
        """Until nothing is asked any more: what begins now must not use an interpreter that was just replaced."""
        with contextlib.suppress(TimeoutError):  # a client that never answers holds up nothing for long
            async with asyncio.timeout(_PATIENCE_S):  # not wait_for: before Python 3.12 that may swallow a cancel
                await self._told.wait()

    def put(self, everywhere: object, folders: Mapping[Path, object]) -> None:
        self._everywhere, self._folders = everywhere, folders

    def of_user(self, root: Path | None) -> tuple[Settings, tuple[str, ...]]:
        """What the editor says alone: enough to know whether the project is trusted."""
        return self._over(Settings(), (), root)

    def of_project(self, root: Path) -> tuple[Settings, tuple[str, ...]]:
        """For a trusted project: its own table below what the editor says."""
        settings, complaints = self._over(*read_project(root, Settings()), root)
        return replace(settings, interpreter=_located(settings.interpreter, root)), complaints

    def _over(self, base: Settings, complaints: tuple[str, ...], root: Path | None) -> tuple[Settings, tuple[str, ...]]:
        configured = self._configured(root)
        settings, wrong = read(_unnamed(self.initial, configured), _INITIAL, base)
        settings, more = read(configured, _CLIENT, settings)
        return settings, (*complaints, *wrong, *more)

    def _configured(self, root: Path | None) -> object:
        """Of the innermost workspace folder that holds the project."""
        around = [folder for folder in self._folders if root is not None and root.is_relative_to(folder)]
        if not around:
            return self._everywhere
        return self._folders[max(around, key=lambda folder: len(folder.parts))]


def _unnamed(initial: object, configured: object) -> object:
    """What the client's configuration names, as null too, it says anew: the value of the start may have been reset."""
    if not isinstance(initial, Mapping) or not isinstance(configured, Mapping):
        return cast(object, initial)
    named = cast("Mapping[object, object]", configured)
    return {key: value for key, value in cast("Mapping[object, object]", initial).items() if key not in named}


def _located(interpreter: str, root: Path) -> str:
    """A path is counted from the project; a bare name is looked up on PATH by the engine."""
    return str(root / Path(interpreter).expanduser()) if "/" in interpreter else interpreter


def did_change_configuration(session: Session, params: lsp.DidChangeConfigurationParams) -> None:
    """`workspace/didChangeConfiguration`: with the settings inside, or as a hint to ask for them."""
    if session.snapshot.client.configuration:
        session.in_background(ask(session))
    else:
        raw: Any = params.settings
        given: Mapping[str, object] = cast("Mapping[str, object]", raw) if isinstance(raw, Mapping) else {}
        session.configuration.put(given.get(SECTION, given or None), {})
        session.reconfigure()


def ask(session: Session) -> Awaitable[None]:
    """`workspace/configuration`, for every folder and for what lies outside of them; expected from this moment on."""
    session.configuration.expect()
    return _asked(session)


async def _asked(session: Session) -> None:
    try:
        await _put_answers(session)
    finally:
        session.configuration.arrived()


async def _put_answers(session: Session) -> None:
    folders = session.snapshot.folders
    scopes = [lsp.ConfigurationItem(scope_uri=file_uri(folder), section=SECTION) for folder in folders]
    items = [*scopes, lsp.ConfigurationItem(section=SECTION)]
    with contextlib.suppress(JsonRpcException):
        answers = await session.server.workspace_configuration_async(lsp.ConfigurationParams(items))
        by_folder = {folder.resolve(): answer for folder, answer in zip(folders, answers, strict=False)}
        session.configuration.put(answers[-1] if len(answers) == len(items) else None, by_folder)
        session.reconfigure()


async def watch(session: Session) -> None:
    """Ask to be told of changes, where the client wants to be asked; then read what is set now."""
    client = session.snapshot.client
    if client.registers_configuration:
        registration = lsp.Registration(
            "darner-configuration",
            lsp.WORKSPACE_DID_CHANGE_CONFIGURATION,
            lsp.DidChangeConfigurationRegistrationOptions(section=SECTION),
        )
        with contextlib.suppress(JsonRpcException):
            await session.server.client_register_capability_async(lsp.RegistrationParams([registration]))
    if client.configuration:
        await ask(session)
