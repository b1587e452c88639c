"""One request and its answers: the candidate's files go in, rows come out, and everything is put back.

A conversation takes the quickest server that can serve it. It believes a row only when it carries the request's nonce,
and turns whatever becomes of a server into an ending; what the rows are worth is judged elsewhere (verdict.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TypeVar

from . import wire
from .errors import SandboxError
from .fork_server import ForkServer
from .staged import Staged, row_of
from .types import Limits
from .wire import Malformed, Row
from .workspace import Workspace

_QUICK = ("tests", "calls", "half", "screen")
"""What collected tests can serve; a screen is served by nothing else."""


class Conversation:
    """One at a time; owned by a session, which closes what is given here."""

    def __init__(self, workspace: Workspace, staged: Staged) -> None:
        self._workspace = workspace
        self._staged = staged
        self._layered = False
        self._asked: ForkServer | None = None
        self.exchanged = 0
        """Candidates that ran without a fresh import, screened ones too."""

    def put_back(self) -> None:
        """The project's files are as the user has them."""
        self._workspace.restore(everything=not self._layered)

    def say(self, line: str) -> None:
        """To the child that runs now. Raises SandboxError when its server is gone."""
        if self._asked is not None:
            self._asked.say(line)

    def stop(self) -> None:
        if self._asked is not None:
            self._asked.stop()

    def hold(
        self,
        request: dict[str, object],
        edits: Mapping[str, bytes],
        limits: Limits,
        cancelled: Callable[[], bool],
        on_row: Callable[[Row], None],
        cold: Callable[[], ForkServer] | None = None,
    ) -> tuple[list[Row], dict[str, object]]:
        """One request, by the quickest way that serves it: its rows, and the kernel's account of how it ended."""
        self.put_back()

        def ask(server: ForkServer, message: Mapping[str, object]) -> tuple[list[Row], dict[str, object]]:
            return self._ask(server, message, edits, limits, cancelled, on_row)

        try:
            if cold:
                with closing(_running(cold)) as server:
                    return ask(server, request)
            quick = _running(lambda: self._staged.quick(cancelled)) if request["do"] in _QUICK else None
            if quick is not None:
                rows, end = ask(quick, {"edited": list(edits), **request})
                self._staged.ended(str(end["why"]))
                if request["do"] == "screen":
                    return rows, end
                if not any("unstaged" in row for row in rows):
                    self.exchanged += bool(edits)
                    if not edits:
                        self._staged.learn(wire.module_names(rows))
                    return rows, end
                self.put_back()
            elif request["do"] == "screen":
                return [], {"why": "infra", "detail": self._staged.slow_because}
            rows, end = ask(_running(lambda: self._staged.slow(cancelled)), request)
        except _NotRunning as trouble:
            if cancelled():
                if cold is None:
                    self._staged.close()  # it may be in the middle of importing
                return [], {"why": "cancel"}
            rows, end = list[Row](), dict[str, object](why="infra", detail=str(trouble))
        if cold is None:
            self._staged.ended(str(end["why"]))
        return rows, end

    def _ask(
        self,
        server: ForkServer,
        request: Mapping[str, object],
        edits: Mapping[str, bytes],
        limits: Limits,
        cancelled: Callable[[], bool],
        on_row: Callable[[Row], None],
    ) -> tuple[list[Row], dict[str, object]]:
        """One request to one server, believing only rows that carry the nonce."""
        self._asked = server
        self._workspace.place(edits)
        self._layered = server.layered
        nonce = secrets.token_hex(16)
        rows: list[Row] = []
        forged = False

        def on_line(line: str) -> None:
            nonlocal forged
            try:
                row = wire.parse_line(line)
                if row.get("nonce") != nonce:
                    raise Malformed("a row without the nonce")
                rows.append(row)
                on_row(row)
            except Malformed:
                forged = True

        message = {**request, "nonce": nonce, "limits": row_of(limits)}
        end: dict[str, object]
        try:
            end = server.ask(message, limits.wall_s, cancelled, on_line)
        except SandboxError as error:
            end = {"why": "infra", "detail": str(error)}
        except BaseException:  # Ctrl-C in the middle: the server may be anywhere, so it goes
            self._staged.close()
            raise
        if forged:
            return rows, {**end, "why": "forged"}
        refused = next((str(row["infra"]) for row in rows if "infra" in row), "")
        return rows, {"why": "infra", "detail": refused} if refused else end


class _NotRunning(Exception):
    """There is no server to ask; the message says why."""


_S = TypeVar("_S", ForkServer, ForkServer | None)


def _running(start: Callable[[], _S]) -> _S:
    try:
        return start()
    except (SandboxError, OSError) as error:
        raise _NotRunning(str(error)) from error
