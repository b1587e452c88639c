"""The protocol's rules that pygls leaves to luck: every request is answered once, and every error is told once.

pygls answers nothing to a request that it cannot read or that comes after `shutdown`, sends tracebacks to the client,
logs messages with the user's text in them, and keeps a future of every notification for ever.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol, cast

from lsprotocol import types as lsp
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcParseError,
    JsonRpcRequestCancelled,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

from ..engine.blame import where
from .encode import Encoded
from .streams import Unreadable

log = logging.getLogger(__name__)


class Out(Protocol):
    def write(self, body: str) -> None: ...


class ServerNotInitialized(JsonRpcException):
    CODE = -32002


class CarefulProtocol(LanguageServerProtocol):
    out: Out
    """Where messages go; set before the first one is received."""
    told: Callable[[str], None]
    """Shows one sentence to the user."""
    _initialized = False

    def receive(self, message: object) -> None:
        """One decoded message, whatever it is. Used from the event loop."""
        if isinstance(message, Unreadable):
            self._refuse(None, JsonRpcParseError(f"Darner cannot read a message: {message.reason}."))
            return
        if not isinstance(message, Mapping):
            self._refuse(None, JsonRpcInvalidRequest("A message must be an object."))
            return
        row = cast("dict[str, Any]", message)
        method = row.get("method")
        number = row.get("id")
        if number is not None and not isinstance(number, str | int):
            self._refuse(None, JsonRpcInvalidRequest("A request's id must be a number or a string."))
            return
        if (refusal := self._refusal(method)) is not None:
            if "id" in row:
                self._refuse(number, refusal)
            return
        try:
            if row.get("jsonrpc") != self.VERSION:
                raise JsonRpcInvalidRequest('The message lacks "jsonrpc": "2.0".')
            self.handle_message(cast("Any", self.structure_message(row)))
        except JsonRpcException as error:
            self._refuse_unreadable(row, error)
        except Exception as error:  # a shape that the protocol's types do not foresee
            self._refuse_unreadable(row, JsonRpcInvalidParams(f"Darner cannot read it ({type(error).__name__})."))

    def _refusal(self, method: object) -> JsonRpcException | None:
        """Why a request may not be answered in this state of the session."""
        if method is None or method == lsp.EXIT:
            return None
        if method == lsp.INITIALIZE:
            if self._initialized:
                return JsonRpcInvalidRequest("Darner is initialized already.")
            self._initialized = True
            return None
        if not self._initialized:
            return ServerNotInitialized("Darner is not initialized yet.")
        if self._shutdown:
            return JsonRpcInvalidRequest("Darner is shutting down.")
        return None

    def _refuse_unreadable(self, row: Mapping[str, Any], error: JsonRpcException) -> None:
        if "id" not in row:
            log.warning("a notification %.60r cannot be read and is left out", row.get("method"))
        elif "method" in row:
            self._refuse(row["id"], error)
        else:
            self._fail_pending(row["id"], error)

    def _fail_pending(self, number: str | int | None, error: JsonRpcException) -> None:
        """The client's answer to a request of ours makes no sense: whoever waits for it must not wait for ever."""
        future = self._request_futures.pop(number, None) if number is not None else None
        if future is not None and not future.done():
            future.set_exception(error)

    def _refuse(self, number: str | int | None, error: JsonRpcException) -> None:
        if number is None:
            log.warning("%s", error.message)
        answer = {"jsonrpc": "2.0", "id": number, "error": {"code": error.code, "message": error.message}}
        self.out.write(json.dumps(answer))

    def _send_data(self, data: Any) -> None:  # noqa: ANN401 - pygls' own signature
        self.out.write(json.dumps(data, default=self._serialize_message, ensure_ascii=False))

    def _send_handler_result(self, future: Future[Any], *, msg_id: str | int) -> None:
        """The one answer to a request."""
        self._request_futures.pop(msg_id, None)
        if future.cancelled():
            error: JsonRpcException = JsonRpcRequestCancelled("Cancelled.")
        else:
            raised = future.exception()
            if raised is None:
                self._answer(msg_id, future.result())
                return
            error = raised if isinstance(raised, JsonRpcException) else _inside(raised)
        self._send_response(msg_id, error=lsp.ResponseError(error.code, error.message, error.data))

    def _answer(self, number: str | int, result: object) -> None:
        if isinstance(result, Encoded):
            self.out.write(f'{{"jsonrpc":"2.0","id":{json.dumps(number)},"result":{result.text}}}')
        else:
            self._send_response(number, result=result)

    def notify_encoded(self, method: str, params: str) -> None:
        """As `notify`, with params that are JSON text already."""
        self.out.write(f'{{"jsonrpc":"2.0","method":{json.dumps(method)},"params":{params}}}')

    def _check_handler_result(self, future: Future[Any]) -> None:
        """The end of a notification, which has no answer that could tell of its failure."""
        if not future.cancelled() and (raised := future.exception()) is not None:
            self.told(_inside(raised).message)

    def _execute_handler(self, msg_id: str | int, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        """And forget its future at the end, which pygls does only for requests."""
        super()._execute_handler(msg_id, *arguments, **named)
        future = self._request_futures.get(msg_id)
        if future is not None:
            future.add_done_callback(lambda done: self._forget(msg_id, done))

    def _forget(self, msg_id: str | int, done: Future[Any]) -> None:
        if self._request_futures.get(msg_id) is done:
            self._request_futures.pop(msg_id)

    @lsp_method(lsp.SHUTDOWN)
    def lsp_shutdown(self, *_: Any) -> Any:  # noqa: ANN401 - pygls leaves its generators untyped
        """As in pygls, which changes the size of the table while it walks through it."""
        yield cast("dict[str, Any]", self.fm.features)[lsp.SHUTDOWN], (None,), None  # pyright: ignore[reportUnknownMemberType]
        current = self.msg_id
        for number, future in list(self._request_futures.items()):
            if number != current:
                future.cancel()
        self._shutdown = True


def _inside(error: BaseException) -> JsonRpcInternalError:
    """Logged here, once, without the values in its message, which may be the user's source."""
    log.error("%s", where(error))
    return JsonRpcInternalError(f"Darner failed inside: {where(error, frames=1)}.")
