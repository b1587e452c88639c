"""`darner-lsp`: the language server over stdio."""

from __future__ import annotations

import argparse
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import BinaryIO, cast

_END_S = 0.5
"""How long the engine may take to clean up when the server leaves."""
_POLL_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="darner-lsp", description="Darner's language server: failing pytest tests become verified repairs."
    )
    parser.add_argument("--version", action="version", version=f"darner-lsp {version('darner')}")
    parser.add_argument("--stdio", action="store_true", help="speak over stdin and stdout; the default and only way")
    parser.parse_args()
    serve()


def serve(service: Sequence[str] | None = None) -> None:
    """Serve one client until it leaves. Tests pass another `service` command in place of the engine's."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not reach the protocol
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.WARNING)  # below that it logs whole messages, and so the user's source

    logging.getLogger("pygls.protocol.language_server").setLevel(logging.ERROR)  # it warns of tokens that we keep

    from .commands import Refused
    from .engine_link import SERVICE
    from .server import build

    def expected(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], Refused))

    logging.getLogger("pygls.protocol.json_rpc").addFilter(expected)
    leaving = threading.Lock()

    def leave(code: int) -> None:
        """Take the engine along, and go at once, whatever thread or handler still runs."""
        if leaving.acquire(blocking=False):
            server.session.end_engine(_END_S)
            os._exit(code)

    def client_gone() -> None:
        leave(0 if server.session.shutting_down else 1)

    def watch(pid: int) -> None:
        threading.Thread(target=_watch, args=(pid, client_gone), daemon=True).start()

    server = build(leave, watch, service or SERVICE)
    server.start_io(cast("BinaryIO", _Input(sys.stdin.buffer, client_gone)), out)
    client_gone()


class _Input:
    """stdin that says when it ends, from the reader's own thread: the event loop may be busy for seconds."""

    def __init__(self, stdin: BinaryIO, ended: Callable[[], None]) -> None:
        self._stdin = stdin
        self._ended = ended

    def readline(self) -> bytes:
        return self._checked(self._stdin.readline())

    def read(self, size: int) -> bytes:
        return self._checked(self._stdin.read(size))

    def _checked(self, data: bytes) -> bytes:
        if not data:
            self._ended()
        return data


def _watch(pid: int, gone: Callable[[], None]) -> None:
    """Wait for the client's process to end: another process may hold its end of our stdin open."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        gone()
        return
    except (AttributeError, OSError):
        _poll(pid)
        gone()
        return
    select.select([descriptor], [], [])
    gone()


def _poll(pid: int) -> None:
    """Where the system has no process descriptors."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            pass
        time.sleep(_POLL_S)


if __name__ == "__main__":
    main()
