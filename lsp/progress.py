"""One job's work-done progress: begun when the client can show it, always ended.

pygls' own helper keeps every token for ever and asks no capability, so the four messages are sent from here.
"""

from __future__ import annotations

import asyncio

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

_REPORT_EVERY_S = 0.1


class Progress:
    """The job's id is the token, so that a cancel button names the job."""

    def __init__(self, server: LanguageServer, token: str, title: str, supported: bool) -> None:
        self._server = server
        self._token = token
        self._title = title
        self._supported = supported
        self._begun = False
        self._phase = "Starting"
        self._message = self._shown = self._phase
        self._soon: asyncio.TimerHandle | None = None
        self.outcome = ""
        """What the last message says."""

    async def begin(self) -> None:
        """Beside the work, which does not wait for the client."""
        if not self._supported:
            return
        try:
            await self._server.window_work_done_progress_create_async(lsp.WorkDoneProgressCreateParams(self._token))
        except JsonRpcException:
            return
        self._begun, self._shown = True, self._message
        self._send(lsp.WorkDoneProgressBegin(title=self._title, cancellable=True, message=self._message))

    def phase(self, text: str) -> None:
        """A named step began: always shown."""
        self._phase = self._message = text
        self._rest()
        self._report()

    def report(self, detail: str) -> None:
        """News within the step: shown at most ten times a second, the latest in any case."""
        self._message = f"{self._phase}: {detail}"
        if self._soon is None:
            self._report()

    def _report(self) -> None:
        self._soon = None
        if self._begun and self._message != self._shown:
            self._shown = self._message
            self._send(lsp.WorkDoneProgressReport(message=self._message, cancellable=True))
            self._soon = asyncio.get_running_loop().call_later(_REPORT_EVERY_S, self._report)

    def _rest(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None

    def end(self) -> None:
        self._rest()
        if self._begun:
            self._begun = False
            self._send(lsp.WorkDoneProgressEnd(message=self.outcome))

    def _send(self, value: lsp.WorkDoneProgressBegin | lsp.WorkDoneProgressReport | lsp.WorkDoneProgressEnd) -> None:
        self._server.progress(lsp.ProgressParams(self._token, value))
