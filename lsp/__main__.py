"""`darner-lsp`: the language server over stdio."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

from .streams import take

_END_S = 0.5
"""How long the engine may take to clean up when the server leaves."""
_FLUSH_S = 0.1
"""How long the client may take to read what was still to be said."""
_POLL_S = 1.0


def main() -> None:
    options().parse_args()
    serve()


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="darner-lsp", description="Darner's language server: failing pytest tests become verified repairs."
    )
    parser.add_argument("--version", action="version", version=f"darner-lsp {version('darner')}")
    parser.add_argument("--stdio", action="store_true", help="speak over stdin and stdout; the default and only way")
    return parser


def serve(service: Sequence[str] | None = None) -> None:
    """Serve one client until it leaves. Tests pass another `service` command in place of the engine's."""
    stdin, stdout, end_log = take()
    gc.disable()  # the classes of the protocol, more than five hundred, are no garbage, and the client waits
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)  # it logs whole messages; protocol.py logs what matters

    from .protocol_types import import_types

    import_types()
    from .engine_link import SERVICE
    from .server import build

    leaving = threading.Lock()

    def leave(code: int) -> None:
        """Take the engine along, and go at once, whatever thread or handler still runs."""
        if leaving.acquire(blocking=False):
            server.session.end_engine(_END_S)
            if server.output is not None:
                server.output.flush(_FLUSH_S)
            end_log()
            os._exit(code)
        threading.Event().wait()  # another thread is doing that

    def client_gone() -> None:
        leave(0 if server.session.shutting_down else 1)

    def watch(pid: int) -> None:
        threading.Thread(target=_watch, args=(pid, client_gone), daemon=True).start()

    server = build(leave, watch, service or SERVICE)
    gc.freeze()  # nor is anything else that was made so far: no later collection looks at it again
    gc.enable()
    try:
        server.serve(stdin, stdout, client_gone)
    finally:
        client_gone()  # also at Ctrl-C in a terminal


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
