"""One job's work-done progress: begun when the client can show it, always ended.

pygls' own helper keeps every token for ever and asks no capability, so the four messages are sent from here.
"""

from __future__ import annotations

import time

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
        self._next_report = 0.0
        self._phase = "Starting"
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
        self._begun = True
        self._send(lsp.WorkDoneProgressBegin(title=self._title, cancellable=True, message=self._phase))

    def phase(self, text: str) -> None:
        """A named step began: always shown."""
        self._phase, self._next_report = text, 0.0
        self.report("")

    def report(self, detail: str) -> None:
        """News within the step: shown at most ten times a second."""
        now = time.monotonic()
        if self._begun and now >= self._next_report:
            self._next_report = now + _REPORT_EVERY_S
            message = f"{self._phase}: {detail}" if detail else self._phase
            self._send(lsp.WorkDoneProgressReport(message=message, cancellable=True))

    def end(self) -> None:
        if self._begun:
            self._begun = False
            self._send(lsp.WorkDoneProgressEnd(message=self.outcome))

    def _send(self, value: lsp.WorkDoneProgressBegin | lsp.WorkDoneProgressReport | lsp.WorkDoneProgressEnd) -> None:
        self._server.progress(lsp.ProgressParams(self._token, value))
